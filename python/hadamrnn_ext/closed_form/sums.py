"""What ridge regression needs of any number of examples: sums, which add up over chunks, machines and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from .ridge import Solution, Standard

__all__ = ["Known", "Sums", "sum_of"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
EXACT = 1e-6


@dataclass(frozen=True)
class Known:
    """Examples as `ridge` takes them."""

    features: F32
    targets: F64
    weights: F64 | None = None


@dataclass(frozen=True)
class Sums:
    """Over examples with features z (standardized, F), targets y (K) and weights w, in float64."""

    weight: float  # of w
    z: F64  # of w z, (F,)
    y: F64  # of w y, (K,)
    zz: F64  # of w z z', (F, F)
    zy: F64  # of w z y', (F, K)

    @staticmethod
    def of(features: F32, targets: F64, weights: F64 | None, standard: Standard) -> Sums:
        """Those of a chunk: products in float32, which features near zero with a spread of 1 bear."""
        w = np.ones(len(features)) if weights is None else weights
        root = np.sqrt(w).astype(np.float32)
        z = standard.apply(features) * root[:, None]
        y = (targets * root[:, None]).astype(np.float32)
        return Sums(
            float(w.sum()),
            (root @ z).astype(np.float64),
            w @ targets,
            (z.T @ z).astype(np.float64),  # a product with itself takes half of the operations
            (z.T @ y).astype(np.float64),
        )

    @staticmethod
    def empty(features: int, outputs: int) -> Sums:
        shapes = (features,), (outputs,), (features, features), (features, outputs)
        return Sums(0.0, *map(np.zeros, shapes))

    def __add__(self, other: Sums) -> Sums:
        names = [field.name for field in fields(self)]
        return Sums(*(getattr(self, name) + getattr(other, name) for name in names))

    def solve(self, penalty: float, standard: Standard, known: Known) -> Solution:
        """The readout of all examples; `known` are some of them, whose left-out predictions are told."""
        mean, middle = self.z / self.weight, self.y / self.weight
        covariance = self.zz - self.weight * np.outer(mean, mean)
        # Below this, products in float32 are not exact enough for the covariance to be one.
        penalty = max(penalty, EXACT * float(np.trace(covariance)) / len(mean) ** 0.5)
        covariance.flat[:: len(mean) + 1] += penalty
        inverse = np.asarray(np.linalg.inv(covariance), np.float64)
        weight = inverse @ (self.zy - self.weight * np.outer(mean, middle))
        z = standard.apply(known.features) - mean
        fitted = z @ weight + middle
        w = np.ones(len(z)) if known.weights is None else known.weights
        leverage = w * (np.einsum("nf,nf->n", z @ inverse, z) + 1 / self.weight)
        left_out = known.targets - (known.targets - fitted) / np.maximum(1 - leverage, 1e-9)[:, None]
        raw = (weight * standard.inverse[:, None]).T
        return Solution(
            raw, middle - mean @ weight - raw @ standard.mean, left_out, penalty, standard, inverse
        )


def sum_of(sums: Sequence[Sums]) -> Sums:
    """Of one or more."""
    total = sums[0]
    for other in sums[1:]:
        total += other
    return total
