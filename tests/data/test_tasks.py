from __future__ import annotations

import math

import numpy as np
import pytest

from hadamrnn_ext.data import copy, metrics, tasks
from hadamrnn_ext.data.task import evaluate
from hadamrnn_ext.errors import DataError


def test_copy_sequences_are_the_definition():
    inputs, targets = copy.sequences(np.array([[1, 2, 3, 4, 5, 6, 7, 8, 1, 2]], np.uint8), 25)
    assert inputs.tolist() == [[1, 2, 3, 4, 5, 6, 7, 8, 1, 2, *[0] * 5, 9, *[0] * 9]]
    assert targets.tolist() == [[0] * 15 + [1, 2, 3, 4, 5, 6, 7, 8, 1, 2]]
    with pytest.raises(DataError, match="at least 20 steps and at most 16777216, got 19"):
        copy.sequences(np.ones((1, 10), np.uint8), 19)


def test_copy_symbols_depend_on_the_seed_alone():
    symbols = copy.symbols(4000, 7)
    np.testing.assert_array_equal(symbols, copy.symbols(4000, 7))
    assert not np.array_equal(symbols, copy.symbols(4000, 8))
    assert symbols.shape == (4000, 10)
    shares = np.bincount(symbols.ravel(), minlength=10) / symbols.size
    np.testing.assert_allclose(shares[1:9], 1 / 8, atol=0.01)
    assert shares[0] == shares[9] == 0


def test_copy_task_has_the_published_sizes_and_disjoint_streams():
    task = tasks.load("copy")
    assert (len(task.train), len(task.validation), len(task.test)) == (512_000, 2_000, 2_000)
    first = [split.batch(slice(0, 20))[0][:, :10] for split in (task.train, task.validation, task.test)]
    assert len(np.unique(np.concatenate(first), axis=0)) == 60
    inputs, targets = task.train.batch(np.array([3, 1]))
    assert inputs.shape == targets.shape == (2, 1000)
    np.testing.assert_array_equal(inputs[1], task.train.batch(slice(1, 2))[0][0])


def test_pixels_are_scaled_split_and_permuted(digits_dir):
    plain = tasks.load("smnist", digits_dir, verify=False)
    permuted = tasks.load("pmnist", digits_dir, verify=False)
    assert (len(plain.train), len(plain.validation), len(plain.test)) == (50, 10, 20)
    raw, labels = plain.train.raw(slice(None))
    x, y = plain.train.batch(slice(None))
    assert raw.shape == x.shape == (50, 784, 1)
    assert (raw.dtype, x.dtype, y.dtype) == (np.uint8, np.float32, np.int64)
    np.testing.assert_allclose(x, raw / 255, rtol=1e-6)
    order = np.random.RandomState(92916).permutation(784)
    np.testing.assert_array_equal(permuted.train.batch(slice(None))[0], x[:, order])
    np.testing.assert_array_equal(permuted.train.raw(slice(None))[0], raw)  # the model file permutes
    np.testing.assert_array_equal(labels, y)


def test_validation_is_cut_from_the_training_data_and_never_changes(digits_dir):
    task, again = (tasks.load("smnist", digits_dir, verify=False) for _ in range(2))
    train, validation = task.train.raw(slice(None))[0], task.validation.raw(slice(None))[0]
    np.testing.assert_array_equal(validation, again.validation.raw(slice(None))[0])
    everything = np.concatenate([train, validation]).reshape(60, -1)
    assert len(np.unique(everything, axis=0)) == 60


def test_take_keeps_the_order(digits_dir):
    task = tasks.load("pmnist", digits_dir, verify=False)
    some = task.train.take(slice(7))
    assert len(some) == 7
    np.testing.assert_array_equal(some.batch(slice(5, 7))[0], task.train.batch(slice(5, 7))[0])


def test_unknown_tasks_and_lengths_that_make_no_sense_are_refused(digits_dir):
    with pytest.raises(DataError, match=r"no task 'cifar'; there are smnist, pmnist, .*copy"):
        tasks.load("cifar")
    with pytest.raises(DataError, match="length of their data"):
        tasks.load("smnist", digits_dir, length=100)
    with pytest.raises(DataError, match="at least 20"):
        tasks.load("copy", length=5)


