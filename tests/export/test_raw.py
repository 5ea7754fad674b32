"""`name_prepare` of exported C: raw sensor values become what the network reads, over the whole range of raw integers."""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.export.fixed_point import integer_features
from hadamrnn_ext.file.preprocess import Normalization, Preprocess

COMPILER = shutil.which("cc") or shutil.which("gcc")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-pedantic", "-O1"]
SANITIZERS = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]

DRIVER = """
#include <stdio.h>
#include "net.h"
int main(void) {
    net_raw raw[NET_INPUT_SIZE];
    net_input x[NET_INPUT_SIZE];
    while (fread(raw, sizeof raw, 1, stdin) == 1) {
        net_prepare(raw, x);
        if (fwrite(x, sizeof x, 1, stdout) != 1) return 1;
    }
    return 0;
}
"""
LIMIT = 1 << 31
SCALES = {
    "accelerometer in g": ((0.8, -0.02), (0.41, 0.11)),
    "counts": ((512.0, 31.0), (210.0, 4.0)),
    "pressure and degrees": ((101325.0, 48.137), (730.0, 0.0123)),
    "large": ((-3e6, 1.7e9), (2e5, 40.0)),
    "small": ((1e-6, -2e-9), (3e-7, 1e-9)),
}


def integer_model(rng, make_model, offset, scale, bits=8):
    """Of features whose values lie about an offset."""
    preprocess = Preprocess(normalization=Normalization(offset, scale))
    floats = make_model(rng, sizes=((16, 16),), input_size=len(offset), preprocess=preprocess)
    x = np.array(offset) + np.array(scale) * rng.normal(size=(4, 20, len(offset)))
    return floats.quantize(x, state_bits=8, input_bits=bits, readout="integer")


def prepare(folder, model, raw, resolution=None, transform="fwht"):
    """What C makes of raw (N, d)."""
    hr.export.c(model, folder, "net", transform, resolution)
    (folder / "driver.c").write_text(DRIVER)
    command = [COMPILER, *WARNINGS, *SANITIZERS, "driver.c", "net.c", "-o", "driver"]
    subprocess.run(command, cwd=folder, check=True)
    done = subprocess.run([folder / "driver"], input=raw.tobytes(), stdout=subprocess.PIPE, check=True)
    kind = hr.export.c_input(model, np.zeros((1, raw.shape[1]))).dtype
    return np.frombuffer(done.stdout, kind).reshape(raw.shape)


def raw_integers(rng, model, resolution):
    """Those about the range of every feature, all of them where there are few; and the ends of 32 bits. (N, d) int32."""
    columns = []
    for feature, number in zip(integer_features(model.card), resolution, strict=True):
        middle = float(feature.offset) / number
        reach = 1.25 * float(feature.step * feature.high) / number + 3
        around = np.linspace(middle - reach, middle + reach, 40_000)
        ends = [-LIMIT, -LIMIT + 1, -1, 0, 1, LIMIT - 2, LIMIT - 1]
        columns.append(np.clip(np.rint([*around, *ends]), -LIMIT, LIMIT - 1))
    return np.stack(columns, axis=1).astype(np.int32)


def exact(model, raw, resolution):
    """The quotients, as fractions in float128-like pairs: their nearest integers (ties to even), and the distance to a tie."""
    nearest, distance = np.empty(raw.shape, np.int64), np.empty(raw.shape)
    for j, (feature, number) in enumerate(zip(integer_features(model.card), resolution, strict=True)):
        for i, r in enumerate(raw[:, j].tolist()):
            quotient = (r * Fraction(number) - feature.offset) / feature.step
            clamped = min(max(round(quotient), feature.low), feature.high)
            nearest[i, j] = clamped
            inside = feature.low - 1 < quotient < feature.high + 1
            distance[i, j] = abs(float(quotient - quotient.__floor__()) - 0.5) if inside else 0.5
    return nearest, distance


@pytest.mark.parametrize("bits", [2, 8, 12, 16])
@pytest.mark.parametrize("kind", SCALES)
def test_the_stated_bound(rng, make_model, tmp_path, kind, bits):
    """Exact, but next to the middle between two integers, where it is off by one at most."""
    model = integer_model(rng, make_model, *SCALES[kind], bits)
    resolution = tuple(hr.export.raw.raw_values(model.card, None).resolution)
    raw = raw_integers(rng, model, resolution)[::7]
    x = prepare(tmp_path, model, raw).astype(np.int64)
    nearest, distance = exact(model, raw, resolution)
    off = x != nearest
    assert np.abs(x - nearest).max() <= 1
    assert (distance[off] <= 2.0**-14).all()
    assert off.mean() < 1e-4
    low, high = model.card.integer.input.range
    assert {low, high} <= set(x.reshape(-1).tolist())


