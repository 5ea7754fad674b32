"""A small signal on a large offset: centred before it is rounded, or refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest

from hadamrnn_ext.errors import InputError
from hadamrnn_ext.file import resolution
from hadamrnn_ext.file.preprocess import Normalization, Preprocess

SECONDS = Normalization((1.7e9, 52.5163), (1.0, 1e-4))  # a clock, and degrees of latitude
HARMLESS = Normalization((0.1, -2.0), (3.0, 1e-3))


@pytest.fixture
def model(rng, make_model):
    return make_model(rng, preprocess=Preprocess(normalization=SECONDS))


def same(met, expected):
    np.testing.assert_array_equal(met, expected, strict=True)


def signal(rng, *shape):
    return rng.normal(size=(*shape, 2))


def test_what_is_wide_is_centred_in_float64(rng):
    x = SECONDS.offset + signal(rng, 3, 5) * SECONDS.scale
    same(SECONDS.apply(x), ((x - SECONDS.offset) / SECONDS.scale).astype(np.float32))
    assert np.abs(SECONDS.apply(x) - signal(np.random.default_rng(20250203), 3, 5)).max() < 1e-6
    whole = np.array([[1_700_000_003, 52], [1_699_999_998, 53]])
    for kind in (np.int64, np.uint64, np.int32, np.longdouble):
        same(SECONDS.apply(whole.astype(kind)), SECONDS.apply(whole.astype(np.float64)))


def test_what_float32_holds_is_normalized_in_float32_as_ever(rng):
    x = rng.normal(size=(4, 6, 2)).astype(np.float32)
    offset, scale = np.float32(HARMLESS.offset), np.float32(HARMLESS.scale)
    same(HARMLESS.apply(x), (x - offset) / scale)
    whole = rng.integers(0, 100, (5, 2))
    for kind in (np.int8, np.uint8, np.int16, np.uint16, np.float16, bool):
        narrow = whole.astype(kind)
        same(HARMLESS.apply(narrow), (narrow.astype(np.float32) - offset) / scale)


def test_the_result_is_in_c_order_and_of_new_memory(rng):
    for kind in (np.float32, np.float64):
        x = np.asfortranarray(rng.normal(size=(4, 6, 2)).astype(kind))
        made = HARMLESS.apply(x)
        assert made.flags.c_contiguous
        assert not np.may_share_memory(made, x)


def test_infer_and_streams_take_float64(rng, model):
    z = signal(rng, 3, 7).astype(np.float32)
    x = SECONDS.offset + z.astype(np.float64) * SECONDS.scale
    plain = model.with_card(type(model.card)(**{**vars(model.card), "preprocess": Preprocess()}))
    np.testing.assert_allclose(model.infer(x), plain.infer(z), rtol=1e-4, atol=1e-4)
    same(model.infer(x), plain.infer(SECONDS.apply(x)))
    stream = model.stream()
    for step in x[0]:
        y = stream.step(step)
    same(y, model.infer(x[0]))
    same(model.stream().run(x[0].tolist()), model.infer(x[0]))


def test_float32_of_such_a_signal_is_refused(model):
    x = np.zeros((1, 4, 2), np.float32)
    for call in (model.infer, lambda x: model.stream().run(x[0]), lambda x: model.stream().step(x[0, 0])):
        with pytest.raises(InputError, match=r"x is float32; expected float64: channel 0 .* steps of 128"):
            call(x)
    assert Normalization((1.7e9,), (1e5,)).fine is None
    assert Normalization((0.0, 1e6), (1e-9, 1.0)).fine is None


def test_a_model_without_normalization_refuses_what_float32_cannot_tell_apart(rng, make_model):
    model = make_model(rng)
    x = signal(rng, 2, 6)
    model.infer(x)
    model.infer(x + np.array([0, 1e5]))
    model.infer(np.broadcast_to([0.5, 1.7e9], (6, 2)))  # a constant loses nothing
    with pytest.raises(
        InputError, match=r"channel 1 of x lies between 16999.*steps of 128 .* subtract an offset"
    ):
        model.infer(x + np.array([0, 1.7e9]))
    with pytest.raises(InputError, match="channel 0 of x"):
        model.infer((x * 3).astype(np.int64) + np.array([1_700_000_000, 0]))
    with pytest.raises(InputError, match="is nan"):
        model.infer(x * [1, np.nan])


def test_wide_types_are_those_that_float32_may_not_hold():
    wide = (np.float64, np.longdouble, np.int32, np.uint32, np.int64, np.uint64)
    narrow = (np.float32, np.float16, np.int16, np.uint16, np.int8, np.uint8, bool)
    assert all(resolution.is_wide(np.dtype(kind)) for kind in wide)
    assert not any(resolution.is_wide(np.dtype(kind)) for kind in narrow)
