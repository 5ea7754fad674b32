"""`hr.fit`: what it makes of data, what it says of it, and what it refuses."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.closed_form import Running
from hadamrnn_ext.closed_form.choice import sample
from hadamrnn_ext.closed_form.design import DESIGNS
from hadamrnn_ext.closed_form.large import begin
from hadamrnn_ext.closed_form.options import Options


def waves(rng, count=60, steps=60, pitches=3):
    """Sines of some pitches and any phase, one pitch a class."""
    pitch, phase = np.arange(count) % pitches, rng.uniform(0, 6, count)
    x = np.sin(np.arange(steps) * (0.2 + 0.15 * pitch)[:, None] + phase[:, None])
    return x[:, :, None] + 0.05 * rng.normal(size=(count, steps, 1)), pitch


@pytest.fixture(scope="module")
def fitted():
    x, y = waves(np.random.default_rng(1))
    return hr.fit(x, np.array(["low", "middle", "high"])[y], hidden_size=64)


def test_it_learns_what_there_is_to_learn(fitted):
    x, y = waves(np.random.default_rng(2), count=90)
    labels, probabilities = fitted.model.classify(x)
    assert (labels[:, 0] == np.array(["low", "middle", "high"])[y]).mean() > 0.95
    assert (probabilities > 1 / 3).all()


def test_noise_is_told_from_knowledge(rng):
    x, y = rng.normal(size=(40, 20, 2)), np.arange(40) % 2
    report = hr.fit(x, y, hidden_size=64).report
    low, high = report.interval
    assert low < 0.65
    assert report.metrics["loo_accuracy"] < 0.9
    assert low < report.metrics["loo_accuracy"] < high


def test_the_report_says_what_was_chosen(fitted):
    text = str(fitted.report)
    assert text.count("<- chosen") == 1
    assert "leave-one-out accuracy" in text
    assert (fitted.report.groups, fitted.report.left_out, fitted.report.folds) == (None, "example", None)
    assert len(fitted.report.trials) == len(DESIGNS)
    assert fitted.report.file_bytes == len(fitted.model.to_bytes())


def test_the_same_data_and_seed_give_the_same_model(fitted):
    x, y = waves(np.random.default_rng(1))
    names = np.array(["low", "middle", "high"])[y]
    assert hr.fit(x, names, hidden_size=64, num_threads=2).model == fitted.model
    assert hr.fit(x, names, hidden_size=64, seed=1).model != fitted.model


def test_a_model_streams_saves_and_remembers(fitted, tmp_path):
    x, _ = waves(np.random.default_rng(3), count=1)
    stream = fitted.model.stream()
    for step in x[0]:
        y = stream.step(step)
    np.testing.assert_array_equal(y, fitted.model.infer(x[0]))
    fitted.model.save(tmp_path / "waves.safetensors")
    assert hr.load(str(tmp_path / "waves.safetensors")) == fitted.model
    assert fitted.model.card.training.settings == {"method": "closed form", "trained_steps": 60}


def test_lists_of_any_lengths_and_missing_values(rng):
    x, y = waves(rng, count=40, pitches=2)
    parts = [part[: 30 + i % 25].copy() for i, part in enumerate(x)]
    parts[3][5] = np.nan
    with pytest.raises(hr.InputError, match=r"X\[3\]\[5, 0\] is nan"):
        hr.fit(parts, y)
    model, report = hr.fit(parts, y, impute="last", hidden_size=64)
    assert report.metrics["loo_accuracy"] > 0.9
    assert model.card.data.impute == "last"


def test_values(rng):
    x, _ = waves(rng, count=80)
    y = x.std(axis=(1, 2)) * np.array([[100.0]]) + np.array([[5.0]])
    scale = rng.uniform(0.5, 2, 80)
    model, report = hr.fit(x * scale[:, None, None], scale * 50 + 7, hidden_size=64)
    assert y.shape == (1, 80)
    assert report.interval is None
    assert report.metrics["loo_r2"] > 0.9
    answers = model.infer(x * scale[:, None, None])
    assert np.abs(answers[:, 0] - (scale * 50 + 7)).mean() < 5


def test_texts_and_tokens():
    rng = np.random.default_rng(0)
    good, bad = ["fine", "great", "lovely"], ["poor", "dull", "awful"]
    rest = ["film", "a", "the", "plot", "of"]
    texts = [
        " ".join(rng.permutation([*rng.choice(rest, 4), rng.choice((good, bad)[i % 2])])) for i in range(80)
    ]
    labels = ["good", "bad"] * 40
    model, report = hr.fit(texts, labels, hidden_size=64)
    assert report.metrics["loo_accuracy"] > 0.8
    assert model.classify("a lovely film")[0][0] == "good"
    tokens = rng.integers(0, 5, (60, 12))
    tokens[::2, 4] = 6
    _, report = hr.fit(tokens, np.arange(60) % 2, hidden_size=64)
    assert report.metrics["loo_accuracy"] > 0.8


def test_the_vocabulary_is_cut_to_the_file(rng):
    words = [f"word{i}" for i in range(3000)]
    texts = [" ".join([("good", "bad")[i % 2], *rng.choice(words, 12)]) for i in range(200)]
    model, report = hr.fit(texts, np.arange(200) % 2, max_bytes=16384)
    vocabulary = model.card.preprocess.vocabulary
    assert report.file_bytes <= 16384
    assert 50 < len(vocabulary.words) < 1000
    assert {"good", "bad"} <= set(vocabulary.words)  # the most frequent ones
    assert report.metrics["loo_accuracy"] > 0.8
    more, _ = hr.fit(texts, np.arange(200) % 2)
    assert len(more.card.preprocess.vocabulary.words) > len(vocabulary.words)
    assert len(more.to_bytes()) <= 1 << 18


def test_choices_by_people_know_what_a_stranger_costs(rng):
    """Each person has a signature of their own on which windows of the class depend: a stranger is hard."""
    who = np.repeat(np.arange(12), 10)
    x = 0.3 * rng.normal(size=(120, 20, 4)) + 3 * rng.normal(size=(12, 1, 4))[who]
    y = who % 2  # of a person
    known = hr.fit(x, y, hidden_size=32).report.metrics["loo_accuracy"]
    report = hr.fit(x, y, groups=who, hidden_size=32).report
    assert known > 0.9
    assert report.metrics["loo_accuracy"] < known - 0.2
    low, high = report.interval
    assert low < 0.6
    assert high > report.metrics["loo_accuracy"] + 0.1
    assert "of 12 groups" in str(report)
    with pytest.raises(hr.ShapeError, match="one group for each of 120"):
        hr.fit(x, y, groups=who[:5])


def test_many_sequences_are_fitted_by_sums(rng):
    x, y = waves(rng, count=1500, steps=20, pitches=3)
    model, report = hr.fit(x, y, hidden_size=32, balanced=True)
    assert report.examples == 1024
    assert "1,024 of 1,500 sequences" in str(report)
    fresh, wanted = waves(np.random.default_rng(5), count=300, steps=20, pitches=3)
    right = (model.classify(fresh)[0][:, 0] == wanted.astype(str)).mean()
    assert abs(right - report.metrics["loo_accuracy"]) < 0.06
    assert right > 0.9


def test_probabilities_say_how_often_they_are_right(rng):
    """Two classes that overlap: Bayes' error is a sixth. Those that classify gives are calibrated on fresh data."""
    y = np.arange(2200) % 2
    x = (2.0 * y - 1)[:, None, None] + rng.normal(size=(2200, 1, 1)) + 0.3 * rng.normal(size=(2200, 10, 1))
    model, report = hr.fit(x[:200], y[:200], hidden_size=64)
    assert report.metrics["log_loss"] < report.metrics["log_loss_before"]
    assert "before calibration" in str(report)
    labels, probabilities = model.classify(x[200:])
    right = labels[:, 0] == y[200:].astype(str)
    assert abs(probabilities.mean() - right.mean()) < 0.06
    surprise = -np.log(np.where(right, probabilities[:, 0], 1 - probabilities[:, 0])).mean()
    assert surprise < 0.5
    assert abs(surprise - report.metrics["log_loss"]) < 0.12


