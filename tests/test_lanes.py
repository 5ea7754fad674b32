"""Batches whose sequences run side by side in the lanes of registers give the bits of each sequence alone."""

from __future__ import annotations

import numpy as np
import pytest

import hadamrnn_ext as hr
from drawn import draw, same
from hadamrnn_ext.errors import InputError

SIZES = [
    (12, 12),
    (24, 24),
    (20, 20),
    (32, 32),
    (96, 32),
    (64, 64),
    (128, 128),
    (384, 128),
    (256, 256),
    (512, 512),
]
BATCHES = [1, 7, 8, 9, 15, 16, 17, 33]
STEPS = 19


@pytest.fixture(params=hr.isa.available(), autouse=True)
def every_isa(request):
    active = hr.isa.active()
    hr.isa.use(request.param)
    yield
    hr.isa.use(active)


def alone(model, x, lengths=None):
    return np.concatenate(
        [
            model.infer(x[i : i + 1], None if lengths is None else lengths[i : i + 1], num_threads=1)
            for i in range(len(x))
        ]
    )


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("recurrence", ["linear", "relu", "modrelu", "sign"])
def test_every_size_of_batch_gives_the_bits_of_one(rng, make_model, size, recurrence):
    for fields in (
        {"input_size": 1},
        {"input_size": 3},
        {"input_size": 1, "input_activation": "clip"},
        {"input_size": 2, "input_activation": "relu", "differences": True},
    ):
        model = make_model(rng, sizes=(size,), recurrence=recurrence, **fields)
        x = draw(rng, model, max(BATCHES), STEPS)
        lengths = rng.permutation([1, 2, 5, *rng.integers(16, STEPS + 1, len(x) - 3)])
        expected, ragged = alone(model, x), alone(model, x, lengths)
        for batch in BATCHES:
            same(model.infer(x[:batch], num_threads=1), expected[:batch])
            same(model.infer(x[:batch], lengths[:batch], num_threads=1), ragged[:batch])
        same(model.infer(x, num_threads=2), expected)
        same(model.infer(x, lengths, num_threads=2), ragged)


def test_chunks_of_many_streams_give_the_bits_of_each(rng, make_model):
    for size in ((32, 32), (128, 64), (512, 512)):
        model = make_model(rng, sizes=(size,), recurrence="relu", input_size=2)
        x = draw(rng, model, 33, 3 * STEPS)
        stream = model.stream(33)
        for t in range(0, 3 * STEPS, STEPS):
            same(stream.run(x[:, t : t + STEPS]), alone(model, x[:, : t + STEPS]))
        streams = model.streams(33)
        places = [streams.join() for _ in range(33)]
        chunks = [x[i, : 17 + i % 3] for i in range(33)]
        found = np.array(
            [streams.run([chunk], [place])[0] for chunk, place in zip(chunks, places, strict=True)]
        )
        again = model.streams(33)
        places = [again.join() for _ in range(33)]
        same(np.array(again.run(chunks, places)), found)


@pytest.mark.parametrize("width", [1, 5, 40])
def test_long_sequences_are_read_in_pieces(rng, make_model, width):
    model = make_model(rng, sizes=((64, 64),), input_size=width)
    x = draw(rng, model, 32, 150)
    same(model.infer(x, num_threads=1), alone(model, x))


def test_decays_are_those_of_each_unit(rng, make_model):
    model = make_model(rng, sizes=((128, 32),), input_size=1, decays=True)
    x = draw(rng, model, 17, 40)
    same(model.infer(x, num_threads=1), alone(model, x))


def test_not_a_number_stays_in_its_sequence(rng, make_model):
    for recurrence in ("linear", "relu", "modrelu", "sign"):
        model = make_model(rng, sizes=((64, 64),), recurrence=recurrence, input_size=3)
        x = draw(rng, model, 33, STEPS)
        expected = model.infer(x, num_threads=1)
        x[5, 3, 1] = np.nan
        x[20, 10, 0] = np.inf
        found = model.infer(x, num_threads=1, check_finite=False)
        others = [i for i in range(33) if i not in (5, 20)]
        same(found[others], expected[others])
        single = [model.infer(x[i], num_threads=1, check_finite=False) for i in (5, 20)]
        np.testing.assert_array_equal(found[[5, 20]], single)
        assert np.isnan(found[5]).all()


def test_the_first_sequence_and_step_that_overflow_are_named(rng, make_model):
    model = make_model(rng, sizes=((64, 64),), input_size=2)
    parameters = dict(model.parameters())
    parameters["input.weight"] = parameters["input.weight"] + np.where(parameters["input.weight"] < 0, -2, 2)
    loud = hr.Model.from_parameters(model.card, parameters)
    x = draw(rng, loud, 40, STEPS)
    x[17, 4] = x[30, 2] = 3e38, -3e38
    for threads in (1, 2):
        with pytest.raises(InputError, match=r"finite numbers of float32 at x\[17, 4\]"):
            loud.infer(x, num_threads=threads)
    lengths = np.full(40, STEPS)
    lengths[17] = 4  # ends before
    with pytest.raises(InputError, match=r"finite numbers of float32 at x\[30, 2\]"):
        loud.infer(x, lengths)
