"""Plain text that is no table: one text per line, or one time step per line."""

from __future__ import annotations

import io
import warnings

import numpy as np

from ..errors import DataError
from ..file.card import Card
from .examples import Examples
from .places import Places

__all__ = ["is_number", "numbers", "texts"]


def texts(name: str, text: str) -> Examples:
    """A text per line; empty lines are allowed at the end alone. Raises DataError."""
    lines = text.rstrip().split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise DataError(f"{name}, line {number}: is empty; expected a text on every line")
    return Examples(lines)


def numbers(name: str, text: str, card: Card) -> Examples:
    """One sequence: per line the d features of a step, (T, d) float64, or a token, (T,) int64. Raises DataError."""
    dtype = np.float64 if card.input == "features" else np.int64
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about an empty input: `infer` says that better
            array = np.loadtxt(io.StringIO(text.replace(",", " ")), dtype=dtype, ndmin=2)
    except ValueError as error:
        raise DataError(f"{name}: not .npy, not IDX, not sound, and not numbers as text ({error})") from None
    return Examples(array if card.input == "features" else array.reshape(-1), places=Places(name))


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
