"""Labels and probabilities from logits."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import InputError
from ..file.card import Card

__all__ = ["Classes", "Classification", "classify", "finite", "probabilities"]


class Classification(NamedTuple):
    """Labels (strings, or int64 class numbers) and probabilities (float32), both (..., top)."""

    labels: NDArray[Any]
    probabilities: NDArray[np.float32]


class Classes:
    """The classes of a model: their names, and the most probable ones for given logits."""

    __slots__ = ("_every_step", "_names")

    def __init__(self, card: Card) -> None:
        self._names = None if card.labels is None else np.array(card.labels)
        self._every_step = card.output == "all"

    def best(self, logits: NDArray[np.float32], top: int, every_step: bool | None = None) -> Classification:
        """The ``top`` most probable classes of logits (..., o). Of equal ones, the lower class number comes first.

        ``every_step`` says whether the axis before the last one is that of steps; by default (None) the card decides.

        Raises:
            InputError: ``top`` is not 1 .. number of classes, or a logit is NaN or infinite.
        """
        classes = max(2, logits.shape[-1])
        try:
            count = operator.index(top)
        except TypeError:
            count = 0
        if not 1 <= count <= classes:
            raise InputError(f"top is {ascii(top)[:40]}; expected 1 .. {classes}, the number of classes")
        found = _core.most_probable(logits, count)
        if found is None:
            finite(logits, self._every_step if every_step is None else every_step)
            raise AssertionError("finite logits have a softmax")
        numbers, shares = found
        return Classification(numbers if self._names is None else self._names[numbers], shares)


def classify(
    logits: NDArray[np.float32], card: Card, top: int, every_step: bool | None = None
) -> Classification:
    """``Classes.best`` of a card."""
    return Classes(card).best(np.ascontiguousarray(logits, np.float32), top, every_step)


def probabilities(logits: NDArray[np.float32], every_step: bool) -> NDArray[np.float32]:
    """The softmax of logits (..., o), or for a single logit the sigmoid and its complement, (..., 2). Raises like ``finite``."""
    return _core.probabilities(finite(np.ascontiguousarray(logits, np.float32), every_step))


def finite(logits: NDArray[np.float32], every_step: bool) -> NDArray[np.float32]:
    """The logits (o,) or (B, o), or with ``every_step`` (T, o) or (B, T, o), if all of them are finite.

    Raises:
        InputError: a logit is NaN or infinite. Its sequence and step are named.
    """
    position = _core.first_nonfinite(np.ascontiguousarray(logits))
    if position < 0:
        return logits
    *place, output = map(int, np.unravel_index(position, logits.shape))
    names = [f"after step {place.pop()}"] if every_step and place else []
    names += [f"of sequence {i}" for i in place]
    where = "".join(f" {name}" for name in reversed(names))
    raise InputError(
        f"logit {output}{where} is {logits.flat[position]}; expected finite logits: the input had NaN, or numbers too large "
        "for sums in float32"
    )
