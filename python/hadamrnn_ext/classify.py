"""Logits -> labels and probabilities."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _core
from .card import Card
from .errors import InputError

__all__ = ["Classes", "Classification", "classify", "probabilities"]


class Classification(NamedTuple):
    """Labels (strings, or int64 class numbers) and probabilities (float32), both (..., top)."""

    labels: NDArray[Any]
    probabilities: NDArray[np.float32]


class Classes:
    """The classes of a model: their names, and which of them logits speak for."""

    __slots__ = ("_names",)

    def __init__(self, card: Card) -> None:
        self._names = None if card.labels is None else np.array(card.labels)

    def best(self, logits: NDArray[np.float32], top: int) -> Classification:
        """The ``top`` most probable classes of (..., o) logits; ties go to the lower class number.

        Raises:
            InputError: ``top`` is not 1 .. number of classes, or a logit is NaN, or all are infinite.
        """
        count, classes = _count(top), max(2, logits.shape[-1])
        if not 1 <= count <= classes:
            raise InputError(f"top is {ascii(top)[:40]}; expected 1 .. {classes}, the number of classes")
        found = _core.most_probable(logits, count)
        if found is None:
            raise InputError("logits are not finite; expected numbers, of which one is the largest")
        numbers, shares = found
        return Classification(numbers if self._names is None else self._names[numbers], shares)


def _count(top: object) -> int:
    try:
        return operator.index(top)  # type: ignore[arg-type]
    except TypeError:
        return 0


def classify(logits: NDArray[np.float32], card: Card, top: int) -> Classification:
    """``Classes.best`` of a card."""
    return Classes(card).best(logits, top)


def probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """The softmax of (..., o) logits; of a single one the sigmoid and its complement, (..., 2)."""
    return _core.probabilities(np.ascontiguousarray(logits, np.float32))
