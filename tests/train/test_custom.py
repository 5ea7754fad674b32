"""Models of own data, from arrays to answers."""

from __future__ import annotations

import dataclasses
import os
import signal

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import hadamrnn_ext as hr
from hadamrnn_ext import train
from hadamrnn_ext.data import custom, sounds
from hadamrnn_ext.errors import InputError, ShapeError
from hadamrnn_ext.file.data_card import DataCard
from hadamrnn_ext.file.preprocess import Normalization
from hadamrnn_ext.recipe import Config, as_baseline
from hadamrnn_ext.train.augment import Augmentation
from hadamrnn_ext.train.baselines import baseline
from hadamrnn_ext.train.checkpoint import CheckpointError
from hadamrnn_ext.train.custom import suited
from hadamrnn_ext.train.initial import build
from hadamrnn_ext.train.objective import Objective
from hadamrnn_ext.train.progress import Silent

QUICK = {"hidden_size": 32, "epochs": 20, "batch_size": 20, "lr": 1e-2}


def levels(rng, count):
    """Which of three levels do the last steps have, of 10 to 20, beside a channel that says nothing."""
    y = rng.integers(3, size=count)
    x = []
    for level in y:
        sound = rng.normal(size=rng.integers(10, 20))
        sound[-4:] = 0.3 * sound[-4:] + 2 * level - 2
        x.append(np.stack([5 + 0.1 * sound, rng.normal(1000, 50, len(sound))], 1))
    return x, np.array(["low", "middle", "high"])[y]


def test_sequences_of_unequal_lengths_become_a_model_that_takes_them_raw(rng, tmp_path):
    x, y = levels(rng, 200)
    test = levels(rng, 60)
    model, summary = train.fit(x, y, test, out=tmp_path, **QUICK, threads=1)
    assert summary["test_accuracy"] > 0.9
    assert model == hr.load(tmp_path / "model.safetensors")
    answers = [model.classify(part.astype(np.float32)).labels[0] for part in test[0]]
    assert np.mean(np.array(answers) == test[1]) == pytest.approx(summary["test_accuracy"])
    assert model.card.labels == ("high", "low", "middle")
    assert model.card.training.task == "custom"
    again, _ = train.fit(x, y, test, out=tmp_path, **QUICK, threads=1)  # it is finished: the same once more
    assert again == model
    with pytest.raises(CheckpointError, match="data was"):
        train.fit(x, y[::-1], test, out=tmp_path, **QUICK, threads=1)


def tones(rng, count):
    """Which of four pitches has a noisy tone of 40 to 60 steps, that begins anywhere in its period?"""
    y = rng.integers(4, size=count)
    x = []
    for pitch in y:
        t = np.arange(rng.integers(40, 60))
        tone = np.sin((0.3 + 0.2 * pitch) * t + rng.uniform(0, 2 * np.pi))
        x.append((tone + 0.3 * rng.normal(size=len(t)))[:, None])
    return x, np.array(["low", "alto", "treble", "high"])[y]


def test_the_mean_of_all_states_knows_a_tone_wherever_it_begins(rng, tmp_path):
    known, test = tones(rng, 200), tones(rng, 100)
    recipe = {**QUICK, "hidden_size": 16, "threads": 1}
    model, summary = train.fit(*known, test, out=tmp_path, output="mean", **recipe)
    assert model.card.output == "mean"
    assert "of the mean over all steps" in str(model.describe())
    assert summary["test_accuracy"] > 0.9
    assert train.fit(*known, test, **recipe).summary["test_accuracy"] < 0.75
    integers, summary_8 = train.fit(*known, test, output="mean", state_bits=8, **recipe)
    assert (integers.card.kind, integers.card.output) == ("integer", "mean")
    assert summary_8["test_accuracy"] > 0.9
    answers = [model.classify(part.astype(np.float32)).labels[0] for part in test[0]]
    assert np.mean(np.array(answers) == test[1]) == pytest.approx(summary["test_accuracy"])
    with pytest.raises(CheckpointError, match="output was mean and is now None"):
        train.fit(*known, test, out=tmp_path, **recipe)


def test_values_are_answered_in_their_own_units(rng):
    x = rng.normal(size=(150, 12))
    y = np.stack([1000 + 300 * x[:, -1], 1e-3 * x[:, -2:].sum(1)], 1)
    model, summary = train.fit(x, y, (x, y), **QUICK, threads=1)
    assert summary["val_r2"] > 0.8
    answers = model.infer(x[..., None].astype(np.float32))
    r2 = 1 - ((answers - y) ** 2).sum(0) / ((y - y.mean(0)) ** 2).sum(0)
    assert r2.mean() == pytest.approx(summary["test_r2"], rel=1e-3)
    assert (r2 > 0.8).all()
    with pytest.raises(train.PresetError, match="several values"):
        train.fit(x, y, output_weight_bits=4)


