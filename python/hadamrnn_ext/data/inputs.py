"""A file as the input of one model: `files` reads it, and here it gets the model's shape and loses its missing values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..file.card import Card
from . import files
from .columns import BY_NAME, Columns, refuse_columns
from .examples import Examples
from .missing import Impute, fill
from .places import Places
from .reader import Reader
from .series import is_texts, sequences, whole
from .source import label

__all__ = ["load"]

Array = NDArray[Any]


def load(name: str, card: Card, columns: Columns = BY_NAME, impute: Impute | None = None) -> Examples:
    """What a file, or another `source`, holds, as `infer` of a model with this card takes it, or a list of such sequences.

    See `files.inputs` for what it may be. Missing values become what they were in training, or what `impute` says. Raises
    DataError for a file that is none of them, InputError for what the model does not take.
    """
    found = files.inputs(name, card, columns)
    if found.card is None:
        refuse_columns(label(name), columns)
    x = found.x
    if isinstance(x, list) and not is_texts(x):
        x = [_steps(part, card) for part in x]
    impute = impute or (None if card.data is None else card.data.impute)
    if card.input == "features" and not is_texts(x) and (impute is not None or found.card is not None):
        x = _filled(x, card, impute, found.places)
    return found._replace(x=x)


def _steps(part: Any, card: Card) -> Array:
    """A sequence as the model takes it: (T, d) or tokens (T,)."""
    array = np.asarray(part)
    if card.input == "features":
        return array[:, None] if array.ndim == 1 else array
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    return array.astype(np.int64) if whole(array) else array


def _filled(x: Array | list[Any], card: Card, how: Impute | None, places: Places) -> Array | list[Any]:
    """Without missing values; the means are those of the training data. Raises InputError for what `how` does not fill."""
    if isinstance(x, np.ndarray) and x.dtype.kind != "f":
        return x  # pixels as bytes are scaled by the model, and miss nothing
    single = isinstance(x, np.ndarray) and x.ndim == 2
    parts = sequences(x[None] if isinstance(x, np.ndarray) and x.ndim == 2 else x, places)
    values = fill(parts, how, Reader.of_model(card, x, how).means, places)
    found = np.split(values, parts.starts[1:])
    return found[0] if single else found
