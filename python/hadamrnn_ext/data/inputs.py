"""A file as input for one model: `files` reads it, and this module gives it the model's shape and fills in missing values."""

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
from .series import sequences, whole
from .source import label
from .texts import is_texts

__all__ = ["load"]

Array = NDArray[Any]


def load(name: str, card: Card, columns: Columns = BY_NAME, impute: Impute | None = None) -> Examples:
    """The content of a file or another `source` as input for `infer` of a model with this card, or a list of such inputs.

    `files.inputs` describes the formats. Missing values are filled in as in training, unless `impute` says otherwise.
    Raises DataError for a file of another format, and InputError for input that the model does not take.
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
    """A sequence in the shape that the model takes: (T, d), or tokens (T,)."""
    array = np.asarray(part)
    if card.input == "features":
        return array[:, None] if array.ndim == 1 else array
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    return array.astype(np.int64) if whole(array) else array


def _filled(x: Array | list[Any], card: Card, how: Impute | None, places: Places) -> Array | list[Any]:
    """Fill in missing values, with the means of the training data. Raises InputError for those that `how` does not fill."""
    if isinstance(x, np.ndarray) and x.dtype.kind != "f":
        return x  # integers miss nothing, and the model scales pixels
    single = isinstance(x, np.ndarray) and x.ndim == 2
    parts = sequences([x] if single else x, places)
    values = fill(parts, how, Reader.of_model(card, x, how).means, places)
    found = np.split(values, parts.starts[1:])
    return found[0] if single else found
