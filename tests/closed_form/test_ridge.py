"""Ridge regression against leaving out each example by hand, and rounding against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from hadamrnn_ext.closed_form.ridge import ridge
from hadamrnn_ext.closed_form.rounding import _rounded, round_readout


def by_hand(x, y, penalty, weights):
    """Predictions of each example by the weighted ridge regression of the others, features in units that are given."""
    share = weights / weights.sum()
    mean = share @ x
    scale = np.sqrt(share @ (x - mean) ** 2)
    scale = np.maximum(scale, 0.05 * np.sqrt((scale**2).mean()))
    left_out = np.empty_like(y)
    for i in range(len(x)):
        rest = np.arange(len(x)) != i
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


def test_rounding_is_the_sequence_that_its_definition_says(rng):
    x, weight = rng.normal(size=(6, 9)), rng.normal(size=(2, 9)) * 3
    codes = _rounded(weight, x, -8, 7)
    damping = 0.01 * np.square(x).sum() / 9
    error = np.zeros((6, 2))
    for k in range(9):
        later = x[:, k + 1 :]
        project = damping * np.linalg.inv(later @ later.T + damping * np.eye(6))
        gain = project @ x[:, k] / (x[:, k] @ project @ x[:, k] + damping)
        wanted = weight[:, k] + gain @ error
        np.testing.assert_array_equal(codes[:, k], np.clip(np.rint(wanted), -8, 7))
        error += np.outer(x[:, k], weight[:, k] - codes[:, k])
