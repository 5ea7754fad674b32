"""A stream says when it has far more steps than its model was trained on, if that model does not forget."""

from __future__ import annotations

import copy
import dataclasses
import warnings

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.file.card import Card, LayerCard, Training
from hadamrnn_ext.file.pool import Pool

WARNING = "more than 4 times the 5 steps that this model was trained on"


def model(trained=5, **card):
    """A network of 4 units and 2 features that says how long its training sequences were."""
    settings = {} if trained is None else {"trained_steps": trained}
    forgets = {"decays": np.full(2, 40, np.uint8)} if card.get("decays") else {}
    pool = card.get("pool")
    known = Card(
        input="features",
        input_size=2,
        output_size=1,
        layers=(LayerCard(4, 2),),
        weight_bits=None,
        output_weight_bits=None,
        training=Training(settings=settings),
        **{"output": "last", **card},
    )
    parameters = {
        "input.weight": np.ones((4, 2), np.float32),
        "layers.0.signs": np.ones(4, np.float32),
        "layers.0.bias": np.zeros(4, np.float32),
        "output.weight": np.ones((1, known.output_width), np.float32),
        "output.bias": np.zeros(1, np.float32),
        **{f"layers.0.{name}": value for name, value in forgets.items()},
        **({} if pool is None else {"pool.thresholds": np.zeros((pool.thresholds, 4), np.float32)}),
    }
    return hr.Model.from_parameters(known, parameters)


STEP = np.ones(2, np.float32)


@pytest.fixture(autouse=True)
def strict():
    """Every warning is an error, except where a test expects it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("output", ["last", "all", "mean"])
def test_a_stream_warns_once_where_it_is_stepped(output):
    stream = model(output=output).stream()
    for _ in range(20):
        stream.step(STEP)
    with pytest.warns(UserWarning, match=f"{WARNING}, and its state does not forget") as met:
        stream.step([1, 1])
    assert met[0].filename == __file__
    stream.run(np.ones((100, 2)))
    stream.step(STEP)


def test_a_chunk_counts_as_its_steps_and_a_reset_begins_anew():
    stream = model().stream(batch_size=3)
    for _ in range(5):
        stream.run(np.ones((3, 20, 2)))
        stream.reset()
    stream.run(np.ones((3, 20, 2)))
    other = copy.copy(stream)
    with pytest.warns(UserWarning, match=WARNING) as met:
        stream.run(np.ones((3, 1, 2)))
    assert met[0].filename == __file__
    other.run(np.ones((3, 1, 2)))  # the copy of a state does not know how old it is


def test_each_place_of_streams_has_an_age_of_its_own():
    streams = model().streams(capacity=2)
    a, b = streams.join(), streams.join()
    for _ in range(20):
        streams.step(np.ones((2, 2), np.float32), [a, b])
    streams.leave(a)
    a, c = streams.join(), streams.join()  # one at a place that was taken before, one that makes room
    streams.run(np.ones((2, 20, 2)), [a, c])
    streams.step(np.ones((2, 2), np.float32)[:0], [])
    with pytest.warns(UserWarning, match=WARNING) as met:
        streams.step(STEP, b)
    assert met[0].filename == __file__
    streams.run([np.ones((9, 2)), np.ones((1, 2))], [a, c])


def test_streams_count_chunks_of_different_lengths():
    streams = model().streams()
    places = [streams.join(), streams.join()]
    streams.run([np.ones((20, 2)), np.ones((3, 2))], places)
    streams.run([np.ones((0, 2)), np.ones((17, 2))], places)
    with pytest.warns(UserWarning, match=WARNING):
        streams.run([np.ones((0, 2)), np.ones((1, 2))], places)


@pytest.mark.parametrize(
    ("card", "what"),
    [
        ({"decays": True, "pool": Pool(2)}, "mean over all steps"),
        ({"decays": True, "output": "mean"}, "mean over all steps"),
        ({"pool": Pool(1, time_constant=3)}, "its state does not forget"),
    ],
)
def test_part_of_forgetting_is_not_enough(card, what):
    assert not model(**card).card.endless
    with pytest.warns(UserWarning, match=what):
        model(**card).stream().run(np.ones((21, 2)))


@pytest.mark.parametrize(
    "card", [{"decays": True}, {"decays": True, "pool": Pool(1, time_constant=3)}, {"trained": None}]
)
def test_what_forgets_or_does_not_say_never_warns(card):
    given = model(**card)
    assert given.card.endless == ("decays" in card)
    given.stream().run(np.ones((1000, 2)))
    streams = given.streams()
    streams.run(np.ones((1, 1000, 2)), [streams.join()])
    given.windows(5, 5).run(np.ones((100, 2)))


def test_windows_begin_anew_and_never_warn():
    windows = model().windows(20, 10)
    windows.run(np.ones((500, 2)))


@pytest.mark.parametrize("said", [0, -3, True, 2.5, "5"])
def test_what_is_no_number_of_steps_is_none(said):
    card = model().card
    assert card.trained_steps == 5
    assert (
        dataclasses.replace(card, training=Training(settings={"trained_steps": said})).trained_steps is None
    )
    assert dataclasses.replace(card, training=None).trained_steps is None


def test_fitted_models_say_how_long_their_sequences_were():
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(length, 1)) for length in [7, 12, 9] * 10]
    y = np.arange(30) % 2
    assert hr.fit(x, y, hidden_size=16).model.card.trained_steps == 12
    assert hr.fit(iter([(x, y)]), hidden_size=16).model.card.trained_steps == 12
    every = hr.fit(x, [np.full(len(one), k) for one, k in zip(x, y, strict=True)], hidden_size=16).model
    assert every.card.trained_steps == 12
    assert every.card.endless
