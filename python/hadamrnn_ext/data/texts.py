"""Texts in lists, tuples, arrays and pandas Series, and their tokens for a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, ShapeError
from ..file.card import Card

__all__ = ["is_texts", "read_texts", "text_list"]


def is_texts(x: Any) -> bool:
    """Whether `x` holds texts: a list, tuple, one-dimensional array or pandas Series with at least one string.

    An array of strings or bytes may be empty. ``text_list`` refuses anything else among the strings.
    """
    if isinstance(x, (list, tuple)):
        return any(isinstance(text, str) for text in x)
    if not isinstance(x, np.ndarray):
        if not hasattr(x, "iloc") or not hasattr(x, "__array__"):
            return False
        x = np.asarray(x)
    if x.ndim != 1:
        return False
    return x.dtype.kind in "UST" or (x.dtype == object and any(isinstance(text, str) for text in x))


def text_list(x: Iterable[Any], name: Callable[[int], str] = "text {}".format) -> list[str]:
    """The texts in anything that ``is_texts`` accepts. Bytes are decoded as UTF-8; ``name`` gives the name of each in errors.

    Raises:
        InputError: a text is missing, is not a string, or is not UTF-8.
    """
    texts = []
    for i, text in enumerate(x):
        try:
            decoded = text.decode() if isinstance(text, bytes) else text
        except UnicodeDecodeError:
            raise InputError(f"{name(i)} is {text[:40]!r}; expected text, or bytes of it in UTF-8") from None
        if not isinstance(decoded, str):
            raise InputError(f"{name(i)} is {ascii(text)[:40]}; expected a string")
        texts.append(str(decoded))
    return texts


def read_texts(texts: str | Iterable[Any], card: Card) -> tuple[NDArray[np.int32], NDArray[np.int64] | None]:
    """The tokens (T,) of a text and None; or the tokens (B, T) of texts, padded with 0 at the end, and their lengths (B,).

    Raises:
        InputError: the model has no vocabulary, or one of the texts is not a string.
        ShapeError: a text has no words.
    """
    vocabulary = card.preprocess.vocabulary
    if vocabulary is None:
        raise InputError("x is text; this model has no vocabulary and expects an array of numbers")
    several = [texts] if isinstance(texts, str) else text_list(texts)
    rows = [vocabulary.tokens(text) for text in several]
    for i, (text, row) in enumerate(zip(several, rows, strict=True)):
        # If the vocabulary has a length, a text without words would be read as nothing but padding.
        if not row.size or (vocabulary.length is not None and not vocabulary.split(text)):
            raise ShapeError(f"text {i} has no words; expected at least one")
    if isinstance(texts, str):
        return rows[0], None
    lengths = np.array([row.size for row in rows], np.int64)
    tokens = np.zeros((len(rows), int(lengths.max(initial=1))), np.int32)
    for row, target in zip(rows, tokens, strict=True):
        target[: row.size] = row
    return tokens, lengths