def test_texts_make_a_vocabulary_and_a_model_that_takes_strings(rng):
    filler = [f"word{i}" for i in range(80)]
    y = rng.integers(2, size=120)
    texts = [" ".join([*rng.choice(filler, 4), "good" if label else "bad"]) for label in y]
    recipe = {**QUICK, "embedding_size": 8, "token_dropout": 0.0}
    model, summary = train.fit(texts, y, **recipe, threads=1)
    assert summary["val_accuracy"] > 0.9
    assert "test_accuracy" not in summary
    assert model.classify(["word1 word2 good", "word3 bad"]).labels[:, 0].tolist() == ["1", "0"]
    for form in (tuple(texts), np.array(texts, object), np.array([text.encode() for text in texts])):
        assert train.fit(form, y, **recipe, threads=1)[0] == model
    with pytest.raises(hr.InputError, match=r"X\[0\] is 3; expected a string"):
        train.fit([3, *texts[1:]], y, **recipe)


def test_missing_values_are_imputed_when_asked(rng):
    x, y = rng.normal(size=(40, 6, 1)), np.arange(40) % 2
    x[7, 3] = np.nan
    with pytest.raises(hr.InputError, match=r"X\[7\]\[3, 0\] is nan"):
        train.fit(x, y)
    model, _ = train.fit(x, y, impute="last", **{**QUICK, "epochs": 1}, threads=1)
    assert model.card.preprocess.normalization is not None


def test_balanced_loss_weighs_classes_by_the_inverse_of_their_frequency(rng):
    x, y = rng.normal(size=(50, 6, 1)), np.repeat([0, 1, 2], [40, 5, 5])
    task = custom.task((x, y), None, custom.Options(balanced=True, validation=0))
    model = build(train.Config(suited(task)), task)
    inputs, classes = (torch.from_numpy(array) for array in task.train.batch(slice(None)))
    losses = F.cross_entropy(model(inputs), classes, reduction="none")
    expected = torch.stack([losses[classes == label].mean() for label in range(3)]).mean()
    loss = Objective(model, class_weights=task.class_weights)(inputs, classes)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)


def test_values_are_learned_in_units_of_their_spread(rng):
    x, y = rng.normal(size=(10, 6, 1)), 100 + 5 * rng.normal(size=10)
    task = custom.task((x, y), None, custom.Options(validation=0))
    model = build(train.Config(suited(task)), task)
    inputs, values = (torch.from_numpy(array) for array in task.train.batch(slice(None)))
    normal = (values - values.mean()) / values.std(correction=0)
    loss = Objective(model, answers=task.answers)(inputs, values)
    assert loss.item() == pytest.approx(F.mse_loss(model(inputs), normal).item(), rel=1e-4)


def test_a_baseline_answers_at_each_sequences_own_end(rng):
    x, y = levels(rng, 12)
    task = custom.task((x, y), None, custom.Options())
    model = baseline(as_baseline(suited(task), "gru"), task)
    inputs, _, lengths = (torch.from_numpy(array) for array in task.train.batch(slice(None)))
    alone = [model(row[None, :end])[0] for row, end in zip(inputs, lengths.tolist(), strict=True)]
    torch.testing.assert_close(model(inputs, lengths), torch.stack(alone))
    torch.testing.assert_close(model.eval()(inputs, lengths), torch.stack(alone))


def test_a_sequence_is_turned_within_its_length():
    x = torch.arange(1.0, 9).reshape(1, 8, 1).repeat(50, 1, 1)
    lengths = torch.full((50,), 5)
    turned = Augmentation(time_shift=3)(x, lengths)[:, :5, 0]
    assert (turned.sort(1).values == torch.arange(1.0, 6)).all()
    assert len(turned[:, 0].unique()) == 5


def test_normalization_is_inverted():
    normalization = Normalization((1.0, -2.0), (3.0, 0.5))
    x = np.array([[4.0, 8.0]], np.float32)
    np.testing.assert_allclose(normalization.invert(normalization.apply(x)), x)


def test_settings_may_be_scalars_of_numpy(rng):
    x, y = levels(rng, 60)
    recipe = {"hidden_size": 16, "epochs": 2, "batch_size": 20, "lr": 0.0625}
    model, summary = train.fit(x, y, **recipe, seed=4, threads=1, validation=0.25, kind="classes")
    given = {name: np.array(value)[()] for name, value in recipe.items()}
    others = {"seed": np.int64(4), "threads": np.int32(1), "validation": np.float64(0.25)}
    switches = {"normalize": np.bool_(True), "balanced": np.bool_(False), "kind": np.str_("classes")}
    again, same = train.fit(x, y, **given, **others, **switches)
    assert again == model
    assert {name: type(value) for name, value in same.items()} == {
        name: type(value) for name, value in summary.items()
    }