def test_nothing_is_certain_that_few_examples_say(rng):
    x, y = waves(rng, count=24, pitches=2)
    model, report = hr.fit(x, y, hidden_size=64)
    assert report.metrics["loo_accuracy"] == 1
    assert model.classify(x)[1].max() < 0.9999
    assert report.warnings == ()
    warnings = hr.fit(x[:8], y[:8], hidden_size=64).report.warnings
    assert "few examples of 0 (4), 1 (4)" in warnings[0]


def test_rare_classes_can_weigh_as_much(rng):
    x, y = waves(rng, count=66, pitches=2)
    keep = (y == 0) | (np.arange(66) < 12)
    model, _ = hr.fit(x[keep], y[keep], balanced=True, hidden_size=64)
    fresh, wanted = waves(np.random.default_rng(9), count=40, pitches=2)
    labels, _ = model.classify(fresh)
    assert (labels[wanted == 1, 0] == "1").mean() > 0.9


def test_the_file_is_no_larger_than_asked(rng):
    x, y = waves(rng)
    for most in (8192, 16384):
        assert hr.fit(x, y, max_bytes=most).report.file_bytes <= most
    with pytest.raises(
        hr.InputError, match=r"max_bytes is 100; no network is as small: the smallest takes \d{4} bytes"
    ):
        hr.fit(x, y, max_bytes=100)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y": np.zeros(6, int)}, "single class"),
        (
            {"y": list("abcdef")},
            r"y has 6 examples of 6 classes, none of which occurs twice; expected several",
        ),
        ({"X": np.zeros((3, 10, 1)), "y": [5, 6, 7]}, r"y has 3 examples of 3 classes, .* kind='values'"),
        ({"X": np.zeros((1, 10, 1)), "y": [0.5]}, "y has one sample; expected at least two"),
        (
            {"X": [*np.zeros((4, 10, 1)), np.zeros((0, 1)), np.zeros((3, 1))]},
            r"X\[4\] has shape \(0, 1\); .* one step",
        ),
        (
            {"X": np.zeros((6, 0, 1))},
            r"X has shape \(6, 0, 1\); expected at least one sequence, step and feature",
        ),
        ({"X": np.full((6, 10, 1), np.nan)}, r"X\[0\]\[0, 0\] is nan; expected finite .* impute"),
        ({"X": np.full((6, 10, 1), np.nan), "impute": "mean"}, "X has no value at all in channel 0"),
        ({"y": [0.5, 1.5, "a", 2, 3, 4], "kind": "values"}, r"y\[2\] is 'a'; expected numbers"),
        ({"y": [1, 2, None, 1, 2, 1]}, r"y\[2\] is None, a missing target"),
        ({"y": np.zeros(5)}, "one target for each of 6"),
        ({"y": [0, [1, 2]] * 3}, r"y\[1\] has shape \(2,\), and y\[0\] \(\); expected targets of one shape"),
        ({"y": [[0, 1], [1, [2, 3]]] * 3}, r"y\[1\] is ragged"),
        ({"hidden_size": 100}, "a power of two"),
        ({"hidden_size": 64.0}, r"hidden_size is 64\.0; expected a power of two"),
        ({"hidden_size": "16"}, "hidden_size is '16'; expected a power of two"),
        ({"max_bytes": "x"}, "max_bytes is 'x'; expected a positive integer"),
        ({"state_bits": 7}, r"state_bits is 7; expected an integer 8 \.\. 16"),
        ({"state_bits": 8.0}, r"state_bits is 8\.0; expected an integer 8 \.\. 16"),
        ({"max_bytes": 9000, "hidden_size": 16}, "max_bytes is 9000 and hidden_size is 16"),
        ({"kind": "foo"}, "kind is 'foo'; expected None, 'classes' or 'values'"),
        ({"seed": -1}, r"seed is -1; expected 0 to 2\^32 - 1"),
        ({"seed": 1.5}, r"seed is 1\.5; expected 0 to"),
        ({"seed": "a"}, "seed is 'a'; expected 0 to"),
    ],
)
def test_what_is_refused(rng, change, said):
    arguments = {"X": rng.normal(size=(6, 10, 1)), "y": np.arange(6) % 2, **change}
    with pytest.raises((hr.InputError, hr.ShapeError), match=said):
        hr.fit(**arguments)


