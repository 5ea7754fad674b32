"""What is to be learned: classes or values as the targets of a regression, and how predictions of them are judged."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data import custom
from ..data.targets import Targets
from ..errors import InputError

__all__ = ["Goal"]

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Goal:
    """Of N examples.

    targets: (N, K): -1 and +1 for each class, of two classes for the second alone; values in units of their spread.
    classes: (N,) numbers in `labels`, None for values.
    offset, scale: (K,), predictions * scale + offset are values.
    shares: what an example of each class weighs in errors; None: all alike.
    """

    targets: F64
    classes: NDArray[np.int64] | None
    labels: tuple[str, ...] | None
    offset: F64
    scale: F64
    shares: F64 | None = None

    @staticmethod
    def of(answers: Targets, balanced: bool = False, name: str = "y") -> Goal:
        """With units and weights learned of these answers, which have this name.

        Raises InputError for weights of values, and for answers whose left-out errors would say nothing.
        """
        _check_repeated(answers, name)
        shares = np.array(custom.class_weights(answers)) if balanced else None
        units = answers.normalization()
        if units is None:
            offset, scale = np.zeros(answers.outputs), np.ones(answers.outputs)
        else:
            offset, scale = np.array(units.offset), np.array(units.scale)
        nothing: F64 = np.zeros((0, answers.outputs))
        return Goal(nothing, None, answers.labels, offset, scale, shares).more(answers)

    def more(self, answers: Targets) -> Goal:
        """Other answers in the same units, by the same weights."""
        if self.labels is None:
            values = (answers.values.astype(np.float64) - self.offset) / self.scale
            return dataclasses.replace(self, targets=values)
        signs = 2.0 * (answers.values[:, None] == np.arange(len(self.labels))) - 1
        signs = signs[:, 1:] if self.outputs == 1 else signs
        return dataclasses.replace(self, targets=signs, classes=answers.values)

    @property
    def weights(self) -> F64 | None:
        """(N,) of the examples."""
        return None if self.shares is None or self.classes is None else self.shares[self.classes]

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def outputs(self) -> int:
        return int(self.targets.shape[1])

    def take(self, index: NDArray[np.int64]) -> Goal:
        """Some of the examples."""
        classes = None if self.classes is None else self.classes[index]
        return dataclasses.replace(self, targets=self.targets[index], classes=classes)

    def cost(self, predictions: F64) -> tuple[float, float]:
        """The share of wrong classes (0 of values), then the mean squared error: what is to be small, in this order."""
        squares = np.square(predictions - self.targets).mean(axis=1)
        wrong = np.zeros(len(self)) if self.classes is None else self.wrong(predictions)
        share = self.weights
        return float(np.average(wrong, weights=share)), float(np.average(squares, weights=share))

    def wrong(self, predictions: F64) -> NDArray[np.bool_]:
        """Whether the class that is predicted is another than that of the example, (N,)."""
        said = predictions[:, 0] > 0 if self.outputs == 1 else predictions.argmax(axis=1)
        return np.asarray(said != self.classes)


def _check_repeated(answers: Targets, name: str) -> None:
    """Raises InputError unless there are two values, or two examples of some class: a model without one is to predict it."""
    count = len(answers.values)
    if answers.labels is None and count < 2:
        raise InputError(
            f"{name} has one sample; expected at least two, as a model without one is to predict it"
        )
    if answers.labels is not None and np.bincount(answers.values).max() < 2:
        raise InputError(
            f"{name} has {count} examples of {len(answers.labels)} classes, none of which occurs twice; expected several "
            "examples of each class, or kind='values' (--targets values) for numbers that are no classes"
        )
