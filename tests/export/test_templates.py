"""The templates of exported C: what they make is formatted C, and a mistake in one is no text."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.export import template
from hadamrnn_ext.file.card import Training
from hadamrnn_ext.file.pool import Pool
from hadamrnn_ext.file.preprocess import Normalization, Preprocess

ROOT = Path(__file__).resolve().parents[2]
NORMALIZED = Preprocess(normalization=Normalization((1.0, -2.0), (3.0, 0.01)))
HEARS = Training(task="custom", settings={"sound": "log-mel", "rate": 16_000})
KINDS = {
    "normalized": {"preprocess": NORMALIZED, "output": "mean", "labels": ("a", "b", "c")},
    "layers": {"sizes": ((48, 24), (64, 64)), "recurrence": "modrelu", "output": "all", "weight_bits": 5},
    "large": {"sizes": ((512, 32),), "input_size": 1},
    "tokens": {"sizes": ((16, 4),), "input": "tokens", "input_size": 7, "embedding_size": 5},
    "sound": {"input_size": 32, "training": HEARS},
}
FORGETTING = {
    "pool": {
        "sizes": ((24, 12), (16, 16)),
        "decays": True,
        "input_activation": "clip",
        "differences": True,
        "pool": Pool(2),
        "preprocess": NORMALIZED,
    },
    "running pool": {
        "input_activation": "relu",
        "pool": Pool(1, share=False, time_constant=3),
        "output": "all",
    },
}


@pytest.mark.parametrize(
    ("kind", "transform"),
    [(kind, transform) for kind in KINDS for transform in ("float", "fwht", "popcount")]
    + [(kind, transform) for kind in FORGETTING for transform in ("float", "fwht", "float readout")],
)
def test_exported_c_is_formatted(rng, make_model, tmp_path, kind, transform):
    """As the repository's .clang-format has it; tables of numbers excepted."""
    program = shutil.which(
        "clang-format", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if program is None and not os.environ.get("HADAMRNN_CI"):
        pytest.skip("there is no clang-format")
    fields = {**KINDS, **FORGETTING}[kind]
    if kind in FORGETTING and transform != "float":
        fields = {**fields, "sizes": ((64, 64),)}  # integer models that forget have one layer
    model = make_model(rng, **fields)
    if transform == "popcount" and kind == "layers":
        model = make_model(rng, sizes=((32, 16), (64, 64)), recurrence="sign")
    if transform != "float":
        tokens = model.card.input == "tokens"
        x = rng.integers(0, 7, (2, 9)) if tokens else rng.normal(size=(2, 9, model.card.input_size))
        model = model.quantize(x, 8, readout="float" if transform == "float readout" else "integer")
    paths = hr.export.c(model, tmp_path, "net", "popcount" if transform == "popcount" else "fwht")
    for path in paths:
        if path.suffix in (".c", ".h"):
            command = [program, f"--style=file:{ROOT / '.clang-format'}", str(path)]
            formatted = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            assert path.read_text() == formatted, path.name


@pytest.fixture
def render(tmp_path, monkeypatch):
    """``render`` of a text instead of a file; another one is "part"."""
    (tmp_path / "templates").mkdir()
    monkeypatch.setattr(template, "files", lambda _: tmp_path)

    def made(text, **values):
        (tmp_path / "templates" / "part").write_text("[$a]\n")
        (tmp_path / "templates" / "whole").write_text(text)
        return template.render("whole", values)

    return made


def test_what_templates_can_say(render):
    assert render("$a ${a}b\n", a=1) == "1 1b\n"
    assert render("//if a\nyes\n//else\nno\n//end\n", a=0) == "no\n"
    assert render("//if not a\nyes\n//else\nno\n//end\n", a=0) == "yes\n"
    assert render("//if a == b\nyes\n//end\nend\n", a="b") == "yes\nend\n"
    assert render("//if a\n//if b\nboth\n//else\none\n//end\n//end\n", a=1, b=0) == "one\n"
    rows = [{"a": 1}, {"a": 2}]
    assert render("//each rows\n$a of $n\n//use part\n//end\n$a\n", rows=rows, n=2, a=3) == (
        "1 of 2\n[1]\n2 of 2\n[2]\n3\n"
    )
    assert render("a\n\n//if no\n//end\n\n\nb\n", no=None) == "a\n\nb\n"


@pytest.mark.parametrize("text", ["$b\n", "//if b\n//end\n", "//each b\n//end\n"])
def test_a_value_that_is_missing(render, text):
    with pytest.raises(KeyError, match="b"):
        render(text, a=1)


@pytest.mark.parametrize("text", ["//if a\n", "//each a\n//if a\n//end\n", "a\n//end\n", "//else\n"])
def test_sections_that_do_not_match(render, text):
    with pytest.raises(ValueError, match="section"):
        render(text, a=[])


def test_numbers_keep_every_bit():
    values = np.array([0.1, -0.0, 1e-45, 3.4e38], np.float32)
    for value in values:
        text = hr.export.tables.real(value)
        assert np.float32(float.fromhex(text.removesuffix("f"))).view(np.uint32) == value.view(np.uint32)
