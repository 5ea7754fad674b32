"""Data that come in parts: as iterators, as files larger than memory, and bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.closed_form import Running
from hadamrnn_ext.closed_form.choice import FINALISTS
from hadamrnn_ext.closed_form.design import DESIGNS, STEP_DESIGNS


def bumps(rng, count=2500, steps=12):
    """Which of three channels has a bump somewhere?"""
    y = rng.integers(3, size=count)
    x = rng.normal(size=(count, steps, 3)).astype(np.float32)
    x[np.arange(count), rng.integers(2, steps, count), y] += 4
    return x, np.array(["a", "b", "c"])[y]


def nearly(one, other, x):
    """The same models to rounding: of float32 sums, of codes of the readout."""
    a, b = one.infer(x), other.infer(x)
    return np.abs(a - b).max() < 0.02 * np.abs(a).max()


def test_a_file_larger_than_memory_gives_the_model_of_memory(rng, tmp_path):
    x, y = bumps(rng)
    on_disk = np.memmap(tmp_path / "x", np.float32, "w+", shape=x.shape)
    on_disk[:] = x
    in_memory, report = hr.fit(x, y, hidden_size=32, balanced=True)
    model, other = hr.fit(on_disk, y, hidden_size=32, balanced=True)
    assert other.design == report.design
    assert (other.examples, other.sequences) == (1024, 2500)
    assert nearly(model, in_memory, x[:50])
    assert model.card.labels == ("a", "b", "c")
    on_disk[2200, 3, 1] = np.nan
    with pytest.raises(hr.InputError, match=r"X\[2200\]\[3, 1\] is nan"):
        hr.fit(on_disk, y, hidden_size=32)


def test_chunks_are_read_once_and_one_at_a_time(rng):
    x, y = bumps(rng, 900)
    alive = []

    def chunks():
        for start in range(0, 900, 300):
            alive.append(start)
            yield x[start : start + 300], y[start : start + 300]

    model, report = hr.fit(chunks(), hidden_size=32)
    assert alive == [0, 300, 600]
    assert (report.examples, report.sequences) == (300, 900)
    fresh, wanted = bumps(np.random.default_rng(9), 300)
    right = (model.classify(fresh)[0][:, 0] == wanted).mean()
    first, _ = hr.fit(x[:300], y[:300], hidden_size=32)
    assert right > (first.classify(fresh)[0][:, 0] == wanted).mean()
    with pytest.raises(hr.InputError, match="without any chunk"):
        hr.fit(iter([]))
    bad = x[300:310].copy()
    bad[2, 4] = np.inf
    with pytest.raises(hr.InputError, match=r"chunk 1: X\[2\]\[4, 0\] is inf"):
        hr.fit(iter([(x[:300], y[:300]), (bad, y[300:310])]), hidden_size=32)
    with pytest.raises(hr.InputError, match=r"chunk 1: y\[0\] is 'z'"):
        hr.fit(iter([(x[:300], y[:300]), (x[:2], ["z", "a"])]), hidden_size=32)


def test_new_data_change_the_model_as_if_all_had_been_there(rng):
    x, _ = bumps(rng, 600)
    values = x[:, :, 0].mean(1) * 30 + 100
    running = Running(x[:200], values[:200], hidden_size=32)
    before = running.fitted()
    after = running.add(x[200:400], values[200:400]).add(x[400:], values[400:]).fitted()
    fresh, _ = bumps(np.random.default_rng(9), 200)
    wanted = fresh[:, :, 0].mean(1) * 30 + 100

    def error(fitted):
        return np.abs(fitted.model.infer(fresh)[:, 0] - wanted).mean()

    assert error(after) < error(before)
    in_any_order = Running(x[:200], values[:200], hidden_size=32).add(x[400:], values[400:])
    assert nearly(in_any_order.add(x[200:400], values[200:400]).fitted().model, after.model, fresh)


def test_classes_that_come_later_are_announced(rng):
    x, y = bumps(rng, 400)
    order = np.argsort(y, kind="stable")
    first = order[: (y < "c").sum()]
    running = Running(x[first], y[first], classes=["a", "b", "c"], hidden_size=32)
    model = running.add(x[order[len(first) :]], y[order[len(first) :]]).fitted().model
    fresh, wanted = bumps(np.random.default_rng(9), 200)
    assert ((model.classify(fresh)[0][:, 0] == "c") == (wanted == "c")).mean() > 0.85


def test_integers_that_look_like_measurements_are_warned_of_in_every_way_of_fitting(rng, tmp_path):
    x = np.rint(500 + 400 * np.sin(np.arange(60) * 0.05 + rng.uniform(0, 6, (40, 1)))).astype(np.int64)
    y = np.arange(40) % 2
    on_disk = np.memmap(tmp_path / "x", np.int64, "w+", shape=x.shape)
    on_disk[:] = x
    found = [
        hr.fit(x, y, hidden_size=16),
        hr.fit(on_disk, y, hidden_size=16),
        hr.fit(iter([(x, y)]), hidden_size=16),
        hr.fit(x, (x > 500) * 1, hidden_size=16),
    ]
    for fitted in found:
        assert "tokens=False takes them as numbers" in fitted.report.warnings[-1]
    assert hr.fit(on_disk, y, hidden_size=16, tokens=True).report.warnings == ()


def test_values_that_may_be_of_every_step_are_asked_about_and_targets_of_every_step_refused(rng, tmp_path):
    x = rng.normal(size=(30, 12, 2)).astype(np.float32)
    on_disk = np.memmap(tmp_path / "x", np.float32, "w+", shape=x.shape)
    on_disk[:] = x
    values, classes = x[..., 0], (x[..., 0] > 0) * 1

    def ways(y):
        return (
            lambda **options: hr.fit(on_disk, y, hidden_size=16, **options),
            lambda **options: hr.fit(iter([(x, y)]), hidden_size=16, **options),
            lambda **options: Running(x, y, hidden_size=16, **options).fitted(),
        )

    for fit in ways(values):
        with pytest.raises(hr.InputError, match="every_step=True or every_step=False"):
            fit()
        with pytest.raises(hr.InputError, match="in memory"):
            fit(every_step=True)
        assert fit(every_step=False).model.card.output_size == 12
    for fit in ways(classes):
        with pytest.raises(hr.InputError, match=r"y has a target for every step; expected .* in memory"):
            fit()


def test_it_tells_how_far_it_is_in_every_way_of_fitting(rng, tmp_path):
    x, y = bumps(rng)
    on_disk = np.memmap(tmp_path / "x", np.float32, "w+", shape=x.shape)
    on_disk[:] = x
    labels = [(one[:, 0] > 0) * 1 for one in x]
    told = []

    def progress(what, done, total):
        told.append((what, done, total))

    def designs(count):
        return [("designs", i, count) for i in range(1, count + 1)]

    many = len(DESIGNS) + FINALISTS  # all on half of the examples, the best on all
    sequences = [("sequences", done, 2500) for done in (1024, 2048, 2500)]
    for given in (x, on_disk):
        told.clear()
        hr.fit(given, y, hidden_size=16, progress=progress)
        assert told == designs(many) + sequences
    told.clear()
    hr.fit(iter([(x[:300], y[:300]), (x[300:340], y[300:340])]), hidden_size=16, progress=progress)
    assert told == [*designs(len(DESIGNS)), ("sequences", 300, 300), ("sequences", 40, 40)]
    told.clear()
    hr.fit(list(x), labels, hidden_size=16, progress=progress)
    of_steps = designs(len(STEP_DESIGNS) + FINALISTS)
    assert told == [*of_steps, *(("steps", done, 30000) for done in (8192, 16384, 24576, 30000))]