@pytest.mark.parametrize("kind", ["accelerometer in g", "counts"])
def test_every_integer_of_16_bits_is_what_python_reads(rng, make_model, tmp_path, kind):
    """`c_input` computes in floats: one step off at most, and that seldom."""
    model = integer_model(rng, make_model, *SCALES[kind])
    resolution = 1 / 16384 if kind == "accelerometer in g" else 1.0
    raw = np.repeat(np.arange(-(1 << 15), 1 << 15, dtype=np.int32)[:, None], 2, axis=1)
    x = prepare(tmp_path, model, raw, resolution)
    for values in ((raw * resolution).astype(np.float32), raw * resolution):
        expected = hr.export.c_input(model, values)[0]
        off = x != expected
        assert np.abs(x.astype(int) - expected).max() <= 1
        assert off.mean() < 1e-4


def test_ties_go_to_the_even_integer(rng, make_model, tmp_path):
    """Where a step is a whole number of raw units, every other raw integer lies in the middle: as rint has it."""
    preprocess = Preprocess(normalization=Normalization((3.0,), (64.0,)))
    floats = make_model(rng, input_size=1, preprocess=preprocess)
    x = np.array([3 + 64 * 127 / 32], np.float32).reshape(1, 1, 1)
    model = floats.quantize(x, readout="integer")
    assert model.card.integer.input.scale == 1 / 32  # so a step is 2 raw units
    raw = np.arange(-400, 400, dtype=np.int32)[:, None]
    expected = hr.export.c_input(model, raw.astype(np.float32))[0]
    assert len(set(expected.reshape(-1).tolist())) == 255
    np.testing.assert_array_equal(prepare(tmp_path, model, raw, 1.0), expected, strict=True)


def test_floats_to_the_bit(rng, make_model, tmp_path):
    normalization = Normalization((0.8, -1e-3, 1e20), (0.41, 3.0, 1e19))
    model = make_model(rng, input_size=3, preprocess=Preprocess(normalization=normalization))
    raw = (rng.normal(size=(2000, 3)) * [2, 5, 3e19]).astype(np.float32)
    raw[0], raw[1] = -0.0, np.finfo(np.float32).tiny / 8
    x = prepare(tmp_path, model, raw)
    expected = hr.export.c_input(model, raw)[0]
    np.testing.assert_array_equal(x.view(np.uint32), expected.view(np.uint32), strict=True)
    np.testing.assert_array_equal(hr.export.c_raw(model, raw)[0], raw, strict=True)


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("integer", [False, True])
def test_bytes(rng, make_model, tmp_path, normalized, integer):
    normalization = Normalization((0.45,), (0.22,)) if normalized else None
    preprocess = Preprocess(uint8_scale=1 / 255, normalization=normalization)
    model = make_model(rng, input_size=1, preprocess=preprocess)
    raw = np.arange(256, dtype=np.uint8)[:, None]
    if integer:
        model = model.quantize(raw[None], readout="integer")
    np.testing.assert_array_equal(hr.export.c_raw(model, raw)[0], raw, strict=True)
    expected = hr.export.c_input(model, raw)[0]
    if integer and not normalized:  # they enter as they are
        hr.export.c(model, tmp_path, "net")
        assert "prepare" not in (tmp_path / "net.h").read_text()
        np.testing.assert_array_equal(expected, raw, strict=True)
        return
    np.testing.assert_array_equal(prepare(tmp_path, model, raw), expected, strict=True)
    with pytest.raises(InputError, match="resolution is given; expected None"):
        hr.export.c(model, tmp_path, "net", resolution=0.5)
    with pytest.raises(InputError, match="x has dtype float32; expected uint8"):
        hr.export.c_raw(model, raw / np.float32(255))


