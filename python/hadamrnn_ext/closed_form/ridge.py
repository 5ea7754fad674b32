"""Ridge regression whose strength is chosen by the exact leave-one-out error, from the samples or from their sums.

With X centred (N, F), targets centred (N, K), a penalty a and the hat matrix H = X (X'X + a I)^-1 X' + 1/N, the prediction of
example i by a model that has not seen it is y_i - r_i / (1 - H_ii): one decomposition serves all penalties and all examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PENALTIES", "Solution", "ridge"]

F64 = NDArray[np.float64]
#: Penalties that are tried, in units of the mean squared norm of an example.
PENALTIES = np.logspace(-6, 3, 19)
#: Of so few examples the products are in float64: their best penalties are as small as the rounding of float32.
FEW = 512
#: Standard deviations below this share of their root mean square count as that.
LEAST = 0.05


@dataclass(frozen=True)
class Solution:
    """Predictions are features @ weight.T + bias. `left_out` (N, K) are those by models without the example."""

    weight: F64
    bias: F64
    left_out: F64
    penalty: float
    mean: F64  # of the features


def ridge(features: NDArray[np.float32], targets: F64, score: Any, weights: F64 | None = None) -> Solution:
    """The solution whose left-out predictions have the lowest `score`.

    Args:
        features: (N, F). Standardized here, so that a penalty weighs them alike.
        targets: (N, K).
        score: a function of left-out predictions (N, K) that gives something to compare; the lowest wins.
        weights: (N,) of the examples, with mean 1; None: all alike.

    Example:
        >>> x = np.float32([[0], [1], [2], [3]])
        >>> found = ridge(x, 2.0 * x, lambda left_out: abs(left_out - 2 * x).max())
        >>> np.round(found.weight, 3)
        array([[2.]])
    """
    weights = np.ones(len(features)) if weights is None else weights
    share = weights / weights.sum()
    mean = share @ features.astype(np.float64)
    centred = features - mean.astype(np.float32)
    scale = np.sqrt(share @ np.square(centred, dtype=np.float64))
    # Features that hardly vary would get weights that no few bits can hold.
    scale = np.maximum(scale, LEAST * np.sqrt(np.square(scale).mean()))
    inverse = 1 / np.maximum(scale, 1e-12)
    root = np.sqrt(weights)[:, None]
    x = centred * inverse.astype(np.float32) * root.astype(np.float32)
    middle = share @ targets
    y = (targets - middle) * root
    decomposition = _Dual(x, y) if len(x) <= x.shape[1] else _Primal(x, y)
    unit = float(np.square(x, dtype=np.float64).sum()) / len(x)
    best: tuple[Any, float, F64] | None = None
    for penalty in PENALTIES * max(unit, 1e-12):
        fitted, leverage = decomposition.at(penalty)
        residuals = (y - fitted) / np.maximum(1 - leverage - share, 1e-9)[:, None]
        left_out = targets - residuals / root
        reached = score(left_out)
        if best is None or reached < best[0]:
            best = reached, penalty, left_out
    assert best is not None
    _, penalty, left_out = best
    weight = (decomposition.weight(penalty) * inverse[:, None]).T
    return Solution(weight, middle - weight @ mean, left_out, float(penalty), mean)


class _Dual:
    """From the Gram matrix of the examples, N x N."""

    def __init__(self, x: NDArray[np.float32], y: F64) -> None:
        self.x = x
        exact = x.astype(np.float64) if len(x) <= FEW else x
        values, self.vectors = np.linalg.eigh((exact @ exact.T).astype(np.float64))
        self.values = np.maximum(values, 0)
        self.y = self.vectors.T @ y

    def at(self, penalty: float) -> tuple[F64, F64]:
        """Fitted values (N, K) and the diagonal of the hat matrix (N,)."""
        shrunk = self.values / (self.values + penalty)
        return self.vectors @ (shrunk[:, None] * self.y), np.square(self.vectors) @ shrunk

    def weight(self, penalty: float) -> F64:
        """(F, K)."""
        dual = self.vectors @ (self.y / (self.values + penalty)[:, None])
        return np.asarray(self.x.T.astype(np.float64) @ dual)


class _Primal:
    """From the covariance of the features, F x F."""

    def __init__(self, x: NDArray[np.float32], y: F64) -> None:
        values, self.vectors = np.linalg.eigh((x.T @ x).astype(np.float64))
        self.values = np.maximum(values, 0)
        self.x = x @ self.vectors.astype(np.float32)
        self.squares = np.square(self.x)
        self.y = self.vectors.T @ (x.T.astype(np.float64) @ y)

    def at(self, penalty: float) -> tuple[F64, F64]:
        inverse = 1 / (self.values + penalty)
        return np.asarray(self.x @ (inverse[:, None] * self.y)), self.squares @ inverse

    def weight(self, penalty: float) -> F64:
        return np.asarray(self.vectors @ (self.y / (self.values + penalty)[:, None]))
