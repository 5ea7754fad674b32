"""Streams: steps and chunks equal one call to the same bits; state can be read, set and reset."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawn import draw, same
from hadamrnn_ext.errors import InputError, ShapeError
from hadamrnn_ext.file.preprocess import Normalization, Permutation, Preprocess

KINDS = {
    "last": {"sizes": ((32, 32),)},
    "all": {"sizes": ((24, 12),), "output": "all"},
    "mean": {"sizes": ((24, 12),), "output": "mean"},
    "mean layers": {"sizes": ((16, 16), (8, 8)), "input": "tokens", "input_size": 7, "output": "mean"},
    "onehot": {"sizes": ((16, 8),), "input": "tokens", "input_size": 7, "output": "all"},
    "embedding": {"sizes": ((16, 16),), "input": "tokens", "input_size": 7, "embedding_size": 3},
    "layers": {"sizes": ((16, 16), (16, 4)), "recurrence": "modrelu"},
    "unequal": {"sizes": ((16, 16), (8, 8)), "recurrence": "relu", "output": "all"},
    "sign": {"sizes": ((32, 32),), "recurrence": "sign"},
    "normalized": {"preprocess": Preprocess(normalization=Normalization((1.0, 2.0), (0.5, 4.0)))},
    "pixels": {"input_size": 1, "preprocess": Preprocess(uint8_scale=1 / 255)},
}


@pytest.fixture(params=KINDS)
def model(request, rng, make_model):
    return make_model(rng, **KINDS[request.param])


def prefix_logits(model, x):
    """(B, T, o): the logits of every prefix, by separate calls."""
    if model.card.output == "all":
        return model.infer(x)
    return np.stack([model.infer(x[:, : t + 1]) for t in range(x.shape[1])], axis=1)


def test_a_step_gives_the_logits_so_far(rng, model):
    x = draw(rng, model, 3, 6)
    expected = prefix_logits(model, x)
    stream, one = model.stream(3), model.stream()
    for t in range(6):
        same(stream.step(x[:, t]), expected[:, t])
        same(one.step(x[0, t]), expected[0, t])


def test_logits_of_earlier_steps_stay_as_they_were(rng, model):
    x = draw(rng, model, 5)
    stream = model.stream()
    ys = [stream.step(step) for step in x]
    kept = [y.copy() for y in ys]
    stream.run(x)
    for y, copy in zip(ys, kept, strict=True):
        same(y, copy)


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 9), max_size=5).map(sorted))
def test_chunks_equal_one_call(make_model, cuts):
    for fields in KINDS.values():
        rng = np.random.default_rng(5)
        model = make_model(rng, **fields)
        x = draw(rng, model, 2, 9)
        bounds = [0, *cuts, 9]
        stream, one = model.stream(2), model.stream()
        chunks = [stream.run(x[:, a:b]) for a, b in pairwise(bounds)]
        singles = [one.run(x[0, a:b]) for a, b in pairwise(bounds)]
        if model.card.output != "all":
            same(chunks[-1], model.infer(x))
            same(singles[-1], model.infer(x[0]))
        else:
            same(np.concatenate(chunks, axis=1), model.infer(x))
            same(np.concatenate(singles), model.infer(x[0]))


def test_an_empty_chunk_changes_nothing(rng, model):
    x = draw(rng, model, 2, 4)
    stream = model.stream(2)
    y = stream.run(x)
    before = stream.state
    again = stream.run(x[:, :0])
    for a, b in zip(before, stream.state, strict=True):
        same(a, b)
    if model.card.output != "all":
        same(again, y)
    else:
        assert again.shape == (2, 0, 3)


@pytest.mark.parametrize("output", ["last", "mean"])
def test_before_the_first_step_a_model_gives_its_output_bias(rng, make_model, output):
    model = make_model(rng, output=output)
    same(model.stream().run(np.zeros((0, 2))), model.parameters()["output.bias"])


def test_state_has_the_documented_form(rng, make_model):
    equal = make_model(rng, sizes=((16, 16), (16, 4)))
    unequal = make_model(rng, sizes=((16, 16), (8, 8)))
    assert equal.stream().state.shape == (2, 16)
    assert equal.stream(3).state.shape == (2, 3, 16)
    assert [h.shape for h in unequal.stream(3).state] == [(3, 16), (3, 8)]
    assert not equal.stream(3).state.any()


def test_state_is_a_copy(rng, model):
    stream = model.stream(2)
    stream.run(draw(rng, model, 2, 3))
    state = stream.state
    first = state[0].copy()
    stream.run(draw(rng, model, 2, 3))
    same(state[0], first)
    state[0][:] = 0
    assert stream.state[0].any()


def test_a_saved_state_continues_to_the_same_bits(rng, model):
    x = draw(rng, model, 2, 8)
    stream, other = model.stream(2), model.stream(2)
    stream.run(x[:, :3])
    other.run(x[:, 4:])
    other.state = stream.state
    same(other.run(x[:, 3:]), stream.run(x[:, 3:]))
    single = model.stream()
    stream.reset()
    stream.run(x[:, :3])
    state = [h[1] for h in stream.state]
    single.state = state
    same(single.run(x[1, 3:]), stream.run(x[:, 3:])[1])


def test_reset(rng, model):
    x = draw(rng, model, 2, 5)
    stream = model.stream(2)
    first = stream.run(x)
    stream.reset()
    assert not any(h.any() for h in stream.state)
    same(stream.run(x), first)


def test_streams_of_one_model_are_independent(rng, model):
    x = draw(rng, model, 2, 6)
    a, b = model.stream(), model.stream()
    for t in range(6):
        ya, yb = a.step(x[0, t]), b.step(x[1, t])
    expected = model.infer(x)
    same(np.stack([ya, yb]), expected if model.card.output != "all" else expected[:, -1])


def test_a_stream_outlives_its_model(rng, make_model):
    stream = make_model(rng).stream()
    assert stream.step([0.5, 0.5]).shape == (3,)


def test_step_converts_what_infer_converts(rng, make_model):
    model = make_model(rng)
    x = rng.integers(-3, 4, (2,))
    expected = model.infer(x[None])
    wide = np.zeros((2, 3), np.float32)
    wide[:, 1] = x
    for form in (x, x.tolist(), x.astype(np.float64), x.astype(">f4"), x.astype(np.int8), wide[:, 1]):
        same(model.stream().step(form), expected)


def test_tokens_come_in_any_integer_form(rng, make_model):
    model = make_model(rng, **KINDS["onehot"])
    expected = model.infer([3])[0]
    for form in (3, np.int64(3), np.uint8(3), np.array(3), np.array(3, ">i2")):
        same(model.stream().step(form), expected)
    for form in ([3], np.array([3], np.int32), np.array([3], np.uint64), (3,)):
        same(model.stream(1).step(form)[0], expected)


def test_pixels_are_scaled(rng, make_model):
    model = make_model(rng, **KINDS["pixels"])
    image = rng.integers(0, 256, (9, 1)).astype(np.uint8)
    stream = model.stream()
    for pixel in image:
        y = stream.step(pixel)
    same(y, model.infer(image))
    same(model.stream().run(image), y)


def test_a_permuting_model_streams_raw_steps_only(rng, make_model):
    steps = Preprocess(
        permutation=Permutation(1, 5), uint8_scale=1 / 255, normalization=Normalization((1.0,), (2.0,))
    )
    model = make_model(rng, input_size=1, preprocess=steps)
    with pytest.raises(InputError, match=r"reads its 5 time steps in a permuted order .* raw=True takes"):
        model.stream()
    x = rng.random((5, 1)).astype(np.float32)
    read = ((x - np.float32(1)) / np.float32(2))[steps.permutation.indices()]
    stream = model.stream(raw=True)
    for step in read:
        y = stream.step(step)
    same(y, model.infer(x))
    with pytest.raises(
        InputError, match=r"x\[0\] is 7 of dtype uint8; this model takes numbers 0 .. 1 \(raw"
    ):
        stream.step(np.array([7], np.uint8))


def test_a_refused_step_leaves_the_state_alone(rng, model):
    x = draw(rng, model, 2, 4)
    stream, one = model.stream(2), model.stream()
    stream.run(x)
    one.run(x[0])
    before, before_one = stream.state, one.state
    bad = x[:, 0].astype(np.int32 if model.card.input == "tokens" else np.float32)
    bad[1] = -1 if model.card.input == "tokens" else np.nan
    for call in (
        lambda: stream.step(bad),
        lambda: stream.run(np.stack([bad, bad], axis=1)),
        lambda: stream.step(x[:1, 0]),
        lambda: stream.run(x[:1]),
        lambda: stream.step("1"),
        lambda: one.step(bad[1]),
        lambda: one.step(x),
        lambda: one.step(None),
    ):
        with pytest.raises((InputError, ShapeError)):
            call()
    for a, b in zip([*before, *before_one], [*stream.state, *one.state], strict=True):
        same(a, b)


def test_one_sequence_has_a_batch_axis_only_if_asked(rng, model):
    x = draw(rng, model, 1, 1).astype(np.int32 if model.card.input == "tokens" else np.float32)
    for stream, wrong in ((model.stream(1), x[0, 0]), (model.stream(), x[:, 0])):
        with pytest.raises(ShapeError, match="one time step"):
            stream.step(wrong)
    with pytest.raises(ShapeError, match="one time step"):
        model.stream(1).step(2)


def test_unchecked_values_pass(rng, make_model):
    stream = make_model(rng).stream(check_finite=False)
    assert stream.step(np.array([np.nan, 1], np.float32)).shape == (3,)
    assert stream.run([[np.inf, 1]]).shape == (3,)


@pytest.mark.parametrize(
    ("value", "error", "match"),
    [
        (None, ShapeError, "not an array or list of 1 layers"),
        (np.zeros((2, 2, 8)), ShapeError, "not an array or list of 1 layers"),
        (np.zeros((1, 3, 8)), ShapeError, r"state\[0\] has shape \(3, 8\); expected \(2, 8\)"),
        ([np.zeros((2, 7))], ShapeError, r"state\[0\] has shape \(2, 7\); expected \(2, 8\)"),
        (np.full((1, 2, 8), np.nan), InputError, r"state\[0\] holds a value that is not finite"),
        (np.full((1, 2, 8), 1e40), InputError, r"state\[0\] holds a value that is not finite"),
        (np.zeros((1, 2, 8), complex), InputError, r"state\[0\] has dtype complex128"),
    ],
)
def test_bad_states(rng, make_model, value, error, match):
    stream = make_model(rng).stream(2)
    with pytest.raises(error, match=match):
        stream.state = value


def test_a_sign_state_is_signs(rng, make_model):
    stream = make_model(rng, **KINDS["sign"]).stream()
    stream.state = np.where(np.arange(32) % 3, 1, -1)[None]
    with pytest.raises(InputError, match=r"must be .1 and -1, or all zero"):
        stream.state = np.full((1, 32), 0.5)


@pytest.mark.parametrize("bits", [None, 12])
def test_the_state_of_a_mean_ends_in_its_sums(rng, make_model, bits):
    x = rng.normal(size=(3, 9, 2)).astype(np.float32)
    model = make_model(rng, sizes=((16, 16), (24, 12)), output="mean")
    if bits:
        model = model.quantize(x, bits)
    stream = model.stream(3)
    total = np.zeros((3, 24))
    for t in range(9):
        stream.step(x[:, t])
        total += np.maximum(stream.state[1], 0)
    first, second, totals = stream.state
    assert (first.shape, second.shape, totals.shape) == ((3, 16), (3, 24), (3, 25))
    assert totals.dtype == np.float64
    assert (totals[:, -1] == 9).all()
    unit = model.card.integer.layers[-1].state_scale if bits else 1
    np.testing.assert_allclose(totals[:, :-1] * unit, total, rtol=1e-5)
    with pytest.raises(ShapeError, match="2 layers and the sums of the mean"):
        stream.state = [first, second]
    with pytest.raises(ShapeError, match=r"state\[-1\] has shape \(3, 24\); expected \(3, 25\)"):
        stream.state = [first, second, totals[:, 1:]]
    same(stream.state[2], totals)


@pytest.mark.parametrize(
    ("bits", "place", "value", "match"),
    [
        *(
            case
            for bits in (None, 12)
            for case in (
                *((bits, -1, value, "no whole number") for value in (2.5, -1, 2.0**47, np.inf, np.nan)),
                *((bits, 0, value, "not finite") for value in (np.inf, np.nan)),
                (bits, 0, -1, "so many steps cannot have"),
                (bits, -1, 0, "so many steps cannot have"),
            )
        ),
        (None, 0, 1e39, "so many steps cannot have"),  # beyond float32
        (12, 0, 0.5, "so many steps cannot have"),
        (12, 0, 9 * 2047 + 1, "so many steps cannot have"),
    ],
)
def test_what_cannot_be_sums_is_refused_and_changes_nothing(rng, make_model, bits, place, value, match):
    x = rng.normal(size=(3, 9, 2)).astype(np.float32)
    model = make_model(rng, output="mean")
    if bits:
        model = model.quantize(x, bits)
    stream = model.stream(3)
    stream.run(x)
    before = stream.save()
    h, totals = stream.state
    totals[1, place] = value
    with pytest.raises(InputError, match=rf"state\[-1\] .*{match}"):
        stream.state = [h * 0.5, totals]
    assert stream.save() == before
    with pytest.raises(InputError, match=match):
        stream.load(before[: -totals.nbytes] + totals.tobytes())
    assert stream.save() == before


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, "2", True, 1 << 40])
def test_bad_batch_sizes(rng, make_model, batch_size):
    with pytest.raises(InputError, match=r"batch_size is .*; expected None or an integer 1"):
        make_model(rng).stream(batch_size)


def test_repr(rng, make_model):
    model = make_model(rng)
    assert repr(model.stream()) == "Stream(one sequence, features 2 -> 3 logits)"
    assert repr(model.stream(5)) == "Stream(5 sequences, features 2 -> 3 logits)"
