"""Ridge regression whose strength is chosen by exact errors of predictions by models that have not seen an example, or its group.

With X centred (N, F), targets centred (N, K), a penalty a and the hat matrix H = X (X'X + a I)^-1 X' + 1/N, the residuals r of
a fit to all say what those of a group g by a fit to all others are: (I - H_gg)^-1 r_g, of a single example r_i / (1 - H_ii).
One decomposition thus serves all penalties and all groups.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["PENALTIES", "Solution", "Standard", "ridge"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
#: Penalties that are tried, in units of the mean squared norm of an example.
PENALTIES = np.logspace(-6, 3, 19)
#: Of so few examples the products are in float64: their best penalties are as small as the rounding of float32.
FEW = 512
#: Standard deviations below this share of their root mean square count as that.
LEAST = 0.05


@dataclass(frozen=True)
class Standard:
    """Features so shifted and scaled, (F,) each, that a penalty weighs them alike."""

    mean: F64
    inverse: F64  # one over the standard deviation

    @staticmethod
    def of(features: F32, share: F64) -> Standard:
        """By weights of the examples that add up to 1."""
        mean = share @ features.astype(np.float64)
        scale = np.sqrt(share @ np.square(features - mean.astype(np.float32), dtype=np.float64))
        # Features that hardly vary would get weights that no few bits can hold.
        scale = np.maximum(scale, LEAST * np.sqrt(np.square(scale).mean()))
        return Standard(mean, 1 / np.maximum(scale, 1e-12))

    def apply(self, features: F32) -> F32:
        return (features - self.mean.astype(np.float32)) * self.inverse.astype(np.float32)


class Solution(NamedTuple):
    """Predictions are features @ weight.T + bias. `left_out` (N, K) are those by models without the example or its group.

    inverse: (F, F) of X'X + a I in standard units; None where there are few examples.
    """

    weight: F64
    bias: F64
    left_out: F64
    penalty: float
    standard: Standard
    inverse: F64 | None = None


def ridge(
    features: F32,
    targets: F64,
    score: Callable[[F64], Any],
    weights: F64 | None = None,
    groups: NDArray[np.int64] | None = None,
) -> Solution:
    """The solution whose left-out predictions have the lowest `score`.

    Args:
        features: (N, F). Standardized here, so that a penalty weighs them alike.
        targets: (N, K).
        score: a function of left-out predictions (N, K) that gives something to compare; the lowest wins.
        weights: (N,) of the examples, with mean 1; None: all alike.
        groups: (N,) numbers: whole groups are left out; None: each example alone.

    Examples:
        >>> x = np.arange(8, dtype=np.float32)[:, None]
        >>> found = ridge(x, 2.0 * x, lambda left_out: abs(left_out - 2 * x).max())
        >>> np.round(found.weight, 3)
        array([[2.]])
    """
    weights = np.ones(len(features)) if weights is None else weights
    share = weights / weights.sum()
    standard = Standard.of(features, share)
    root = np.sqrt(weights)[:, None]
    x = standard.apply(features) * root.astype(np.float32)
    middle = share @ targets
    y = (targets - middle) * root
    constant = np.sqrt(share)
    decomposition = _Dual(x, y, constant) if len(x) <= x.shape[1] else _Primal(x, y)
    unit = max(float(np.square(x, dtype=np.float64).sum()) / len(x), 1e-12)
    members = None if groups is None else [np.flatnonzero(groups == group) for group in np.unique(groups)]
    best: tuple[Any, float, F64] | None = None
    for penalty in PENALTIES * unit:
        residuals = decomposition.residuals(y, penalty, constant, members)
        left_out = targets - residuals / root
        reached = score(left_out)
        if best is None or reached < best[0]:
            best = reached, float(penalty), left_out
    assert best is not None
    _, penalty, left_out = best
    weight = (decomposition.weight(penalty) * standard.inverse[:, None]).T
    return Solution(weight, middle - weight @ standard.mean, left_out, penalty, standard)


class _Decomposition:
    """The hat matrix as basis diag(d(penalty)) basis', with basis (N, R), and the targets as its coefficients (R, K)."""

    basis: NDArray[Any]
    coefficients: F64

    def diagonal(self, penalty: float) -> F64:
        raise NotImplementedError

    def remaining(self, rows: NDArray[np.int64], penalty: float) -> F64:
        """Of the identity less the hat matrix, the part of these rows."""
        basis = self.basis[rows].astype(np.float64)
        return np.eye(len(rows)) - (basis * self.diagonal(penalty)) @ basis.T

    def residuals(
        self, y: F64, penalty: float, constant: F64, members: list[NDArray[np.int64]] | None
    ) -> F64:
        """(N, K) by models without the example or its group; constant (N,): the hat matrix has its square beside."""
        diagonal = self.diagonal(penalty)
        seen = y - self.basis @ (diagonal[:, None] * self.coefficients)
        if members is None:
            leverage = np.square(self.basis) @ diagonal + np.square(constant)
            return np.asarray(seen / np.maximum(1 - leverage, 1e-9)[:, None])
        unseen = np.empty_like(seen)
        for rows in members:
            left = self.remaining(rows, penalty) - np.outer(constant[rows], constant[rows])
            unseen[rows] = np.linalg.solve(left + 1e-12 * np.eye(len(rows)), seen[rows])
        return unseen


class _Dual(_Decomposition):
    """From the Gram matrix of the examples, N x N."""

    def __init__(self, x: F32, y: F64, constant: F64) -> None:
        self.x = x
        exact = x.astype(np.float64) if len(x) <= FEW else x
        gram = (exact @ exact.T).astype(np.float64)
        # What is centred in float32 is not quite: beside the smallest penalties that would count.
        along = gram @ constant
        gram -= np.outer(constant, along) + np.outer(along - constant * (along @ constant), constant)
        values, self.basis = np.linalg.eigh(gram)
        self.values = np.maximum(values, 0)
        self.coefficients = self.basis.T @ y

    def diagonal(self, penalty: float) -> F64:
        return np.asarray(self.values / (self.values + penalty))

    def remaining(self, rows: NDArray[np.int64], penalty: float) -> F64:
        basis = self.basis[rows]  # of all N dimensions: nothing cancels
        return np.asarray((basis * (penalty / (self.values + penalty))) @ basis.T)

    def weight(self, penalty: float) -> F64:
        """(F, K)."""
        dual = self.basis @ (self.coefficients / (self.values + penalty)[:, None])
        return np.asarray(self.x.T.astype(np.float64) @ dual)


class _Primal(_Decomposition):
    """From the covariance of the features, F x F."""

    def __init__(self, x: F32, y: F64) -> None:
        values, self.vectors = np.linalg.eigh((x.T @ x).astype(np.float64))
        self.values = np.maximum(values, 0)
        self.basis = x @ self.vectors.astype(np.float32)
        self.coefficients = self.vectors.T @ (x.T.astype(np.float64) @ y)

    def diagonal(self, penalty: float) -> F64:
        return np.asarray(1 / (self.values + penalty))

    def weight(self, penalty: float) -> F64:
        return np.asarray(self.vectors @ (self.coefficients / (self.values + penalty)[:, None]))
