"""Every bad input is one clear exception that names what was met and what is expected; the process lives on."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext import errors
from hadamrnn_ext.errors import (
    HadamRNNError,
    InputError,
    IsaError,
    ModelFormatError,
    ShapeError,
    UnknownModelError,
)
from hadamrnn_ext.file.preprocess import Permutation, Preprocess


@pytest.fixture
def features(rng, make_model):
    return make_model(rng)


@pytest.fixture
def series(rng, make_model):
    return make_model(rng, input_size=1, preprocess=Preprocess(uint8_scale=1 / 255))


@pytest.fixture
def tokens(rng, make_model):
    return make_model(rng, input="tokens", input_size=5)


def test_the_family():
    for name in errors.__all__:
        error = getattr(errors, name)
        assert getattr(hr, name) is error
        assert issubclass(error, HadamRNNError)
    for error in (ShapeError, InputError, ModelFormatError, UnknownModelError, IsaError):
        assert issubclass(error, ValueError)


def at(position, value, dtype=np.float64):
    x = np.zeros((3, 4, 2), dtype)
    x[position] = value
    return x


@pytest.mark.parametrize(
    ("x", "error", "match"),
    [
        (1.0, ShapeError, r"x has shape \(\); expected \(T, 2\) or \(B, T, 2\)"),
        (np.zeros(2), ShapeError, r"x has shape \(2,\); expected \(T, 2\) or \(B, T, 2\)"),
        (np.zeros((1, 3, 4, 2)), ShapeError, r"x has shape \(1, 3, 4, 2\); expected"),
        (np.zeros((4, 3)), ShapeError, r"x has shape \(4, 3\); expected \(T, 2\)"),
        (np.zeros((2, 4)), ShapeError, r"x has shape \(2, 4\); expected \(T, 2\)"),
        (
            np.zeros((0, 2)),
            ShapeError,
            r"x has shape \(0, 2\): an empty sequence; expected at least one time step",
        ),
        (np.zeros((3, 0, 2)), ShapeError, r"\(3, 0, 2\): an empty sequence"),
        (np.zeros((0, 0, 2)), ShapeError, r"\(0, 0, 2\): an empty sequence"),
        ([], ShapeError, r"x has shape \(0,\); expected"),
        (np.zeros((4, 2), complex), InputError, "x has dtype complex128; expected real numbers"),
        (np.zeros((4, 2), object), InputError, "x has dtype object; expected real numbers"),
        ([[1, None]], InputError, "x has dtype object"),
        ([[10**30, 1]], InputError, "x has dtype object"),
        ("a text", InputError, "x is text; this model has no vocabulary"),
        (np.array(["a text"]), InputError, "x has dtype <U6; expected real numbers"),
        ([["1", "2"]], InputError, "x has dtype <U1"),
        (b"bytes", InputError, "x has dtype .S5"),
        (np.zeros((4, 2), "M8[s]"), InputError, "x has dtype datetime64"),
        (np.zeros((4, 2), "m8[s]"), InputError, "x has dtype timedelta64"),
        (np.zeros((4, 2), "i4,f4"), InputError, "x has dtype"),
        ([[1, 2], [3]], InputError, "x cannot be read as an array of real numbers"),
        ({"a": 1}, InputError, "x has dtype object"),
        (None, InputError, "x has dtype object"),
        (np.ma.masked_equal([[1.0, 2.0]], 2), InputError, "masked array with 1 values masked; expected none"),
        (
            at((2, 3, 1), np.nan),
            InputError,
            r"x\[2, 3, 1\] is nan; expected finite numbers \(check_finite=False",
        ),
        (at((0, 0, 0), np.inf, np.float32), InputError, r"x\[0, 0, 0\] is inf; expected finite"),
        (at((1, 2, 0), -np.inf, np.float16)[1], InputError, r"x\[2, 0\] is -inf"),
        (at((1, 2, 1), 1e40), InputError, r"x\[1, 2, 1\] is 1e\+40, which is inf as the float32"),
        (at((0, 3, 1), -1e300)[0], InputError, r"x\[3, 1\] is -1e\+300, which is -inf as the float32"),
        (np.asfortranarray(at((2, 1, 0), np.nan)), InputError, r"x\[2, 1, 0\] is nan"),
    ],
)
def test_features(features, x, error, match):
    with pytest.raises(error, match=match):
        features.infer(x)
    with pytest.raises(error, match=match):
        hr.infer(x, features)


@pytest.mark.parametrize(
    ("x", "error", "match"),
    [
        (
            np.zeros((2, 3, 4), int),
            ShapeError,
            r"x has shape \(2, 3, 4\); expected tokens of shape \(T,\) or \(B, T\)",
        ),
        (3, ShapeError, r"x has shape \(\); expected tokens"),
        (np.zeros(0, int), ShapeError, r"x has shape \(0,\): an empty sequence"),
        ([0, 1, -1], InputError, r"x\[2\] is -1; expected tokens 0 .. 4"),
        ([[0, 5], [1, 2]], InputError, r"x\[0, 1\] is 5; expected tokens 0 .. 4"),
        (np.array([2**32 + 1]), InputError, r"x\[0\] is 4294967297; expected tokens"),
        (np.array([2**63 + 1], np.uint64), InputError, r"x\[0\] is 9223372036854775809"),
        (np.array([-(2**63)]), InputError, r"x\[0\] is -9223372036854775808"),
        ([1.0, 2.0], InputError, "x has dtype float64; expected integer tokens 0 .. 4"),
        ([True, False], InputError, "x has dtype bool; expected integer tokens"),
        (np.array(["words"]), InputError, "x has dtype <U5"),
    ],
)
def test_tokens(tokens, x, error, match):
    with pytest.raises(error, match=match):
        tokens.infer(x)


def test_a_flat_series_gets_a_hint(series):
    with pytest.raises(
        ShapeError, match=r"x has shape \(784,\); expected .*; x\[:, None\] makes a series a column"
    ):
        series.infer(np.zeros(784))


def test_unscaled_pixels_are_not_taken_for_numbers(series):
    with pytest.raises(
        InputError, match=r"x\[1, 0\] is 253 of dtype int64; this model takes uint8 0 .. 255, or num"
    ):
        series.infer(np.array([[0], [253]]))
    assert series.infer(np.array([[0], [1]])).shape == (3,)


@pytest.mark.parametrize(
    ("lengths", "error", "match"),
    [
        ([4, 0, 1], InputError, r"lengths\[1\] is 0; expected 1 .. 4, the time steps of x"),
        ([4, 4, 5], InputError, r"lengths\[2\] is 5; expected 1 .. 4"),
        ([-1, 4, 4], InputError, r"lengths\[0\] is -1"),
        (np.array([1, 1, 2**63], np.uint64), InputError, r"lengths\[2\] is 9223372036854775808"),
        ([1, 2], ShapeError, r"lengths has shape \(2,\); expected \(3,\), one length per sequence"),
        (4, ShapeError, r"lengths has shape \(\); expected \(3,\)"),
        ([[1, 2, 3]], ShapeError, r"lengths has shape \(1, 3\)"),
        ([1.0, 2.0, 3.0], InputError, "lengths has dtype float64; expected integers"),
        ([True, True, True], InputError, "lengths has dtype bool; expected integers"),
        ("abc", InputError, "lengths has dtype <U3"),
    ],
)
def test_lengths(features, lengths, error, match):
    with pytest.raises(error, match=match):
        features.infer(np.zeros((3, 4, 2)), lengths)


def test_permuting_models_read_whole_sequences(rng, make_model):
    model = make_model(rng, preprocess=Preprocess(permutation=Permutation(1, 4)))
    with pytest.raises(ShapeError, match=r"x has 5 time steps; expected 4"):
        model.infer(np.zeros((5, 2)))
    with pytest.raises(
        InputError, match=r"lengths\[1\] is 3; expected 4: this model permutes whole sequences"
    ):
        model.infer(np.zeros((2, 4, 2)), [4, 3])


@pytest.mark.parametrize("num_threads", [0, -1, 1.0, "2", True, 10**6, 10**30])
def test_num_threads(features, num_threads):
    with pytest.raises(InputError, match=r"num_threads is .*; expected an integer 1 .. 1024"):
        features.infer(np.zeros((1, 4, 2)), num_threads=num_threads)


@pytest.mark.parametrize("text", ["0", "-1", "two", "1e3", "1000000", "٣"])
def test_num_threads_of_the_environment(features, monkeypatch, text):
    monkeypatch.setenv("HADAMRNN_NUM_THREADS", text)
    with pytest.raises(InputError, match=r"HADAMRNN_NUM_THREADS is .*; expected an integer 1 .. 1024"):
        features.infer(np.zeros((2, 4, 2)))


X = np.zeros((5, 4, 2), np.float32)


@pytest.mark.parametrize(
    ("out", "error", "match"),
    [
        (np.zeros((5, 3)), InputError, "out is an array of float64; expected a float32 array"),
        (np.zeros((5, 3), ">f4"), InputError, "out is an array of >f4"),
        ([[0.0] * 3] * 5, InputError, "out is a list; expected a float32 array"),
        (np.zeros((3, 5), np.float32), ShapeError, r"out has shape \(3, 5\); expected \(5, 3\)"),
        (np.zeros((1, 5, 3), np.float32), ShapeError, r"out has shape \(1, 5, 3\); expected \(5, 3\)"),
        (np.zeros((3, 5), np.float32).T, InputError, "out must be C-contiguous, aligned and writeable"),
        (np.zeros((10, 3), np.float32)[::2], InputError, "out must be C-contiguous"),
        (np.frombuffer(bytes(60), np.float32).reshape(5, 3), InputError, "writeable"),
        (np.frombuffer(bytearray(61), np.uint8)[1:].view(np.float32).reshape(5, 3), InputError, "aligned"),
        (X.reshape(-1)[7:22].reshape(5, 3), InputError, "out overlaps x in memory"),
    ],
)
def test_out(features, out, error, match):
    with pytest.raises(error, match=match):
        features.infer(X, out=out)
    assert not np.any(out)


@pytest.mark.parametrize(
    ("kind", "x", "error", "match"),
    [
        ("features", [1, 2, 3], ShapeError, r"x has shape \(3,\); expected \(2,\), one time step"),
        ("features", np.zeros((1, 2), np.float32), ShapeError, r"x has shape \(1, 2\); expected \(2,\)"),
        ("features", [1, np.nan], InputError, r"x\[1\] is nan; expected finite"),
        ("features", np.array([1, np.nan], np.float32), InputError, r"x\[1\] is nan; expected finite"),
        ("features", [1, 1e39], InputError, r"x\[1\] is 1e\+39, which is inf"),
        ("features", "ab", InputError, "x has dtype <U2"),
        ("features", [1j, 0], InputError, "x has dtype complex128"),
        ("features", None, InputError, "x has dtype object"),
        ("tokens", 5, InputError, r"x\[\] is 5; expected tokens 0 .. 4|x is 5; expected tokens 0 .. 4"),
        ("tokens", -1, InputError, "-1; expected tokens 0 .. 4"),
        ("tokens", 2**40, InputError, "1099511627776; expected tokens 0 .. 4"),
        ("tokens", 2**80, InputError, "x has dtype object"),
        ("tokens", 1.0, InputError, "x has dtype float64; expected integer tokens"),
        ("tokens", True, InputError, "x has dtype bool; expected integer tokens"),
        ("tokens", [1], ShapeError, r"x has shape \(1,\); expected \(\), one time step"),
    ],
)
def test_stream_steps(request, kind, x, error, match):
    stream = request.getfixturevalue(kind).stream()
    with pytest.raises(error, match=match):
        stream.step(x)


@pytest.mark.parametrize(
    ("batch_size", "x", "match"),
    [
        (None, np.zeros(2), r"x has shape \(2,\); expected \(T, 2\)"),
        (None, np.zeros((1, 3, 2)), r"x has shape \(1, 3, 2\); expected \(T, 2\)"),
        (None, np.zeros((3, 1)), r"x has shape \(3, 1\); expected \(T, 2\)"),
        (4, np.zeros((3, 5, 2)), r"x has shape \(3, 5, 2\); expected \(4, T, 2\)"),
        (4, np.zeros((4, 2)), r"x has shape \(4, 2\); expected \(4, T, 2\)"),
    ],
)
def test_stream_chunks(features, batch_size, x, match):
    with pytest.raises(ShapeError, match=match):
        features.stream(batch_size).run(x)


@pytest.mark.parametrize("top", [0, 4, -1, 1.5, "all", None])
def test_classify_top(features, top):
    with pytest.raises(InputError, match=r"top is .*; expected 1 .. 3, the number of classes"):
        features.classify(np.zeros((4, 2)), top=top)


def test_text_needs_a_vocabulary(tokens):
    for text in ("words", ["words", "and more"]):
        with pytest.raises(InputError, match=r"x is text; this model has no vocabulary"):
            tokens.classify(text)


# Names and files


@pytest.mark.parametrize(
    "name", ["lstm", "", "smnist ", "../smnist", "a\0b", "x" * 10_000, "./no/such/file", "/"]
)
def test_unknown_models(name):
    with pytest.raises(UnknownModelError, match=r"is neither a bundled model .* nor a model file"):
        hr.load(name)
    with pytest.raises(UnknownModelError, match=r"is neither a bundled model"):
        hr.infer(np.zeros((784, 1)), name)


@pytest.mark.parametrize("source", [None, 3, 1.5, [], object(), b"smnist"])
def test_sources_of_other_types(source):
    with pytest.raises(UnknownModelError, match=r"is neither a bundled model"):
        hr.load(source)


def test_unknown_samples():
    with pytest.raises(UnknownModelError, match=r"no samples for 'cats'; expected one of smnist, pmnist"):
        hr.zoo.samples("cats")


def test_broken_files_through_the_front_door(features, tmp_path):
    path = tmp_path / "m.safetensors"
    data = features.to_bytes()
    for damaged in (b"", data[:-1], data[:100], data[:-3] + b"\xff" + data[-2:], b"not a model" * 99):
        path.write_bytes(damaged)
        with pytest.raises(ModelFormatError):
            hr.load(path)
        with pytest.raises(ModelFormatError):
            hr.infer(np.zeros((4, 2)), path)


def test_unknown_kernel(features, tmp_path):
    features.save(tmp_path / "m")
    with pytest.raises(errors.KernelError, match=r"'fast' is unknown; expected one of auto, fwht"):
        hr.load(tmp_path / "m", kernel="fast")


def test_unknown_instruction_set():
    for name in ("sse9", "", None, 3):
        with pytest.raises(
            IsaError, match=rf"{name!r} is unknown or not supported here; expected one of .*scalar"
        ):
            hr.isa.use(name)


def test_unknown_instruction_set_of_the_environment(features, tmp_path):
    """In a process of its own: the variable is read once. Importing works, using does not."""
    features.save(tmp_path / "m")
    code = f"""
import hadamrnn_ext as hr
hr.models()
for call in (hr.isa.active, lambda: hr.load({str(tmp_path / "m")!r})):
    try:
        call()
    except hr.IsaError as error:
        print(error)
"""
    environment = {
        **os.environ,
        "HADAMRNN_ISA": "sse9",
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, timeout=60
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all("sse9" in line and "scalar" in line and "HADAMRNN_ISA" in line for line in lines)
