"""How raw numbers become the network's input: the same bits on every way in, and padding that may hold anything."""

from __future__ import annotations

import dataclasses
from array import array

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext import _core
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.file.preprocess import Normalization, Permutation, Preprocess
from hadamrnn_ext.model import inputs
from hadamrnn_ext.model.reader import Reader

TYPES = (
    *("f2", "f4", "f8", "g", ">f4", ">f8", "?"),
    *("i1", "i2", "i4", "i8", ">i4", "q", "u1", "u2", "u4", "u8", ">u2", "Q"),
)
SHAPES = ((1,), (3,), (33,), (5, 1), (7, 3), (2, 3, 5, 9), (1000, 9), (9000, 1), (0, 4))


def same(a, b):
    np.testing.assert_array_equal(a, b, strict=True)
    assert a.tobytes() == b.tobytes()


def draw(rng, shape, dtype):
    kind = np.dtype(dtype)
    if kind.kind in "fg":
        return (rng.normal(size=shape) * 100).astype(dtype)
    if kind.kind == "b":
        return rng.random(shape) < 0.5
    bounds = np.iinfo(kind)
    return rng.integers(bounds.min, bounds.max, shape, dtype=kind.newbyteorder("="), endpoint=True).astype(
        dtype
    )


def normalization(d):
    """Offsets and scales that float32 does not hold exactly."""
    return Normalization(tuple(0.1 + 1.7 * i for i in range(d)), tuple(0.3 + 0.7 * i for i in range(d)))


@pytest.mark.parametrize("isa", hr.isa.available())
@pytest.mark.parametrize("dtype", TYPES)
def test_every_type_is_normalized_as_numpy_does_it(rng, make_model, dtype, isa):
    active = hr.isa.active()
    try:
        hr.isa.use(isa)
        for shape in SHAPES:
            x, rule = draw(rng, shape, dtype), normalization(shape[-1])
            card = make_model(rng, input_size=shape[-1], preprocess=Preprocess(normalization=rule)).card
            with np.errstate(over="ignore"):
                same(Reader(card).read(x), rule.apply(x))
                same(Reader(card, raw=True).read(x), x.astype(np.float32))
    finally:
        hr.isa.use(active)


def test_bytes_are_scaled_before_they_are_normalized(rng, make_model):
    x = np.arange(256, dtype=np.uint8)[:, None]
    steps = Preprocess(uint8_scale=1 / 255, normalization=Normalization((0.1307,), (0.3081,)))
    model = make_model(rng, input_size=1, preprocess=steps)
    expected = (x * np.float32(1 / 255) - np.float32(0.1307)) / np.float32(0.3081)
    same(model.prepare(x).values[0], expected)
    stream = model.stream()
    plain = model.with_card(dataclasses.replace(model.card, preprocess=Preprocess())).stream()
    for byte, value in zip(x, expected, strict=True):
        same(stream.step(byte), plain.step(value))


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("output", ["last", "all", "mean"])
def test_every_way_in_gives_the_bits_of_the_long_way(rng, make_model, normalized, output):
    """A short sequence, a batch, a step, a chunk and places, of every type and form that is converted."""
    steps = Preprocess(normalization=normalization(3) if normalized else None)
    model = make_model(rng, sizes=((24, 12),), input_size=3, output=output, preprocess=steps)
    plain = model.with_card(dataclasses.replace(model.card, preprocess=Preprocess()))
    for dtype in TYPES:
        x = draw(rng, (4, 3), dtype)
        if np.dtype(dtype).kind in "iu":
            x = x % 100  # so that no sum overflows
        wide = np.zeros((8, 6), x.dtype)
        wide[::2, ::2] = x
        read = steps.normalization.apply(x) if normalized else x.astype(np.float32)
        expected = plain.infer(read, num_threads=1)  # which takes the long way
        last = expected[-1] if output == "all" else expected
        for form in (x, wide[::2, ::2], x[None][:, ::-1][:, ::-1][0]):
            same(model.infer(form), expected)
            same(model.infer(form[None])[0], expected)
            same(model.infer(np.stack([form, form]))[1], expected)
            streams, one, two = model.streams(3), model.stream(), model.stream(2)
            places = np.array([streams.join(), streams.join()])
            same(model.stream().run(form), expected)
            for row in form:
                by_one = one.step(row)
                by_two = two.step(np.stack([row, row]))
                by_place = streams.step(np.stack([row, row]), places[::-1].copy())
                alone = streams.step(row, int(places[0]))
            same(by_one, last)
            same(by_two[1], last)
            same(by_place[0], last)
            assert not np.array_equal(alone, last)  # as its sequence has read every row twice
        if x.dtype.kind != "b":
            stream = model.stream()
            for row in x.tolist():
                y = stream.step(row)
            wider = x.astype(np.float64 if x.dtype.kind == "f" else np.int64)
            same(y, model.infer(wider)[-1] if output == "all" else model.infer(wider))


