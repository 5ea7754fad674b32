"""What an exported library says of classes, from raw values: their numbers and names are those of `Model.classify`."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.file.preprocess import Normalization, Preprocess

COMPILER = shutil.which("cc") or shutil.which("gcc")
FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-O1"]
NORMALIZED = Preprocess(normalization=Normalization((0.5, -2.0), (0.25, 0.01)))
KINDS = {
    "classes": {"output_size": 5},
    "one logit": {"output_size": 1},
    "every step": {"output": "all"},
    "mean": {"output": "mean"},
    "tokens": {"input": "tokens", "input_size": 7, "output_size": 4},
    "normalized": {"preprocess": NORMALIZED},
    "pixels": {"input_size": 1, "preprocess": Preprocess(uint8_scale=1 / 255)},
}
DRIVER = """
#include <stdio.h>
#include "net.h"
static net_state state;
int main(void) {
    static net_%s given[BATCH * STEPS * NET_INPUT_SIZE];
    unsigned i;
    if (fread(given, sizeof given, 1, stdin) != 1) return 1;
    for (i = 0; i < BATCH; ++i) {
        const int k = net_classify(&state, given + i * STEPS * NET_INPUT_SIZE, STEPS);
        if (k != net_class(&state)) return 2;
        printf("%%d\\n", k);
    }
    return 0;
}
"""

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")


def draw(rng, model, *shape):
    if model.card.input == "tokens":
        return rng.integers(0, model.card.input_size, shape).astype(np.int32)
    if model.card.preprocess.uint8_scale is not None:
        return rng.integers(0, 256, (*shape, model.card.input_size)).astype(np.uint8)
    x = rng.normal(size=(*shape, model.card.input_size)).astype(np.float32)
    if model.card.preprocess.normalization is not None:
        x = (x * [0.25, 0.01] + [0.5, -2.0]).astype(np.float32)
    return x


def centred(model, x):
    """The model with another bias, so that it finds more than one class in x."""
    parameters = model.parameters()
    parameters["output.bias"] -= model.infer(x).reshape(-1, model.card.output_size).mean(axis=0)
    return hr.Model.from_parameters(model.card, parameters)


def run(folder, source, given, *options):
    (folder / "driver.c").write_text(source)
    command = [COMPILER, *FLAGS, *options, "net.c", "driver.c", "-o", "driver"]
    subprocess.run(command, cwd=folder, check=True)
    return subprocess.run([folder / "driver"], input=given, stdout=subprocess.PIPE, check=True).stdout


@pytest.mark.parametrize("integer", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_class_is_that_of_python(rng, make_model, tmp_path, kind, integer):
    floats = make_model(rng, **KINDS[kind])
    x = draw(rng, floats, 40, 12)
    floats = centred(floats, x)
    model = floats.quantize(x, readout="integer") if integer else floats
    resolution = 2.0**-12 if integer and kind in ("classes", "normalized") else None
    hr.export.c(model, tmp_path, "net", resolution=resolution)
    given = hr.export.c_raw(model, x, resolution)
    if resolution is not None:
        x = (given * resolution).astype(np.float32)
    expected = model.classify(x).labels[..., 0]
    expected = expected[:, -1] if model.card.output == "all" else expected
    assert len(np.unique(expected)) > 1
    what = "raw" if "_raw;" in (tmp_path / "net.h").read_text() else "input"
    found = run(tmp_path, DRIVER % what, given.tobytes(), "-DBATCH=40", "-DSTEPS=12")
    np.testing.assert_array_equal(np.array(found.split(), np.int64), expected)


@pytest.mark.parametrize("outputs", [1, 3])
def test_nan_is_no_class(rng, make_model, tmp_path, outputs):
    model = make_model(rng, output_size=outputs)
    hr.export.c(model, tmp_path, "net")
    given = np.full((1, 3, 2), np.nan, np.float32)
    assert run(tmp_path, DRIVER % "input", given.tobytes(), "-DBATCH=1", "-DSTEPS=3") == b"-1\n"


def test_labels_are_those_of_the_card(rng, make_model, tmp_path):
    """Whatever is in them; and no class has the empty name."""
    labels = ('"a\\', "?" * 2 + "/", "Grüße, 7*/\n", "x")
    model = make_model(rng, output_size=4)
    model = hr.Model.from_parameters(dataclasses.replace(model.card, labels=labels), model.parameters())
    hr.export.c(model, tmp_path, "net")
    source = """
#include <stdio.h>
#include "net.h"
int main(void) {
    int k;
    for (k = -1; k <= NET_CLASSES; ++k) printf("%s|", net_label(k));
    return 0;
}
"""
    found = run(tmp_path, source, b"", "-trigraphs").decode()
    assert found == "|" + "".join(f"{label}|" for label in labels) + "|"


def test_a_model_without_labels_has_none(rng, make_model, tmp_path):
    hr.export.c(make_model(rng, output_size=1), tmp_path, "net")
    header = (tmp_path / "net.h").read_text()
    assert "net_label" not in header
    assert "#define NET_CLASSES 2\n" in header
