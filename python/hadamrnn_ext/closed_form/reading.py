"""Sequences as a fit reads them, whichever way they come, and what is to be said of them."""

from __future__ import annotations

from typing import NamedTuple

from ..data.examples import Examples
from ..data.measured import warning_of_tokens
from ..data.reader import Reader
from ..data.series import Sequences
from .options import Options
from .sizes import fewer_words, limit

__all__ = ["Reading", "read"]


class Reading(NamedTuple):
    """A reader that has still to learn the scales, the sequences, and warnings."""

    reader: Reader
    found: Sequences
    warnings: tuple[str, ...]


def read(given: Examples, options: Options) -> Reading:
    """The sequences of some examples. Raises ShapeError or InputError naming a place."""
    reader, found = Reader.of_data(given.x, given.places, options.tokens, options.impute)
    suspicion = warning_of_tokens(found, options.tokens) if reader.kind == "tokens" else None
    reader, found = fewer_words(reader, found, limit(options.max_bytes, reader))
    return Reading(reader, found, () if suspicion is None else (suspicion,))