def test_a_list_is_what_numpy_makes_of_it(rng, make_model):
    model = make_model(rng, input_size=3, preprocess=Preprocess(normalization=normalization(3)))
    for row in (
        [1, 2, 3],
        (1.5, 2, -3),
        [np.float64(0.1), 2**53 + 1, 0],
        [2**60 + 1] * 3,
        [np.int8(3), 1, 2],
    ):
        same(model.stream().step(row), model.stream().step(np.array(row)))
    for row in ([1, 2], [1, 2, 3, 4], [1, "2", 3], [1, None, 3], [[1], [2], [3]], {1, 2, 3}, [2**70, 1.0, 0]):
        with pytest.raises(ValueError, match=r"x has|x cannot be read"):
            model.stream().step(row)
    with pytest.raises(InputError, match=r"x\[1\] is inf"):
        model.stream().step([0, float("inf"), 0])
    pixels = make_model(rng, input_size=1, preprocess=Preprocess(uint8_scale=1 / 255))
    same(pixels.stream().step([1]), pixels.stream().step([1.0]))
    with pytest.raises(InputError, match=r"x\[0\] is 7 of dtype int64"):
        pixels.stream().step([7])


def test_a_masked_step_is_refused(rng, make_model):
    model = make_model(rng)
    masked = np.ma.array([1, 2], np.float32, mask=[False, True])
    for call in (
        lambda: model.stream().step(masked),
        lambda: model.stream(2).step(np.ma.array([masked, masked])),
        lambda: model.infer(np.ma.array([masked])),
    ):
        with pytest.raises(InputError, match=r"masked array with . values masked"):
            call()
    whole = np.ma.array([1, 2], np.float32)
    same(model.stream().step(whole), model.stream().step(whole.data))


def test_caller_settings_do_not_change_the_bits(rng, make_model):
    """Denormal input is read as it is, where NumPy would do it too."""
    model = make_model(rng, preprocess=Preprocess(normalization=Normalization((0.0, 1e-41), (1.0, 2.0))))
    x = np.array([[1e-40, -1e-44], [3e-39, 1e-45]], np.float32)
    same(model.prepare(x).values[0], model.card.preprocess.normalization.apply(x))


# Padding


@pytest.mark.parametrize("output", ["last", "all", "mean"])
@pytest.mark.parametrize("normalized", [False, True])
def test_what_lies_after_a_sequence_may_be_anything(rng, make_model, output, normalized):
    steps = Preprocess(normalization=normalization(2) if normalized else None)
    model = make_model(rng, output=output, preprocess=steps)
    lengths = np.array([6, 1, 3, 5])
    for dtype in (np.float32, np.float64):
        x = rng.normal(size=(4, 6, 2)).astype(dtype)
        expected = model.infer(x, lengths)
        padded = x.copy()
        padding = np.arange(6) >= lengths[:, None]
        padded[padding] = rng.choice([np.nan, np.inf, -np.inf, 3e38], (padding.sum(), 2))
        before = padded.copy()
        same(model.infer(padded, lengths), expected)
        same(model.infer(padded, lengths, check_finite=False), expected)
        same(model.infer(padded[1], 1), expected[1])
        ready = model.prepare(padded, lengths).values
        assert np.isfinite(ready).all()
        same(padded, before)
        padded[3, 4, 1] = np.nan
        with pytest.raises(InputError, match=r"x\[3, 4, 1\] is nan"):
            model.infer(padded, lengths)
        with pytest.raises(InputError, match=r"x\[4, 1\] is nan"):
            model.infer(padded[3], 5)


def test_tokens_after_a_sequence_may_be_anything(rng, make_model):
    model = make_model(rng, input="tokens", input_size=7, output="all")
    x, lengths = rng.integers(0, 7, (4, 6)), np.array([6, 1, 3, 5])
    expected = model.infer(x, lengths)
    padded = x.copy()
    padding = np.arange(6) >= lengths[:, None]
    padded[padding] = rng.choice([-1, 7, 2**40, -(2**62)], padding.sum())
    same(model.infer(padded, lengths), expected)
    same(model.infer(padded[2], 3), expected[2])
    assert (model.prepare(padded, lengths).values < 7).all()
    padded[2, 2] = 7
    with pytest.raises(InputError, match=r"x\[2, 2\] is 7; expected tokens 0 .. 6"):
        model.infer(padded, lengths)


