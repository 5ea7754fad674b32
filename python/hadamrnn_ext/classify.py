"""Logits -> labels and probabilities; texts -> tokens."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _core
from .card import Card
from .errors import InputError, ShapeError

__all__ = ["Classification", "classify", "finite", "probabilities", "read_texts"]


class Classification(NamedTuple):
    """Labels (strings, or int64 class numbers) and probabilities (float32), both (..., top)."""

    labels: NDArray[Any]
    probabilities: NDArray[np.float32]


def classify(
    logits: NDArray[np.float32], card: Card, top: int, every_step: bool | None = None
) -> Classification:
    """The ``top`` most probable classes of (..., o) logits; ties go to the lower class number.

    ``every_step``: whether the last axis but one is of steps; None: that of ``infer``, as the card says.

    Raises:
        InputError: ``top`` is not 1 .. number of classes, or a logit is NaN or infinite.
    """
    shares = probabilities(logits, card.output == "all" if every_step is None else every_step)
    classes = shares.shape[-1]
    try:
        count = operator.index(top)
    except TypeError:
        count = 0
    if not 1 <= count <= classes:
        raise InputError(f"top is {ascii(top)[:40]}; expected 1 .. {classes}, the number of classes")
    best = np.argsort(-shares, axis=-1, kind="stable")[..., :count]
    labels = best if card.labels is None else np.array(card.labels)[best]
    return Classification(labels, np.take_along_axis(shares, best, axis=-1))


def probabilities(logits: NDArray[np.float32], every_step: bool) -> NDArray[np.float32]:
    """The softmax of (..., o) logits; of a single one the sigmoid and its complement, (..., 2). Raises as ``finite``."""
    finite(logits, every_step)
    return _binary(logits) if logits.shape[-1] == 1 else _softmax(logits)


def finite(logits: NDArray[np.float32], every_step: bool) -> NDArray[np.float32]:
    """The logits: (o,) or (B, o), or with ``every_step`` (T, o) or (B, T, o).

    Raises:
        InputError: one is NaN or infinite, which is no answer; its sequence and step are named.
    """
    position = _core.first_nonfinite(np.ascontiguousarray(logits))
    if position < 0:
        return logits
    *place, output = map(int, np.unravel_index(position, logits.shape))
    names = [f"after step {place.pop()}"] if every_step and place else []
    names += [f"of sequence {i}" for i in place]
    where = "".join(f" {name}" for name in reversed(names))
    raise InputError(
        f"logit {output}{where} is {logits.flat[position]}; expected finite logits: NaN, or numbers too large for sums in "
        "float32, went in"
    )


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    exponentials: NDArray[np.float32] = np.exp(logits - logits.max(axis=-1, keepdims=True))
    exponentials /= exponentials.sum(axis=-1, keepdims=True)
    return exponentials


def _binary(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Class 1 has probability sigmoid(y): the softmax of (0, y)."""
    return _softmax(np.concatenate([np.zeros_like(logits), logits], axis=-1))


def read_texts(texts: str | list[str], card: Card) -> tuple[NDArray[np.int32], NDArray[np.int64] | None]:
    """Tokens (T,) of a text; or (B, T) of texts, the shorter ones padded at the end with 0, and their lengths.

    Raises:
        InputError: the model has no vocabulary.
        ShapeError: a text has no words.
    """
    vocabulary = card.preprocess.vocabulary
    if vocabulary is None:
        raise InputError("x is text; this model has no vocabulary and expects an array of numbers")
    rows = [vocabulary.tokens(text) for text in ([texts] if isinstance(texts, str) else texts)]
    for i, row in enumerate(rows):
        if not row.size:
            raise ShapeError(f"text {i} has no words; expected at least one")
    if isinstance(texts, str):
        return rows[0], None
    lengths = np.array([row.size for row in rows], np.int64)
    tokens = np.zeros((len(rows), int(lengths.max())), np.int32)
    for row, target in zip(rows, tokens, strict=True):
        target[: row.size] = row
    return tokens, lengths
