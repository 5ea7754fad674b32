"""Windows of a stream without an end in exported C: the bits of `Model.windows`, at the same steps."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import pytest

import hadamrnn_ext as hr
from compiled import COMPILER, SANITIZERS, STRICT
from drawn import draw, forgetting_model, same
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.file.card import LayerCard
from hadamrnn_ext.file.pool import Pool

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
DRIVER = """
#include <stdio.h>
#include "net.h"
int main(void) {
    static net_windows windows;
    net_input x[NET_INPUT_SIZE];
    net_logit y[NET_OUTPUT_SIZE];
    net_windows_init(&windows);
    while (fread(x, sizeof x, 1, stdin) == 1) {
        const unsigned char ended = (unsigned char)net_windows_step(&windows, x, y);
        if (fwrite(&ended, 1, 1, stdout) != 1) return 1;
        if (ended && fwrite(y, sizeof y, 1, stdout) != 1) return 1;
    }
    return 0;
}
"""


def in_c(model, folder, x, length, hop):
    """Whether a window ends with each step of x (T, ..), and the logits of those that do."""
    hr.export.c(model, folder, "net", windows=(length, hop))
    (folder / "driver.c").write_text(DRIVER)
    command = [COMPILER, *STRICT, *SANITIZERS, "net.c", "driver.c", "-o", "driver"]
    subprocess.run(command, cwd=folder, check=True)
    given = hr.export.c_input(model, x[None]).tobytes()
    printed = subprocess.run([folder / "driver"], input=given, stdout=subprocess.PIPE, check=True).stdout
    ended, rows = [], []
    size = 4 * model.card.output_size
    while printed:
        ended.append(printed[0])
        rows += [printed[1 : 1 + size]] * ended[-1]
        printed = printed[1 + size * ended[-1] :]
    integer = model.card.integer
    y = np.frombuffer(b"".join(rows), np.float32 if integer is None else np.int32)
    y = y.reshape(-1, model.card.output_size)
    return ended, y if integer is None else y.astype(np.float32) * np.float32(integer.logit_scale)


@pytest.mark.parametrize(("length", "hop"), [(12, 12), (12, 5), (12, 4), (7, 1), (1, 1), (40, 33), (13, 12)])
@pytest.mark.parametrize("kind", ["float", "integer", "forgetting", "tokens"])
def test_the_bits_of_python_at_the_same_steps(rng, make_model, tmp_path, kind, length, hop):
    if kind == "forgetting":
        model = forgetting_model(rng, layers=(LayerCard(24, 8, "relu"),), pool=Pool(2), differences=True)
    elif kind == "tokens":
        model = make_model(rng, sizes=((16, 8),), input="tokens", input_size=5, output="all")
    else:
        model = make_model(rng, sizes=((24, 8), (16, 16)), output="mean")
    x = draw(rng, model, 90)
    x = x.astype(np.int32) if x.ndim == 1 else x
    if kind != "float":
        model = model.quantize(x[None, :30], 8, readout="integer")
    ended, y = in_c(model, tmp_path, x, length, hop)
    windows = model.windows(length, hop)
    expected = [windows.step(step) for step in x]
    assert ended == [int(logits is not None) for logits in expected]
    rows = [logits for logits in expected if logits is not None]
    same(y, np.stack(rows) if rows else np.empty((0, model.card.output_size), np.float32))
    assert f"#define NET_WINDOW_STATES {-(-length // hop)}\n" in (tmp_path / "net.h").read_text()


def test_sums_hold_a_window(rng, make_model, tmp_path):
    """And no more, unless the longest sequence is stated as well."""
    floats = make_model(rng, sizes=((16, 16),), output="mean")
    model = floats.quantize(draw(rng, floats, 2, 20), 8, readout="integer")
    for options, kind in (({}, "uint16_t"), ({"longest": 1000}, "uint32_t")):
        hr.export.c(model, tmp_path, "net", windows=(128, 64), **options)
        assert re.search(rf"{kind} excess\[16\];", (tmp_path / "net.h").read_text())
    with pytest.raises(InputError, match="longest is 100; expected at least 128, the length of a window"):
        hr.export.c(model, tmp_path, "net", windows=(128, 64), longest=100)


@pytest.mark.parametrize(
    ("windows", "said"),
    [
        (5, r"windows is 5; expected two numbers of steps, \(length, hop\)"),
        ((4, 5), "hop is 5"),
        ((0, 1), "length is 0"),
        ((8, 2.5), "hop is 2.5"),
    ],
)
def test_what_is_no_window(rng, make_model, tmp_path, windows, said):
    with pytest.raises(InputError, match=said):
        hr.export.c(make_model(rng), tmp_path / "library", windows=windows)
    assert not (tmp_path / "library").exists()


def test_permuted_steps_have_no_windows(tmp_path):
    with pytest.raises(InputError, match="permutes the time steps"):
        hr.export.c(hr.load("pmnist"), tmp_path, windows=(784, 784))
