"""A target for every step: what the model answers, what its errors are of, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.closed_form.batch import Data
from hadamrnn_ext.closed_form.design import STEP_DESIGNS
from hadamrnn_ext.closed_form.drawing import draw
from hadamrnn_ext.closed_form.steps import PIECE, Steps, _cut
from hadamrnn_ext.data.reader import Reader
from hadamrnn_ext.data.series import Series


def recording(rng, steps):
    """A tone whose pitch changes every 40 steps, and which it is at each."""
    pitch = np.repeat(rng.integers(2, size=steps // 40 + 1), 40)[:steps]
    return np.sin(np.cumsum(0.3 + 0.6 * pitch))[:, None] + 0.1 * rng.normal(size=(steps, 1)), pitch


def test_labels_along_recordings_of_any_length(rng):
    parts = [recording(rng, steps) for steps in (400, 333, 250)]
    x, y = [part for part, _ in parts], [np.array(["low", "high"])[pitch] for _, pitch in parts]
    model, report = hr.fit(x, y, hidden_size=32)
    assert model.card.output == "all"
    assert model.card.labels == ("high", "low")
    assert (report.sequences, report.unit) == (983, "steps")
    assert "pools of" in str(report)
    fresh, wanted = recording(np.random.default_rng(4), 300)
    labels, probabilities = model.classify(fresh)
    right = labels[:, 0] == np.array(["low", "high"])[wanted]
    assert right.mean() > 0.85
    assert abs(right.mean() - report.metrics["loo_accuracy"]) < 0.1
    assert abs(right.mean() - probabilities.mean()) < 0.1
    stream = model.stream()
    np.testing.assert_array_equal(np.stack([stream.step(step) for step in fresh]), model.infer(fresh))


def test_a_forecast_of_one_long_series_beats_what_was_last(rng):
    t = np.arange(2600)
    series = 50 + 10 * np.sin(t * 0.1) + 5 * np.sin(t * 0.037) + 0.3 * rng.normal(size=len(t))
    x, y = series[:2000, None], series[8:2008, None]
    model, report = hr.fit([x], [y], hidden_size=32)
    assert report.folds >= 10
    assert (report.groups, report.left_out) == (None, "stretch")
    assert f"leave-one-stretch-out r2 {report.metrics['loo_r2']:.1%} of {report.folds} stretches" in str(
        report
    )
    assert report.metrics["loo_r2"] > 0.9
    said = model.infer(series[2000:2592, None])[100:, 0]
    error = np.abs(said - series[2108:]).mean()
    assert error < 0.3 * np.abs(series[2100:2592] - series[2108:]).mean()


def test_the_features_are_those_that_the_model_reads(rng):
    """Of pieces as long as they are, in any choice of steps: the readout of them is what the model answers."""
    series = _cut(
        Series(
            rng.normal(size=(PIECE + 90, 2)).astype(np.float32),
            np.array([0, 60]),
            np.array([60, PIECE + 30]),
            np.zeros(2),
        )
    )
    assert series.lengths.tolist() == [60, PIECE, 30]
    kept = np.sort(rng.permutation(PIECE + 90)[:200])
    steps = Steps(series, Reader("features", 2), kept)
    card, parameters = draw(STEP_DESIGNS[1], 16, steps.batch(), 0)
    parameters["output.weight"] = rng.normal(size=parameters["output.weight"].shape).astype(np.float32)
    model = hr.Model.from_parameters(card, parameters)
    answers = [model.infer(Data(series.take(np.array([i])), steps.reader, 1).batch().x[0]) for i in range(3)]
    expected = np.concatenate(answers)[kept]
    found = steps.features(model) @ parameters["output.weight"].T
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_rectangles_of_classes_are_of_steps_and_numbers_are_asked_about(rng):
    parts = [recording(rng, 60) for _ in range(12)]
    x, y = np.stack([part for part, _ in parts]), np.stack([pitch for _, pitch in parts])
    model, report = hr.fit(x, y, hidden_size=16)
    assert model.card.output == "all"
    assert (report.groups, report.left_out, report.folds) == (None, "sequence", 12)
    assert "leave-one-sequence-out accuracy" in str(report)
    assert "of 12 sequences" in str(report)
    of_people = hr.fit(x, y, groups=np.arange(12) % 4, hidden_size=16).report
    assert (of_people.groups, of_people.left_out, of_people.folds) == (4, "group", 4)
    assert "leave-one-group-out accuracy" in str(of_people)
    values = x[..., 0] * 2.0
    with pytest.raises(hr.InputError, match="every_step=True or every_step=False"):
        hr.fit(x, values, hidden_size=16)
    assert hr.fit(x, values, hidden_size=16, every_step=True).model.card.output_size == 1
    assert hr.fit(x, values, hidden_size=16, every_step=False).model.card.output_size == 60


def test_a_target_that_is_missing_is_named_by_its_step(rng):
    parts = [recording(rng, steps) for steps in (30, 50)]
    x, y = [part for part, _ in parts], [pitch.astype(object) for _, pitch in parts]
    y[1][7] = None
    with pytest.raises(hr.InputError, match=r"y\[1\]\[7\] is None"):
        hr.fit(x, y, hidden_size=16)
    with pytest.raises(
        hr.ShapeError, match=r"y\[1\] has shape \(49,\); expected a target for each of 50 steps"
    ):
        hr.fit(x, [y[0], y[1][1:]], hidden_size=16, every_step=True)
    with pytest.raises(hr.ShapeError, match=r"y\[1\] has shape \(50, 2\), and y\[0\] \(30,\)"):
        hr.fit(x, [np.zeros(30), np.zeros((50, 2))], hidden_size=16, every_step=True)
    with pytest.raises(hr.ShapeError, match=r"y\[1\]\[1\] has shape \(2,\)"):
        hr.fit(x, [np.zeros(30), [0, [1, 2]] * 25], hidden_size=16, every_step=True)
