"""Input that is finite and too large for float32's sums: an error which says where, and a stream that stays as it was."""

from __future__ import annotations

import numpy as np
import pytest

import hadamrnn_ext as hr
from drawn import same
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.file.preprocess import Normalization, Permutation, Preprocess

RECURRENCES = ("linear", "relu", "modrelu", "sign")
OUTPUTS = ("last", "all", "mean")


@pytest.fixture(params=[(r, o, sizes) for r in RECURRENCES for o in OUTPUTS for sizes in (1, 2)], ids=str)
def model(request, rng, make_model):
    recurrence, output, layers = request.param
    sizes = ((16, 16), (24, 12))[:layers]
    return make_model(rng, sizes=sizes, recurrence=recurrence, output=output, weight_bits=None)


def louder(model):
    """The same network with input weights of 2 and more, so that a step of (3e38, -3e38) is inf - inf to it."""
    parameters = dict(model.parameters())
    parameters["input.weight"] = parameters["input.weight"] + np.where(parameters["input.weight"] < 0, -2, 2)
    return hr.Model.from_parameters(model.card, parameters)


@pytest.mark.parametrize("at", [0, 3, 8])
def test_infer_names_the_sequence_and_the_step(rng, make_model, model, at):
    model = louder(model)
    x = rng.normal(size=(4, 9, 2)).astype(np.float32)
    x[2, at] = 3e38, -3e38
    x[3, 1] = x[2, at]  # comes later
    assert not np.isfinite(model.infer(x[2], check_finite=False)).all()
    with pytest.raises(
        InputError, match=rf"^the network leaves the finite numbers of float32 at x\[2, {at}\], numbers"
    ):
        model.infer(x)
    with pytest.raises(InputError, match=rf"at x\[{at}\], numbers of up to 3e\+38; expected input"):
        model.infer(x[2])
    with pytest.raises(InputError, match=rf"at x\[2, {at}\]"):
        model.infer(x, num_threads=3)
    with pytest.raises(InputError, match=rf"at x\[2, {at}\]"):
        model.classify(x[:3])
    if at:  # what lies after the end is not read
        assert np.isfinite(model.infer(x, [9, 9, at, 1])).all()
    with pytest.raises(InputError, match=rf"at x\[2, {at}\]"):
        model.infer(x, [9, 9, at + 1, 1])


def test_a_stream_says_so_at_the_step_and_stays_as_it_was(rng, model):
    model = louder(model)
    x = rng.normal(size=(3, 9, 2)).astype(np.float32)
    bad = x.copy()
    bad[1, 6] = 3e38, -3e38
    one, three = model.stream(), model.stream(3)
    one.run(x[1, :4])
    three.run(x[:, :4])
    before = one.save(), three.save()
    for call, match in (
        (lambda: one.step(bad[1, 6]), r"at x, numbers of up to 3e\+38"),
        (lambda: one.step(bad[1, 6].tolist()), r"at x, numbers"),
        (lambda: one.run(bad[1, 4:]), r"at x\[2\], numbers"),
        (lambda: three.step(bad[:, 6]), r"at x\[1\], numbers"),
        (lambda: three.run(bad[:, 4:]), r"at x\[1, 2\], numbers"),
    ):
        with pytest.raises(InputError, match=match):
            call()
        assert (one.save(), three.save()) == before
    expected = model.infer(x, num_threads=1)
    same(three.run(x[:, 4:]), expected[:, 4:] if model.card.output == "all" else expected)
    same(one.run(x[1, 4:]), expected[1, 4:] if model.card.output == "all" else expected[1])


def test_a_state_of_minus_infinity_alone_is_found(make_model, rng):
    """relu makes 0 of it, so that no logit shows it."""
    model = make_model(rng, sizes=((1, 1),), input_size=1, weight_bits=None, output_weight_bits=None)
    parameters = {**model.parameters(), "input.weight": np.float32([[10]])}
    model = hr.Model.from_parameters(model.card, parameters)
    stream = model.stream()
    assert np.isfinite(model.infer([[-1e38]], check_finite=False)).all()
    with pytest.raises(InputError, match=r"at x, numbers of up to 1e\+38"):
        stream.step([-1e38])
    with pytest.raises(InputError, match=r"at x\[0\], numbers"):
        model.infer([[-1e38]])
    same(stream.step([1]), model.infer([[1]]))


def test_logits_that_overflow_are_found_though_the_state_is_finite(make_model, rng):
    model = make_model(rng, output="all", output_weight_bits=None)
    parameters = dict(model.parameters())
    parameters["output.weight"] = np.full((3, 8), 3e38)
    model = hr.Model.from_parameters(model.card, parameters)
    x = np.zeros((5, 2), np.float32)
    quiet = int(np.isfinite(model.infer(x, check_finite=False)).all(axis=1).argmin())
    x[:quiet] = 0
    with pytest.raises(InputError, match=rf"at x\[{quiet}\], numbers of up to 0"):
        model.infer(x)
    integers = model.quantize(rng.normal(size=(9, 5, 2)))
    with pytest.raises(InputError, match=r"leaves the finite numbers of float32 at x\[\d\]"):
        integers.infer(rng.normal(size=(5, 2)))


def test_the_place_is_that_before_the_permutation(rng, make_model):
    order = Permutation(7, 9)
    model = louder(make_model(rng, weight_bits=None, preprocess=Preprocess(permutation=order)))
    x = rng.normal(size=(2, 9, 2)).astype(np.float32)
    x[1, 4] = 3e38, -3e38
    with pytest.raises(InputError, match=r"at x\[1, 4\], numbers of up to 3e\+38"):
        model.infer(x)


def test_numbers_before_the_normalization_are_those_of_the_message(rng, make_model):
    steps = Preprocess(normalization=Normalization((0.0, 0.0), (1e-38, 1e-38)))
    model = louder(make_model(rng, weight_bits=None, preprocess=steps))
    with pytest.raises(InputError, match=r"at x\[1\], numbers of up to 2;"):
        model.infer([[0, 0], [2, -2]])


def test_tokens_can_overflow_too(rng, make_model):
    model = make_model(rng, input="tokens", input_size=5, weight_bits=None)
    parameters = dict(model.parameters())
    parameters["input.weight"][:, 3] = 3e38
    parameters["output.weight"] = parameters["output.weight"] * 0.01
    model = hr.Model.from_parameters(model.card, parameters)
    with pytest.raises(InputError, match=r"at x\[2\], 3; expected"):
        model.infer([0, 3, 3])
    stream = model.stream()
    stream.step(3)
    with pytest.raises(InputError, match="at x, 3; expected"):
        stream.step(3)


def test_the_state_of_an_integer_model_saturates_instead(rng, make_model):
    model = make_model(rng).quantize(rng.normal(size=(20, 9, 2)))
    assert np.isfinite(model.infer(np.full((2, 9, 2), 3e38))).all()
    assert np.isfinite(model.stream().run(np.full((9, 2), -3e38))).all()


def test_unchecked_overflow_passes_to_the_logits(rng, make_model):
    model = louder(make_model(rng, weight_bits=None))
    x = np.float32([[3e38, -3e38], [0, 0]])
    logits = model.infer(x, check_finite=False)
    assert np.isnan(logits).all()
    stream = model.stream(check_finite=False)
    assert np.isnan([stream.step(step) for step in x][1]).all()
    assert not np.isfinite(stream.state).any()
    streams = model.streams(2, check_finite=False)
    streams.join()
    assert np.isnan(streams.run(x[None])).all()
    assert not streams.refused
