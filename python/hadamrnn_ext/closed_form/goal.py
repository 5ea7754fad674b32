"""What is to be learned: classes or values as the targets of a regression, and how predictions of them are judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data import custom
from ..data.targets import Targets

__all__ = ["Goal"]

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Goal:
    """Of N examples.

    targets: (N, K): -1 and +1 for each class, of two classes for the second alone; values in units of their spread.
    classes: (N,) numbers in `labels`, None for values.
    offset, scale: (K,), predictions * scale + offset are values.
    weights: (N,) of the examples in errors, with mean 1; None: all alike.
    """

    targets: F64
    classes: NDArray[np.int64] | None
    labels: tuple[str, ...] | None
    offset: F64
    scale: F64
    weights: F64 | None = None

    @staticmethod
    def of(answers: Targets, balanced: bool = False) -> Goal:
        """Raises InputError for weights of values."""
        weights = np.array(custom.class_weights(answers))[answers.values] if balanced else None
        if answers.labels is not None:
            signs = 2.0 * (answers.values[:, None] == np.arange(len(answers.labels))) - 1
            signs = signs[:, 1:] if answers.outputs == 1 else signs
            nothing, one = np.zeros(answers.outputs), np.ones(answers.outputs)
            return Goal(signs, answers.values, answers.labels, nothing, one, weights)
        units = answers.normalization()
        assert units is not None
        offset, scale = np.array(units.offset), np.array(units.scale)
        values = (answers.values.astype(np.float64) - offset) / scale
        return Goal(values, None, None, offset, scale, weights)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def outputs(self) -> int:
        return int(self.targets.shape[1])

    def take(self, index: NDArray[np.int64]) -> Goal:
        """Some of the examples; their weights have mean 1 again."""
        classes = None if self.classes is None else self.classes[index]
        weights = None if self.weights is None else self.weights[index] / self.weights[index].mean()
        return Goal(self.targets[index], classes, self.labels, self.offset, self.scale, weights)

    def cost(self, predictions: F64) -> tuple[float, float]:
        """The share of wrong classes (0 of values), then the mean squared error: what is to be small, in this order."""
        squares = np.square(predictions - self.targets).mean(axis=1)
        wrong = np.zeros(len(self)) if self.classes is None else self.wrong(predictions)
        share = None if self.weights is None else self.weights / self.weights.sum()
        return float(np.average(wrong, weights=share)), float(np.average(squares, weights=share))

    def wrong(self, predictions: F64) -> NDArray[np.bool_]:
        """Whether the class that is predicted is another than that of the example, (N,)."""
        said = predictions[:, 0] > 0 if self.outputs == 1 else predictions.argmax(axis=1)
        return np.asarray(said != self.classes)
