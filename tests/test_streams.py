"""Many sequences at once: whoever joins, steps and leaves when, each answers as if it were alone, to the same bits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from drawn import draw, same
from hadamrnn_ext.errors import InputError, ShapeError
from hadamrnn_ext.file.preprocess import Normalization, Permutation, Preprocess

KINDS = {
    "features": {"sizes": ((32, 32),)},
    "all": {"sizes": ((24, 12),), "output": "all"},
    "mean": {"sizes": ((24, 12),), "output": "mean"},
    "tokens": {"sizes": ((16, 8),), "input": "tokens", "input_size": 7},
    "layers": {"sizes": ((16, 16), (8, 8)), "recurrence": "relu"},
    "sign": {"sizes": ((32, 32),), "recurrence": "sign"},
    "normalized": {"preprocess": Preprocess(normalization=Normalization((1.0, 2.0), (0.5, 4.0)))},
}


@pytest.fixture(params=[*KINDS, "integer", "integer mean"])
def model(request, rng, make_model):
    if request.param.startswith("integer"):
        output = "mean" if "mean" in request.param else "last"
        return make_model(rng, sizes=((32, 32),), output=output).quantize(rng.normal(size=(20, 9, 2)), 12)
    return make_model(rng, **KINDS[request.param])


def test_whoever_comes_and_goes_each_answers_as_if_alone(rng, model):
    streams = model.streams(6)
    alone: dict[int, object] = {}
    for _ in range(60):
        if len(streams) < 6 and rng.random() < 0.4:
            alone[streams.join()] = model.stream()
        if len(streams) > 1 and rng.random() < 0.2:
            place = int(rng.choice(streams.places))
            streams.leave(place)
            del alone[place]
        assert sorted(alone) == streams.places.tolist()
        if not alone:
            continue
        some = rng.permutation(streams.places)[: rng.integers(1, len(alone) + 1)]
        x = draw(rng, model, len(some), 3)
        if rng.random() < 0.5:
            same(
                streams.step(x[:, 0], some),
                np.stack([alone[p].step(row[0]) for p, row in zip(some, x, strict=True)]),
            )
        else:
            same(streams.run(x, some), np.stack([alone[p].run(row) for p, row in zip(some, x, strict=True)]))
    for place, state in zip(streams.places, streams.get_state()[-1], strict=True):
        same(state, alone[place].state[-1])


def test_all_step_where_nobody_says_who(rng, model):
    streams = model.streams(4)
    for _ in range(3):
        streams.join()
    streams.leave(1)
    x = draw(rng, model, 2, 5)
    for t in range(5):
        y = streams.step(x[:, t])
    same(y, model.infer(x) if model.card.output != "all" else model.infer(x)[:, -1])


def test_a_state_moves_as_bytes(rng, model):
    first, second, single = model.streams(3), model.streams(2), model.stream()
    places = [first.join(), first.join()]
    x = draw(rng, model, 2, 7)
    first.run(x[:, :4], places)
    moved = second.join()
    second.load(first.save(places[1]), moved)
    single.load(first.save([places[1]]))
    expected = first.run(x[:, 4:], places)[1]
    same(second.run(x[1:, 4:], moved)[0], expected)
    same(single.run(x[1, 4:]), expected)
    assert single.save() == second.save()


def test_bytes_of_another_model_are_refused(rng, make_model):
    small, large = make_model(rng, sizes=((8, 8),)).stream(), make_model(rng, sizes=((16, 16),)).stream()
    with pytest.raises(InputError, match=r"1 layers of \[8\] units; expected format 1 and \[16\]"):
        large.load(small.save())
    mean = make_model(rng, sizes=((8, 8),), output="mean").stream()
    for one, other in ((small, mean), (mean, small)):
        with pytest.raises(InputError, match=r"format (1|2) and .*; expected format (?!\1)(1|2) and \[8\]"):
            one.load(other.save())
    for data in (b"", b"nonsense", small.save()[:-1], small.save() + b"x"):
        with pytest.raises(InputError, match="saved state"):
            small.load(data)
    with pytest.raises(ShapeError, match="of 2 sequences; expected 1"):
        small.load(make_model(rng, sizes=((8, 8),)).stream(2).save())
    broken = bytearray(small.save())
    broken[-4:] = np.float32(np.nan).tobytes()
    with pytest.raises(InputError, match="not finite"):
        small.load(bytes(broken))


def test_a_place_is_free_again_and_starts_at_zero(rng, make_model):
    streams = make_model(rng).streams(2, limit=2)
    a, b = streams.join(), streams.join()
    first = streams.step(np.ones((2, 2), np.float32))
    with pytest.raises(InputError, match="all 2 places are taken"):
        streams.join()
    streams.leave(a)
    assert streams.join() == a
    same(streams.step(np.ones((1, 2), np.float32), a), first[:1])
    same(streams.get_state(b)[0], streams.get_state(a)[0])  # which has not been touched


@pytest.mark.parametrize(
    ("x", "places", "message"),
    [
        (np.zeros((1, 2)), [1], "no sequence at place 1"),
        (np.zeros((1, 2)), [9], "no sequence at place 9"),
        (np.zeros((1, 2)), [-1], "no sequence at place -1"),
        (np.zeros((2, 2)), [0, 0], "place 0 is given twice"),
        (np.zeros((1, 2)), [0.5], "expected integers"),
        (np.zeros((2, 2)), [0], r"x has shape \(2, 2\); expected \(1, 2\)"),
        (np.array([[0, np.nan]]), [0], r"x\[0, 1\] is nan"),
    ],
)
def test_what_is_refused_leaves_all_states_as_they_were(rng, make_model, x, places, message):
    streams = make_model(rng).streams(3)
    streams.join()
    streams.step(np.ones((1, 2), np.float32))
    before = streams.save()
    with pytest.raises((InputError, ShapeError), match=message):
        streams.step(x, places)
    assert streams.save() == before


def test_a_permuted_model_and_a_wrong_capacity_are_refused(rng, make_model):
    model = make_model(rng, preprocess=Preprocess(permutation=Permutation(1, 5)))
    with pytest.raises(InputError, match="permuted order"):
        model.streams()
    assert model.streams(2, raw=True).capacity == 2
    for capacity in (0, True, 1.5, 1 << 25):
        with pytest.raises(InputError, match="capacity is"):
            model.streams(capacity, raw=True)


def test_the_example_runs():
    script = Path(__file__).parents[1] / "examples" / "thousand_streams.py"
    done = subprocess.run([sys.executable, script, "20", "12"], capture_output=True, text=True, check=True)
    assert "20 streams of 512 units on one core" in done.stdout
