"""Streams as a server uses them: room that grows, chunks of any length, answers so far, and data that is bad for one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from drawn import draw, same
from hadamrnn_ext.errors import InputError, ShapeError
from hadamrnn_ext.file.preprocess import Normalization, Preprocess

KINDS = {
    "last": {"sizes": ((32, 32),)},
    "all": {"sizes": ((24, 12),), "output": "all"},
    "mean": {"sizes": ((24, 12),), "output": "mean"},
    "tokens": {"sizes": ((16, 8),), "input": "tokens", "input_size": 7},
    "tokens all": {"sizes": ((16, 8),), "input": "tokens", "input_size": 7, "output": "all"},
    "layers": {"sizes": ((16, 16), (8, 8)), "recurrence": "relu"},
    "normalized": {"preprocess": Preprocess(normalization=Normalization((1.0, 2.0), (0.5, 4.0)))},
}
EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(params=[*KINDS, "integer"])
def model(request, rng, make_model):
    if request.param == "integer":
        return make_model(rng, sizes=((32, 32),)).quantize(rng.normal(size=(20, 9, 2)), 12)
    return make_model(rng, **KINDS[request.param])


def opened(model, count, **options):
    streams = model.streams(**options)
    return streams, [streams.join() for _ in range(count)]


# Room


def test_room_grows_and_moves_nobody(rng, model):
    streams = model.streams(1)
    x, alone = draw(rng, model, 40, 3), []
    for i in range(40):
        assert streams.join() == i
        assert streams.capacity == 1 << i.bit_length()  # 1, 2, 4, 4, 8, ..
        alone.append(model.stream())
        same(
            streams.step(x[: i + 1, 0], np.arange(i + 1)),
            np.stack([stream.step(row[0]) for stream, row in zip(alone, x, strict=False)]),
        )
    assert (len(streams), streams.capacity, streams.limit) == (40, 64, 1 << 24)
    same(streams.run(x), np.stack([stream.run(row) for stream, row in zip(alone, x, strict=True)]))


def test_room_grows_up_to_the_limit(make_model, rng):
    streams, _ = opened(make_model(rng), 5, capacity=3, limit=5)
    assert (streams.capacity, streams.limit) == (5, 5)
    with pytest.raises(
        InputError, match="all 5 places are taken; expected one to leave first, or a larger limit"
    ):
        streams.join()
    streams.leave(3)
    assert streams.join() == 3
    for options, match in (
        ({"capacity": 6, "limit": 5}, "capacity is 6; expected an integer 1 .. 5"),
        ({"limit": 0}, "limit is 0; expected None or an integer 1"),
        ({"limit": 1 << 25}, "limit is 33554432"),
        ({"limit": True}, "limit is True"),
    ):
        with pytest.raises(InputError, match=match):
            make_model(rng).streams(**options)


# Chunks of any length


def test_chunks_of_different_lengths_are_those_of_each_alone(rng, model):
    streams, places = opened(model, 4)
    alone = {place: model.stream() for place in places}
    for _ in range(5):
        some = rng.permutation(places)[: rng.integers(1, 5)]
        chunks = [draw(rng, model, int(rng.integers(0, 6))) for _ in some]
        found = streams.run(chunks if rng.random() < 0.5 else tuple(chunks), some)
        expected = [alone[place].run(chunk) for place, chunk in zip(some, chunks, strict=True)]
        assert isinstance(found, list if model.card.output == "all" else np.ndarray)
        assert len(found) == len(some)
        for a, b in zip(found, expected, strict=True):
            same(np.ascontiguousarray(a), b)
    for place in places:
        assert streams.save(place) == alone[place].save()


def test_chunks_come_in_any_form(rng, make_model):
    model = make_model(rng)
    streams, places = opened(model, 4)
    chunks = [[[1, 2]], np.float64([[0.5, 1], [1, 2]]), ((3, 4), (5, 6), (7, 8)), np.zeros((0, 2), np.int8)]
    found = streams.run(chunks, places)
    for row, chunk in zip(found, chunks, strict=True):
        same(row, model.stream().run(chunk))
    assert streams.run([], []).shape == (0, 3)
    with pytest.raises(ShapeError, match="x is a list of 3 chunks; expected 4, one for each place"):
        streams.run(chunks[:3])


def test_a_place_alone_needs_no_axis(rng, model):
    streams, (a, b) = opened(model, 2)
    x, one = draw(rng, model, 7), model.stream()
    for form in (a, np.int64(a)):
        same(streams.step(x[0], form), one.step(x[0]))
        same(streams.step(x[:1], form)[0], one.step(x[0]))
        same(np.asarray(streams.run(x, form)), one.run(x))
        same(np.asarray(streams.run(x[None], form))[0], one.run(x))
    if model.card.input == "tokens":
        same(streams.step(3, a), one.step(3))
    else:
        same(streams.step(x[0].tolist(), a), one.step(x[0].tolist()))
        same(streams.run(x.tolist(), a), one.run(x.tolist()))
    assert streams.save(b) == model.stream().save()
    with pytest.raises(ShapeError, match="a step for each place"):
        streams.step(x[:2], a)
    for wrong in (9, -1, 1 << 70):
        with pytest.raises(InputError, match=r"no sequence at place|places has dtype"):
            streams.step(x[0], wrong)


def test_an_error_about_a_place_alone_names_the_step_in_what_was_given(rng, make_model):
    model = make_model(rng, weight_bits=None)
    streams, (_, b) = opened(model, 2)
    x = np.zeros((4, 2), np.float32)
    for value, said in (
        (np.nan, r"x{} is nan; expected finite"),
        (3e38, r"the network leaves .* at x{}, numbers"),
    ):
        bad = x.copy()
        bad[2] = 0, value
        inner = ", 1" if np.isnan(value) else ""
        for call, where in (
            (lambda bad=bad: streams.run(bad, b), f"[2{inner}]"),
            (lambda bad=bad: streams.run(bad[None], b), f"[0, 2{inner}]"),
            (lambda bad=bad: streams.step(bad[2], b), inner and "[1]"),
        ):
            with pytest.raises(InputError, match=f"^place 1: {said.format(re.escape(where))}"):
                call()


# Answers so far


def test_the_answer_so_far_takes_no_step(rng, make_model):
    for output in ("last", "all", "mean"):
        model = make_model(rng, output=output, labels=("a", "b", "c"))
        x = rng.normal(size=(3, 6, 2)).astype(np.float32)
        streams, places = opened(model, 3)
        one, batch = model.stream(), model.stream(3)
        same(one.logits(), model.parameters()["output.bias"])
        for t in range(6):
            logits = streams.step(x[:, t], places)
            one.step(x[0, t])
            batch.step(x[:, t])
        before = streams.save()
        same(streams.logits(), logits)
        same(streams.logits([2, 0]), logits[[2, 0]])
        same(one.logits(), logits[0])
        same(batch.logits(), logits)
        whole = model.classify(x, 2)
        expected = [part[:, -1] if output == "all" else part for part in whole]
        for found in (streams.classify(top=2), batch.classify(2), streams.classify(places, 2)):
            np.testing.assert_array_equal(found.labels, expected[0])
            same(found.probabilities, np.ascontiguousarray(expected[1]))
        labels, probabilities = one.classify()
        assert labels.tolist() == expected[0][0, :1].tolist()
        same(probabilities, expected[1][0, :1])
        assert streams.save() == before
        with pytest.raises(InputError, match=r"top is 4; expected 1 .. 3"):
            one.classify(4)
        with pytest.raises(InputError, match="no sequence at place 7"):
            streams.classify([7])


# Bad data of one of them


def spoiled(model, x):
    """The same with one value in the sequence 1 that is refused, at step 2 where there are several."""
    x = x.copy()
    where = (1, 2) if x.ndim == (2 if model.card.input == "tokens" else 3) else (1,)
    if model.card.input == "tokens":
        x[where] = 7
    else:
        x[(*where, 1)] = np.nan
    return x


@pytest.mark.parametrize("steps", [None, 4])
def test_a_bad_value_names_its_stream_and_stops_nobody_else(rng, model, steps):
    streams, _ = opened(model, 5)
    streams.run(draw(rng, model, 5, 3))
    places = np.array([4, 2, 0])
    x = draw(rng, model, 3) if steps is None else draw(rng, model, 3, steps)
    call = streams.step if steps is None else streams.run
    bad, before = spoiled(model, x), streams.save()
    where = r"x\[1(, 2)?(, 1)?\] is (nan|7); expected"
    with pytest.raises(InputError, match=rf"^place 2: {where}"):
        call(bad, places)
    assert streams.save() == before
    assert list(streams.refused) == [2]
    assert re.match(rf"place 2: {where}", str(streams.refused[2]))

    found = call(bad, places, errors="skip")
    assert list(streams.refused) == [2]
    assert np.isnan(found[1]).all()
    after = streams.save()
    streams.load(before)
    kept = call(x[[0, 2]], places[[0, 2]])
    assert not streams.refused
    same(found[[0, 2]], kept)
    assert streams.save() == after

    with pytest.raises(TypeError):
        streams.refused[0] = None
    call(bad, places, errors="skip")
    with pytest.raises(ShapeError):
        call(x[:1], places)
    assert not streams.refused  # which told of the call before
    streams.load(after)
    for errors in ("ignore", None, True):
        with pytest.raises(InputError, match=r"errors is .*; expected 'raise' or 'skip'"):
            call(x, places, errors=errors)
    assert streams.save() == after


def test_bad_chunks_of_a_list_stop_nobody_else(rng, make_model):
    model = make_model(rng, output="all")
    streams, places = opened(model, 6)
    good = rng.normal(size=(3, 2)).astype(np.float32)
    bad = np.float64([[0, 1], [1, 1], [np.inf, 0]])
    chunks = [good, bad, good[:, :1], "text", good[:1], [[1, 2], [3]]]
    before = streams.save()
    with pytest.raises(InputError, match=r"^place 1: x\[1\]\[2, 0\] is inf; expected finite"):
        streams.run(chunks)
    assert streams.save() == before
    found = streams.run(chunks, errors="skip")
    assert {place: str(error) for place, error in streams.refused.items()} == {
        1: "place 1: x[1][2, 0] is inf; expected finite numbers (check_finite=False skips this check)",
        2: "place 2: x[2] has shape (3, 1); expected (T, 2)",
        3: "place 3: x[3] has dtype <U4; expected real numbers",
        5: str(streams.refused[5]),
    }
    assert "place 5: x[5] cannot be read as an array of real numbers" in str(streams.refused[5])
    assert isinstance(streams.refused[2], ShapeError)
    same(np.ascontiguousarray(found[0]), model.infer(good))
    same(np.ascontiguousarray(found[4]), model.infer(good[:1]))
    assert found[1].shape == (3, 3)
    assert np.isnan(found[1]).all()
    assert [len(chunk) for chunk in found] == [3, 3, 0, 0, 1, 0]
    untouched = model.stream().save()
    assert [streams.save(place) == untouched for place in places] == [False, True, True, True, False, True]


@pytest.mark.parametrize("output", ["last", "all", "mean"])
def test_a_state_that_overflows_stops_nobody_else(rng, make_model, output):
    model = make_model(rng, output=output, weight_bits=None)
    streams, places = opened(model, 3)
    x = rng.normal(size=(3, 4, 2)).astype(np.float32)
    streams.run(x)
    before = streams.save()
    bad = x.copy()
    bad[1, 2] = 3e38, -3e38
    for chunks, at in ((bad, r"x\[1, 2\]"), (list(bad), r"x\[1\]\[2\]")):
        with pytest.raises(
            InputError, match=rf"^place 1: the network leaves .* at {at}, numbers of up to 3e\+38"
        ):
            streams.run(chunks)
        assert streams.save() == before
        assert list(streams.refused) == [1]
        found = streams.run(chunks, errors="skip")
        assert list(streams.refused) == [1]
        assert np.isnan(found[1]).all()
        after = streams.save()
        streams.load(before)
        expected = streams.run(x[[0, 2]], [0, 2])
        assert streams.save() == after
        same(np.stack([found[0], found[2]]), expected)
        streams.load(before)
    with pytest.raises(
        InputError, match=r"^place 1: the network leaves .* at x\[1\], numbers of up to 3e\+38"
    ):
        streams.step(bad[:, 2])
    assert streams.save() == before
    found = streams.step(bad[:, 2], errors="skip")
    assert np.isnan(found).all(axis=1).tolist() == [False, True, False]
    assert len(places) == 3


def test_a_large_offset_without_a_normalization_is_refused_for_its_stream(rng, make_model):
    model = make_model(rng)
    streams, _ = opened(model, 3)
    x = rng.normal(size=(3, 50, 2))
    x[1] += 1.7e9
    found = streams.run(x, errors="skip")
    assert list(streams.refused) == [1]
    assert str(streams.refused[1]).startswith("place 1: channel 0 of x lies between 1699999998.")
    same(found[[0, 2]], model.infer(x[[0, 2]]))
    streams.run(list(x), errors="skip")
    assert list(streams.refused) == [1]


def test_whoever_sends_what_each_goes_on_as_if_alone(rng, model):
    """Streams with errors="skip" against a Stream for each place, which raises what is refused."""
    streams, places = opened(model, 6, capacity=2)
    alone = {place: model.stream() for place in places}
    for _ in range(60):
        some = rng.permutation(places)[: rng.integers(1, 7)]
        chunks = [draw(rng, model, int(rng.integers(0, 4))) for _ in some]
        for chunk in chunks:
            if len(chunk) and rng.random() < 0.3:
                value = -1 if model.card.input == "tokens" else rng.choice([np.nan, np.inf, 3e38, -3e38])
                chunk[rng.integers(len(chunk))] = value
        steps = rng.random() < 0.4
        if steps:
            chunks = [(chunk if len(chunk) else draw(rng, model, 1))[:1] for chunk in chunks]
            found = streams.step(np.concatenate(chunks), some, errors="skip")
        else:
            found = streams.run(chunks, some, errors="skip")
        refused = dict(streams.refused)
        for place, chunk, logits in zip(some, chunks, found, strict=True):
            call, x = (alone[place].step, chunk[0]) if steps else (alone[place].run, chunk)
            if place in refused:
                told = str(refused.pop(place))
                assert told.startswith(f"place {place}: ")
                with pytest.raises(InputError, match=re.escape(told.split(";")[-1])):
                    call(x)
                assert np.isnan(logits).all()
            else:
                same(np.ascontiguousarray(logits), call(x))
        assert not refused
    for place in places:
        assert streams.save(place) == alone[place].save()


def test_places_are_never_skipped(rng, make_model):
    streams, _ = opened(make_model(rng), 2)
    before = streams.save()
    for places, match in (([0, 5], "no sequence at place 5"), ([0, 0], "place 0 is given twice")):
        for call in (
            lambda places=places: streams.step(np.zeros((2, 2), np.float32), places, errors="skip"),
            lambda places=places: streams.step(np.zeros((2, 2), np.float32), np.array(places), errors="skip"),
            lambda places=places: streams.run(np.zeros((2, 1, 2)), places, errors="skip"),
        ):
            with pytest.raises(InputError, match=match):
                call()
    assert streams.save() == before


# The example


def test_the_asyncio_example_serves_its_clients():
    done = subprocess.run(
        [sys.executable, EXAMPLES / "asyncio_streams.py", "30", "0.5"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert re.search(
        r"^30 streams, [\d,]+ steps in \d\.\d s: [\d,]+ steps per second, [\d.]+ per call", done.stdout
    )
    assert re.search(r"[1-9]\d* steps were refused", done.stdout)