def test_integers_may_be_those_of_numpy(rng):
    x, y = waves(rng, count=30, pitches=2)
    scalars = {"hidden_size": np.int64(16), "seed": np.uint8(3)}
    assert hr.fit(x, y, **scalars).model == hr.fit(x, y, hidden_size=16, seed=3).model


def test_every_way_of_fitting_checks_its_options(rng):
    x, y = waves(rng, count=30, pitches=2)
    for bad, said in (({"seed": -1}, "seed is -1"), ({"kind": "foo"}, "kind is 'foo'")):
        with pytest.raises(hr.InputError, match=said):
            Running(x, y, **bad)
        with pytest.raises(hr.InputError, match=said):
            begin(lambda rows: x[rows], 30, y, None, Options(**bad))


def test_a_size_is_checked_before_the_data_are_read():
    class Untouched:
        def __array__(self, *_, **__):
            raise AssertionError("the data were read")

    with pytest.raises(hr.InputError, match="hidden_size is 8; expected a power of two of at least 16"):
        hr.fit(Untouched(), [0, 1], hidden_size=8)


def test_it_needs_no_torch():
    code = (
        "import sys, numpy as np, hadamrnn_ext as hr; x = np.random.RandomState(0).randn(12, 9, 1);"
        "hr.fit(x, np.arange(12) % 2, hidden_size=32); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_half_of_many_examples_gives_up_designs(rng):
    """Classes and groups that take turns are in both halves; designs that are given up say on how many examples."""
    x, y = waves(rng, count=600, steps=20, pitches=2)
    report = hr.fit(x, y, groups=np.arange(600) // 2 % 2, hidden_size=32).report
    assert sorted(trial.examples for trial in report.trials) == [300] * (len(DESIGNS) - 2) + [600, 600]
    assert str(report).count(", on 300 of them") == len(DESIGNS) - 2
    assert report.metrics["loo_accuracy"] > 0.9
    assert report.trials_on == 600
    lonely = np.zeros(600, int)
    lonely[np.setdiff1d(np.arange(600), sample(600, 300, 0))[0]] = 1
    assert all(trial.examples == 600 for trial in hr.fit(x, y, groups=lonely, hidden_size=32).report.trials)
