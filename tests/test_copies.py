"""Copies of streams and models: independent, of the same state, in this process and in another."""

from __future__ import annotations

import copy
import multiprocessing
import pickle

import numpy as np
import pytest

import hadamrnn_ext as hr
from drawn import draw
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.file.preprocess import Normalization, Permutation, Preprocess

KINDS = {
    "last": {"sizes": ((16, 16), (16, 4))},
    "all": {"sizes": ((24, 12),), "output": "all", "recurrence": "modrelu"},
    "mean": {"sizes": ((16, 16), (8, 8)), "output": "mean"},
    "sign": {"sizes": ((32, 32),), "recurrence": "sign", "kernel": "xnor"},
    "tokens": {"input": "tokens", "input_size": 7, "output": "mean"},
    "normalized": {"preprocess": Preprocess(normalization=Normalization((1.0, 2.0), (0.5, 4.0)))},
}
COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {protocol}": lambda x, protocol=protocol: pickle.loads(pickle.dumps(x, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}


@pytest.fixture(params=[*KINDS, "integer", "integer mean"])
def model(request, rng, make_model):
    if request.param.startswith("integer"):
        output = "mean" if "mean" in request.param else "last"
        return make_model(rng, sizes=((32, 32),), output=output).quantize(rng.normal(size=(20, 9, 2)), 16)
    return make_model(rng, **KINDS[request.param])


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("batch_size", [None, 3])
def test_a_copied_stream_goes_its_own_way(rng, model, how, batch_size):
    batch = () if batch_size is None else (batch_size,)
    x = draw(rng, model, *batch, 9)
    chunks = x[:4] if batch_size is None else x[:, :4], x[4:] if batch_size is None else x[:, 4:]
    stream, never = model.stream(batch_size), model.stream(batch_size)
    stream.run(chunks[0])
    never.run(chunks[0])
    other = COPIES[how](stream)
    assert repr(other) == repr(stream)
    assert other.save() == stream.save()
    expected = other.run(chunks[1])
    assert stream.save() == never.save()
    np.testing.assert_array_equal(stream.run(chunks[1]), expected, strict=True)
    assert other.save() == stream.save() != never.save()
    other.reset()
    assert other.save() != stream.save()


@pytest.mark.parametrize("how", COPIES)
def test_copied_streams_go_their_own_way(rng, model, how):
    streams = model.streams(2, limit=5)
    for _ in range(4):
        streams.join()
    streams.leave(1)
    streams.run(draw(rng, model, 3, 4))
    before = streams.save()
    other = COPIES[how](streams)
    assert (repr(other), other.capacity, other.limit, len(other)) == (repr(streams), 4, 5, 3)
    assert other.places.tolist() == [0, 2, 3]
    assert other.save() == before
    x = draw(rng, model, 3, 5)
    expected = other.run(x)
    assert streams.save() == before
    np.testing.assert_array_equal(streams.run(x), expected, strict=True)
    other.leave(0)
    assert len(streams) == 3
    assert [other.join(), other.join(), other.join()] == [0, 1, 4]
    with pytest.raises(InputError, match="all 5 places are taken"):
        other.join()
    assert streams.join() == 1


def test_settings_are_copied(rng, make_model):
    model = make_model(rng, preprocess=Preprocess(permutation=Permutation(1, 5)))
    stream = model.stream(2, raw=True, check_finite=False)
    stream.step(np.full((2, 2), np.nan, np.float32))
    streams = model.streams(1, raw=True, check_finite=False)
    streams.join()
    streams.step(np.full((1, 2), np.inf, np.float32))
    for how in COPIES.values():
        assert np.isnan(how(stream).step(np.zeros((2, 2)))).all()  # a state which save() would refuse
        other = how(streams)
        assert other.capacity == 1
        assert not np.isfinite(other.step(np.full((1, 2), np.nan))).any()


def test_a_model_is_its_own_copy_and_shared_by_those_of_its_streams(rng, make_model):
    model = make_model(rng)
    assert copy.copy(model) is model
    assert copy.deepcopy(model) is model
    streams = [model.stream() for _ in range(100)]
    together = pickle.dumps(streams)
    assert len(together) < len(pickle.dumps(model)) + 100 * 300  # which goes with them once
    other = pickle.loads(together)
    assert len(other) == 100
    assert pickle.loads(pickle.dumps(model)) == model


def go_on(stream, x):
    """In another process: what comes of a stream, and the stream."""
    return stream.run(x), stream


def test_streams_go_to_new_processes_and_come_back(rng, model):
    x = draw(rng, model, 2, 9)
    one, several = model.stream(), model.streams(3)
    several.join()
    several.join()
    one.run(x[0, :4])
    several.run(x[:, :4])
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        answers = pool.starmap(go_on, [(one, x[0, 4:7]), (several, x[:, 4:7])])
    for mine, (found, theirs), rest, after in zip(
        (one, several), answers, (x[0, 4:7], x[:, 4:7]), (x[0, 7:], x[:, 7:]), strict=True
    ):
        np.testing.assert_array_equal(mine.run(rest), found, strict=True)
        np.testing.assert_array_equal(mine.run(after), theirs.run(after), strict=True)
        assert theirs.save() == mine.save()


def test_an_instruction_set_is_that_of_the_process(rng, make_model):
    active = hr.isa.active()
    try:
        hr.isa.use("scalar")
        stream = make_model(rng).stream()
        stream.step([1, 2])
        data = pickle.dumps(stream)
    finally:
        hr.isa.use(active)
    other = pickle.loads(data)
    np.testing.assert_array_equal(other.step([3, 4]), stream.step([3, 4]))