def test_pixels_after_a_sequence_may_be_anything(rng, make_model):
    model = make_model(rng, input_size=1, preprocess=Preprocess(uint8_scale=1 / 255))
    x = np.array([[[1], [0], [253]], [[1], [1], [0]]])
    same(model.infer(x, [2, 3]), model.infer(x.clip(0, 1), [2, 3]))
    with pytest.raises(InputError, match=r"x\[0, 2, 0\] is 253 of dtype int64"):
        model.infer(x, [3, 3])


def test_an_integer_model_refuses_nan_before_the_end_alone(rng, make_model):
    model = make_model(rng).quantize(rng.normal(size=(3, 9, 2)))
    x = rng.normal(size=(2, 5, 2)).astype(np.float32)
    expected = model.infer(x, [3, 5])
    x[0, 3:] = np.nan
    for check in (True, False):
        same(model.infer(x, [3, 5], check_finite=check), expected)
        with pytest.raises(InputError, match=r"x\[0, 3, 0\] is nan; expected numbers"):
            model.infer(x, [4, 5], check_finite=check)


# Types that NumPy does not have


def test_bfloat16_is_converted_like_float16(rng, make_model):
    torch = pytest.importorskip("torch")
    model = make_model(rng)
    for kind in (torch.bfloat16, torch.float16, torch.float8_e4m3fn):
        x = torch.from_numpy(rng.normal(size=(3, 5, 2))).to(kind)
        same(model.infer(x), model.infer(x.double().numpy().astype(np.float32)))
        same(model.stream(3).step(x[:, 0]), model.infer(x[:, :1]))
    with pytest.raises(InputError, match="x cannot be read as an array of real numbers"):
        model.infer(torch.zeros(3, 5, 2, dtype=torch.bfloat16, requires_grad=True))
    with pytest.raises(InputError, match="lengths has dtype float32; expected integers"):
        model.infer(np.zeros((1, 5, 2)), torch.ones(1, dtype=torch.bfloat16))


def test_the_types_of_ml_dtypes_are_converted(rng, make_model):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    model, tokens = make_model(rng), make_model(rng, input="tokens", input_size=7)
    for kind in (ml_dtypes.bfloat16, ml_dtypes.float8_e5m2, ml_dtypes.float8_e4m3fn):
        x = rng.normal(size=(3, 5, 2)).astype(kind)
        same(model.infer(x), model.infer(x.astype(np.float32)))
    same(tokens.infer(np.arange(7).astype(ml_dtypes.int4)), tokens.infer(np.arange(7)))
    same(tokens.infer(np.arange(7).astype(ml_dtypes.uint4)), tokens.infer(np.arange(7)))
    with pytest.raises(InputError, match=r"x has dtype .*; expected real numbers"):
        model.infer(np.zeros((5, 2), "V4"))


def test_memory_of_other_kinds_is_read(rng, make_model):
    model = make_model(rng, input_size=3)
    x = rng.normal(size=3).astype(np.float32)
    for form in (array("f", x), memoryview(x), x.tolist(), tuple(x.tolist())):
        same(model.stream().step(form), model.infer(np.asarray(form)[None]))


# What the core itself takes


def test_the_core_takes_what_it_says(rng):
    features = _core.Features(2, offset=np.zeros(2), scale=np.ones(2))
    out = np.empty((3, 2), np.float32)
    assert not features.plain
    assert features.read(np.array([[0, 1], [2, np.nan], [np.inf, 0]]), out) == 3
    same(out, np.float32([[0, 1], [2, np.nan], [np.inf, 0]]))
    for x in (np.zeros((3, 2), ">f4"), np.zeros((3, 2), complex), np.zeros((3, 4))[:, ::2]):
        with pytest.raises(TypeError, match="an aligned C-contiguous array"):
            features.read(x, out)
    with pytest.raises(ValueError, match=r"x must be \(..., 2\)"):
        features.read(np.zeros((2, 3)), out)
    with pytest.raises(ValueError, match="out has shape"):
        features.read(np.zeros((2, 2)), out)
    assert inputs.read_array([[1, 2]]).dtype.kind == "i"


def test_a_permuted_sequence_names_the_place_of_the_caller(rng, make_model):
    model = make_model(rng, input_size=1, preprocess=Preprocess(permutation=Permutation(1, 5)))
    x = np.zeros((3, 5, 1), np.float32)
    x[1, 2] = np.nan
    with pytest.raises(InputError, match=r"x\[1, 2, 0\] is nan"):
        model.infer(x)