def test_fit_leaves_the_random_state_of_others(rng):
    torch.manual_seed(99)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    train.fit(*levels(rng, 40), **{**QUICK, "epochs": 1})
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_fit(rng, tmp_path, signum):
    class Stopping(Silent):
        def step(self, epoch, step, loss):
            if (epoch, step) == (1, 2):
                os.kill(os.getpid(), signum)

    x, y = levels(rng, 60)
    threads = torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt, match=r"stopped at epoch 2, step 3; nothing is kept") as caught:
        train.fit(x, y, **QUICK, reporter=Stopping())
    assert caught.value.signum == signum
    with pytest.raises(KeyboardInterrupt, match=r"goes on from .*checkpoint\.pt"):
        train.fit(x, y, **QUICK, reporter=Stopping(), out=tmp_path)
    assert torch.get_num_threads() == threads
    again, _ = train.fit(x, y, **QUICK, out=tmp_path)
    assert again == train.fit(x, y, **QUICK).model


def test_an_unknown_part_of_the_recipe_is_refused(rng):
    with pytest.raises(train.PresetError, match="no recipe has hiden_size"):
        train.fit(rng.normal(size=(4, 3)), [0, 1, 0, 1], hiden_size=3)


def offsets(rng, count, offset=1.7e9):
    """Which of two levels, on a large offset, do the last steps have?"""
    y = rng.integers(2, size=count)
    x = rng.normal(size=(count, 12, 1))
    x[:, -4:, 0] += 3 * (2 * y - 1)[:, None]
    return offset + x, y


def test_a_signal_on_a_large_offset_is_learned_as_without_it(rng):
    for offset in (0.0, 1.7e9):
        known, test = offsets(rng, 150, offset), offsets(rng, 60, offset)
        model, summary = train.fit(*known, test, **QUICK, threads=1)
        assert summary["test_accuracy"] > 0.95
        answers = model.classify(test[0]).labels[:, 0]
        assert np.mean(answers == test[1].astype(str)) == pytest.approx(summary["test_accuracy"])
    with pytest.raises(hr.InputError, match=r"x is float32; expected float64"):
        model.classify(test[0].astype(np.float32))
    with pytest.raises(hr.InputError, match="lost in rounding"):
        train.fit(*known, normalize=False, **QUICK)
    x = known[0] - 1.7e9
    with pytest.raises(hr.InputError, match="column 0 of y varies by"):
        train.fit(x, 1.7e9 + x[:, -1, 0], kind="values", **QUICK)


def test_validation_by_groups(rng):
    x, y = levels(rng, 120)
    groups = [f"person {i // 10}" for i in range(120)]
    model, summary = train.fit(x, y, groups=groups, **{**QUICK, "epochs": 2}, threads=1)
    assert "val_accuracy" in summary
    assert model.card.data is None
    with pytest.raises(hr.ShapeError, match="groups has shape"):
        train.fit(x, y, groups=groups[1:], **QUICK)


def test_names_of_data_frames_and_imputation_travel_in_the_model(rng, tmp_path):
    pd = pytest.importorskip("pandas")
    x, y = levels(rng, 40)
    frames = [pd.DataFrame(part, columns=["sound", "noise"]) for part in x]
    frames[3].iloc[2, 0] = np.nan
    model, _ = train.fit(frames, y, impute="last", **{**QUICK, "epochs": 1}, threads=1)
    assert model.card.data == DataCard(features=("sound", "noise"), impute="last")
    model.save(tmp_path / "model.safetensors")
    again = hr.load(tmp_path / "model.safetensors")
    assert again == model
    assert again.quantize(x[0][None]).card.data == model.card.data
    plain, _ = train.fit(x, y, **{**QUICK, "epochs": 1}, threads=1)
    assert b'"format_version":1' in plain.to_bytes().replace(b'\\"', b'"')


def test_what_is_read_is_chosen_by_validation(rng):
    """A bump that may be anywhere suits the mean, what is last the last state."""
    y = np.arange(80) % 2
    x = rng.normal(size=(80, 30, 2))
    x[np.arange(80), rng.integers(0, 25, 80), y] += 8
    settings = {**QUICK, "progress": False, "threads": 1}
    auto = train.fit(x, y, output="auto", **settings)
    both = [train.fit(x, y, output=output, **settings) for output in ("last", "mean")]
    best = max(both, key=lambda fitted: fitted.summary["val_accuracy"])
    assert auto.summary["val_accuracy"] == best.summary["val_accuracy"]
    assert auto.model.card.output in ("last", "mean")
    assert auto.model in [fitted.model for fitted in both]