def test_the_header_says_how(rng, make_model, tmp_path):
    model = integer_model(rng, make_model, (0.8, -0.02), (0.41, 0.11))
    hr.export.c(model, tmp_path, "net", resolution=(1 / 16384, 0.001))
    header = (tmp_path / "net.h").read_text()
    assert "typedef int32_t net_raw;" in header
    assert "#define NET_RESOLUTION {6.103515625e-05, 0.001}\n" in header
    assert "#define NET_OFFSET {0.8, -0.02}\n" in header
    assert "#define NET_SCALE {0.41, 0.11}\n" in header
    assert f"divided by {model.card.integer.input.scale!r}, rounded" in " ".join(header.split())
    code = (tmp_path / "net.c").read_text()
    assert "float" not in code
    assert "double" not in code


def test_a_resolution_is_chosen(rng, make_model):
    """1 where a step is a whole raw unit at least; else a power of two, one for all features if 32 bits allow it."""

    def chosen(offset, scale):
        model = integer_model(rng, make_model, offset, scale)
        step = [float(feature.step) for feature in integer_features(model.card)]
        return step, hr.export.raw.raw_values(model.card, None).resolution

    _, whole = chosen((512.0, 300.0), (210.0, 400.0))
    assert whole == (1.0, 1.0)
    step, fine = chosen((0.8, 0.0), (0.41, 0.02))
    assert fine[0] == fine[1]
    assert 16 <= min(step) / fine[0] < 32
    step, apart = chosen((1.2e9, 0.0), (100.0, 1e-4))
    assert apart[0] == 1.0
    assert 16 <= step[1] / apart[1] < 32


@pytest.mark.parametrize(
    ("resolution", "message"),
    [
        (0, "resolution\\[0\\] is 0; expected a positive number"),
        (-1.0, "resolution\\[0\\] is -1.0; expected a positive number"),
        (float("nan"), "resolution\\[0\\] is nan; expected a positive number"),
        ((1.0, np.inf), "resolution\\[1\\] is (np.float64\\()?inf\\)?; expected a positive number"),
        ((1.0, "x"), "resolution\\[1\\] is 'x'; expected a positive number"),
        ((1.0, 2.0, 3.0), "resolution has 3 numbers; expected one, or 2, one for each feature"),
        ("1", "resolution is '1'; expected a number, or one for each feature"),
        (True, "resolution\\[0\\] is True; expected a positive number"),
        (100.0, "a raw integer of feature 0 stands for 100; all of its inputs lie within "),
        (1e-11, "a raw integer of feature 0 stands for 1e-11; its offset, 0.8, takes more than 32 bits"),
        (
            (1e-3, 1e-14),
            "a raw integer of feature 1 stands for 1e-14; one step of its input is .*, more than 32 bits",
        ),
    ],
    ids=str,
)
def test_resolutions_that_are_refused(rng, make_model, tmp_path, resolution, message):
    model = integer_model(rng, make_model, (0.8, 0.0), (0.41, 0.11))
    with pytest.raises(InputError, match=message):
        hr.export.c(model, tmp_path, "net", resolution=resolution)
    assert not list(tmp_path.iterdir())


def test_floats_that_cannot_hold_the_signal(rng, make_model, tmp_path):
    """Near 1.7e9 the numbers of float32 lie 128 apart: what C would read there is refused, integers are not."""
    preprocess = Preprocess(normalization=Normalization((0.0, 1.7e9), (1.0, 40.0)))
    model = make_model(rng, preprocess=preprocess)
    with pytest.raises(InputError, match=r"feature 1 varies by 40 about 1700000000, where .* steps of 128;"):
        hr.export.c(model, tmp_path)


def test_the_example_takes_raw_values(rng, make_model, tmp_path):
    model = integer_model(rng, make_model, (512.0, 31.0), (210.0, 4.0))
    x = np.rint(rng.normal(size=(1, 40, 2)) * [210, 4] + [512, 31]).astype(np.float32)
    hr.export.c(model, tmp_path, "net", resolution=1)
    command = [COMPILER, "-std=c99", "-I.", "net.c", "examples/net/main.c"]
    for name, options, given in (
        ("raw", [], hr.export.c_raw(model, x, 1)),
        ("prepared", ["-DPREPARED"], hr.export.c_input(model, x)),
    ):
        subprocess.run([*command, *options, "-o", name], cwd=tmp_path, check=True)
        done = subprocess.run([tmp_path / name], input=given.tobytes(), stdout=subprocess.PIPE, check=True)
        logits = np.array(done.stdout.split(), np.float32) * np.float32(model.card.integer.logit_scale)
        np.testing.assert_array_equal(logits, model.infer(x)[0])