def test_classification_scores_are_those_made_by_hand():
    logits = np.array([[0, math.log(3)], [math.log(9), 0], [5e4, -5e4]], np.float32)
    scores = metrics.classification(logits, np.array([1, 1, 0]))
    np.testing.assert_allclose(scores["loss"], [math.log(4 / 3), math.log(10), 0], rtol=1e-6)
    assert scores["accuracy"].tolist() == [1, 0, 1]


def test_logits_that_are_not_finite_are_no_class():
    nan, inf = math.nan, math.inf
    logits = np.array([[nan, nan], [nan, 1], [1, nan], [inf, 0], [-inf, 0], [1, 0]], np.float32)
    for label in (0, 1):
        scores = metrics.classification(logits, np.full(6, label))
        assert scores["accuracy"].tolist() == [0, 0, 0, 0, 0, 1 - label]
        assert np.isnan(scores["loss"][:4]).all()
    scores = metrics.classification(np.array([[nan], [inf], [-1]], np.float32), np.array([0, 1, 0]))
    assert scores["accuracy"].tolist() == [0, 0, 1]  # a single logit stands for two
    scores = metrics.by_class(logits, np.zeros(6, np.int64), 2)
    assert scores["right 0"].tolist() == [0, 0, 0, 0, 0, 1]
    asked = metrics.recall(np.full((1, 3, 2), nan, np.float32), np.array([[0, 1, 1]]))
    assert (asked["symbols"].tolist(), asked["sequences"].tolist()) == ([0], [0])
    means = {"loss": nan, "residual 0": nan, "first 0": 0.0, "second 0": 1.0}
    assert math.isnan(metrics.explain(means)["r2"])


def test_recall_counts_symbols_and_whole_sequences():
    _, targets = copy.sequences(copy.symbols(2, 0), 30)
    logits = np.eye(9, dtype=np.float32)[targets] * 100
    logits[1, -1] = 0  # one of ten symbols unknown
    scores = metrics.recall(logits, targets)
    np.testing.assert_allclose(scores["symbols"], [1, 0.9])
    assert scores["sequences"].tolist() == [1, 0]
    np.testing.assert_allclose(scores["loss"], [0, math.log(9) / 30], atol=1e-6)


def test_blanks_and_a_uniform_guess_score_as_the_formula_says():
    task = tasks.load("copy", length=100)
    guess = np.full((1, 100, 9), -1e4, np.float32)
    guess[:, :90, 0] = 0
    guess[:, 90:, 1:] = 0
    scores = evaluate(lambda x: np.repeat(guess, len(x), 0), task, task.test, raw=True)
    assert scores["loss"] == pytest.approx(copy.chance(100), rel=1e-6)
    assert scores["sequences"] == 0


def test_scores_do_not_depend_on_how_evaluation_is_cut_into_batches(digits_dir):
    task = tasks.load("smnist", digits_dir, verify=False)

    def predict(x: np.ndarray) -> np.ndarray:
        return x[:, 100:110, 0].astype(np.float32)

    whole = evaluate(predict, task, task.test, raw=False)
    pieces = evaluate(predict, task, task.test, raw=False, batch_size=7)
    assert whole == pytest.approx(pieces, rel=1e-12)
    labels = task.test.raw(slice(None))[1]
    assert whole["accuracy"] == np.mean(predict(task.test.batch(slice(None))[0]).argmax(1) == labels)


def test_the_loss_decides_between_epochs_that_have_as_many_right(digits_dir):
    task = tasks.load("smnist", digits_dir, verify=False)
    first = {"accuracy": 0.9, "loss": 0.3}
    assert task.better({"accuracy": 0.91, "loss": 0.5}, first)
    assert not task.better({"accuracy": 0.89, "loss": 0.1}, first)
    assert task.better({"accuracy": 0.9, "loss": 0.2}, first)
    assert not task.better(dict(first), first)
