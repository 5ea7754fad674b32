"""Ridge regression against leaving out each example by hand, and rounding against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from hadamrnn_ext.closed_form.ridge import ridge
from hadamrnn_ext.closed_form.rounding import BLOCK, _rounded, round_by_inverse, round_readout
from hadamrnn_ext.closed_form.sums import Known, Sums
from hadamrnn_ext.file.storage import Coded


def by_hand(x, y, penalty, weights, groups=None):
    """Predictions of each example by the weighted ridge regression of the others, or of the other groups."""
    groups = np.arange(len(x)) if groups is None else groups
    share = weights / weights.sum()
    mean = share @ x
    scale = np.sqrt(share @ (x - mean) ** 2)
    scale = np.maximum(scale, 0.05 * np.sqrt((scale**2).mean()))
    left_out = np.empty_like(y)
    for i in range(len(x)):
        rest = groups != groups[i]
        a = np.concatenate([(x - mean) / scale, np.ones((len(x), 1))], axis=1)
        w = weights[rest, None]
        ridge_term = np.diag([*np.full(x.shape[1], penalty), 0.0])
        solution = np.linalg.solve(a[rest].T @ (w * a[rest]) + ridge_term, a[rest].T @ (w * y[rest]))
        left_out[i] = a[i] @ solution
    return left_out


@pytest.mark.parametrize(("count", "features"), [(30, 5), (12, 40)])
@pytest.mark.parametrize("weighted", [False, True])
def test_left_out_predictions_are_those_of_models_without_the_example(rng, count, features, weighted):
    x = rng.normal(size=(count, features)).astype(np.float32) * rng.uniform(0.5, 3, features).astype(
        np.float32
    )
    y = rng.normal(size=(count, 2)) + x[:, :2]
    weights = rng.uniform(0.5, 2, count) if weighted else np.ones(count)
    weights /= weights.mean()
    found = ridge(x, y, lambda left_out: np.square(left_out - y).mean(), weights)
    expected = by_hand(x.astype(np.float64), y, found.penalty, weights)
    np.testing.assert_allclose(found.left_out, expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(("count", "features"), [(30, 5), (12, 40)])
@pytest.mark.parametrize("weighted", [False, True])
def test_left_out_groups_are_predicted_by_models_without_the_group(rng, count, features, weighted):
    x = rng.normal(size=(count, features)).astype(np.float32)
    y, groups = 3 * rng.normal(size=(count, 2)) + x[:, :2], np.arange(count) % 4
    weights = rng.uniform(0.5, 2, count) if weighted else np.ones(count)
    weights /= weights.mean()
    found = ridge(x, y, lambda left_out: np.square(left_out - y).mean(), weights, groups)
    expected = by_hand(x.astype(np.float64), y, found.penalty, weights, groups)
    np.testing.assert_allclose(found.left_out, expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("weighted", [False, True])
def test_sums_over_chunks_give_the_regression_on_all(rng, weighted):
    x = rng.normal(size=(60, 7)).astype(np.float32) * 3 + 5
    y = rng.normal(size=(60, 2)) + x[:, :2]
    weights = rng.uniform(0.5, 2, 60) if weighted else np.ones(60)
    weights /= weights.mean()
    at_once = ridge(x, y, lambda left_out: np.square(left_out - y).mean(), weights)
    sums = Sums.empty(7, 2)
    for rows in (slice(0, 13), slice(13, 50), slice(50, 60)):
        sums += Sums.of(x[rows], y[rows], weights[rows] if weighted else None, at_once.standard)
    known = Known(x[:9], y[:9], weights[:9])
    found = sums.solve(at_once.penalty, at_once.standard, known)
    for name in ("weight", "bias"):
        np.testing.assert_allclose(getattr(found, name), getattr(at_once, name), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.left_out, at_once.left_out[:9], rtol=1e-3, atol=1e-3)


def test_features_that_never_vary_get_no_say(rng):
    x = rng.normal(size=(20, 3)).astype(np.float32)
    x[:, 1] = 7
    found = ridge(x, x[:, :1].astype(np.float64), lambda left_out: np.square(left_out - x[:, :1]).mean())
    assert abs(found.weight[0, 1]) < 1e-6


def test_later_weights_make_up_for_rounded_ones(rng):
    x = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 200))  # features of which few say all
    features, weight = x.astype(np.float32), rng.normal(size=(3, 200))
    rounded = round_readout(weight, features, 4)
    nearest = np.clip(np.rint(weight / (np.abs(weight).max() / 8)), -8, 7) * (np.abs(weight).max() / 8)
    centred = x - x.mean(axis=0)

    def error(other):
        return np.square(centred @ (weight - other).T).mean()

    assert error(rounded.values(4)) < 0.02 * error(nearest)
    assert rounded.codes.min() >= -8
    assert rounded.codes.max() <= 7


def test_an_inverse_rounds_as_the_examples_do(rng):
    x, weight = rng.normal(size=(60, 4)) @ rng.normal(size=(4, 24)), rng.normal(size=(2, 24))
    covariance = x.T @ x + 0.1 * np.eye(24)

    def error(codes):
        left = weight - codes.values(4)
        return np.einsum("kf,fg,kg->", left, covariance, left)

    largest = np.float32(np.abs(weight).max())
    nearest = Coded(np.clip(np.rint(weight * 8 / largest), -8, 7).astype(np.int8), largest)
    assert error(round_by_inverse(weight, np.linalg.inv(covariance), 4)) < 0.5 * error(nearest)
    exact = round_by_inverse(np.array([[3.0, -4.0], [1.0, 2.0]]), np.eye(2), 3)
    np.testing.assert_array_equal(exact.values(3), [[3, -4], [1, 2]])


def test_an_inverse_rounds_one_weight_after_another(rng):
    count = 2 * BLOCK + 5
    weight = rng.normal(size=(2, count)) * 3
    root = rng.normal(size=(count, count))
    inverse = np.linalg.inv(root @ root.T + np.eye(count))
    found = round_by_inverse(weight, inverse, 4)
    factor, step = np.linalg.cholesky(inverse), float(found.scale) / 8
    left = weight / step
    for k in range(count):
        np.testing.assert_array_equal(found.codes[:, k], np.clip(np.rint(left[:, k]), -8, 7))
        left[:, k:] -= np.outer((left[:, k] - found.codes[:, k]) / factor[k, k], factor[k:, k])


@pytest.mark.parametrize("count", [9, 2 * BLOCK + 5])
def test_rounding_is_the_sequence_that_its_definition_says(rng, count):
    x, weight = rng.normal(size=(6, count)), rng.normal(size=(2, count)) * 3
    codes = _rounded(weight, x, -8, 7)
    damping = 0.01 * np.square(x).sum() / count
    error = np.zeros((6, 2))
    for k in range(count):
        later = x[:, k + 1 :]
        project = damping * np.linalg.inv(later @ later.T + damping * np.eye(6))
        gain = project @ x[:, k] / (x[:, k] @ project @ x[:, k] + damping)
        wanted = weight[:, k] + gain @ error
        np.testing.assert_array_equal(codes[:, k], np.clip(np.rint(wanted), -8, 7))
        error += np.outer(x[:, k], weight[:, k] - codes[:, k])