def test_integers_that_look_like_measurements_are_warned_of():
    t = np.arange(60)
    waves = np.rint(500 + 400 * np.sin(t * 0.05 * (1 + np.arange(20)[:, None] % 2))).astype(np.int64)
    quick = {**QUICK, "epochs": 1, "progress": False}
    with pytest.warns(UserWarning, match="tokens=False takes them as numbers"):
        train.fit(waves, np.arange(20) % 2, **quick)
    said = hr.fit(waves, np.arange(20) % 2, hidden_size=16).report.warnings
    assert any("tokens=False" in warning for warning in said)
    tokens = np.random.default_rng(0).integers(0, 200, (20, 60))
    assert not any("tokens=" in w for w in hr.fit(tokens, np.arange(20) % 2, hidden_size=16).report.warnings)


def steps(rng, count=24):
    """Recordings of 20 to 40 steps, and for each step whether the sum of the last two is positive."""
    X = [rng.normal(size=(int(rng.integers(20, 40)), 1)) for _ in range(count)]
    sums = [x[:, 0] + np.concatenate([[0], x[:-1, 0]]) for x in X]
    return X, [np.where(part > 0, "up", "down") for part in sums]


NETWORK = {
    "hidden_size": 32,
    "decays": True,
    "longest": 4.0,
    "thresholds": 2,
    "time_constant": 1,
    "threads": 1,
}


@pytest.mark.parametrize("balanced", [False, True])
def test_a_class_for_every_step_is_learned(rng, balanced):
    X, y = steps(rng)
    held = steps(rng)
    how = {"every_step": True, "epochs": 60, "balanced": balanced, "lr": 0.01}
    model, summary = train.fit(X, y, held, **how, **NETWORK)
    assert model.card.output == "all"
    assert model.card.labels == ("down", "up")
    assert summary["test_accuracy"] > 0.85
    right = np.concatenate([model.classify(x).labels[:, 0] == t for x, t in zip(*held, strict=True)])
    assert abs(right.mean() - summary["test_accuracy"]) < 1e-6
    stream = model.stream()
    np.testing.assert_array_equal(np.stack([stream.step(x) for x in held[0][0]]), model.infer(held[0][0]))


def test_classes_of_steps_beyond_the_end_have_no_loss(rng):
    X, y = steps(rng)
    losses = []
    for width in (0, 20):  # a batch with a long sequence has more steps beyond the ends of the others
        task = custom.task((X, y), None, custom.Options(every_step=True, validation=0.0))
        inputs, targets, lengths = map(torch.from_numpy, task.train.batch(slice(4)))
        inputs, targets = F.pad(inputs, (0, 0, 0, width)), F.pad(targets, (0, width), value=-1)
        torch.manual_seed(0)
        model = build(Config(dataclasses.replace(suited(task), hidden_size=8)), task)
        each = [
            Objective(model, smoothing, class_weights=weights)(inputs, targets, lengths)
            for smoothing, weights in ((0, None), (0, (1.0, 1.0)), (0.1, None))
        ]
        losses.append([float(loss.detach()) for loss in each])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert losses[0][0] == pytest.approx(losses[0][1], rel=1e-5)
    assert losses[0][2] != losses[0][0]


def test_values_for_every_step_and_a_start_in_closed_form(rng):
    X = [rng.normal(size=(length, 2)) for length in (30, 40, 35, 30, 40, 36)]
    y = [x[:, :1] * 3 + 5 for x in X]
    network = {**NETWORK, "thresholds": 1}
    model, summary = train.fit(X, y, every_step=True, epochs=40, lr=0.01, **network)
    assert model.card.output == "all"
    assert summary["val_r2"] > 0.5
    assert model.infer(X[1]).shape == (40, 1)
    begun, _ = train.fit(X, y, every_step=True, epochs=1, start="closed_form", hidden_size=32, threads=1)
    assert begun.card.output == "all"


def test_a_model_of_frames_remembers_that_it_hears(rng):
    X, y = rng.normal(size=(12, 5, 32)).astype(np.float32), ["a", "b"] * 6
    model, _ = train.fit(X, y, sound_rate=16_000, epochs=1, hidden_size=8, threads=1)
    assert sounds.hearing(model.card) == (16_000, None)
    with pytest.raises(InputError, match="sound_rate is 8000, and the sequences have 2 features"):
        train.fit(X[..., :2], y, sound_rate=8000, epochs=1)


def test_targets_of_steps_are_named_by_their_place(rng):
    X, y = steps(rng, 3)
    with pytest.raises(ShapeError, match=r"y\[1\] has shape \(2,\); expected a target for each of"):
        train.fit(X, [y[0], y[1][:2], y[2]], every_step=True)
