"""Sequences from files: NumPy arrays, IDX images, sound, CSV, texts, or numbers as text."""

from __future__ import annotations

import io
import math
import mmap
import re
import sys
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import custom, idx, mel, npz, sound, sounds, source, ts
from ..data import files as own
from ..data.columns import BY_NAME, refuse_columns
from ..data.examples import Examples
from ..data.missing import Impute, fill
from ..data.places import Places
from ..data.reader import Reader
from ..data.series import is_texts, sequences, whole
from ..errors import DataError
from ..file.card import Card

__all__ = ["load"]

Array = NDArray[Any]


def load(name: str, card: Card, columns: own.Columns = BY_NAME, impute: Impute | None = None) -> Examples:
    """What the source `name` (see `data.source`; `-`: stdin) holds, as `infer` of a model with this card takes it, or a list
    of such sequences; with ids, where it has them.

    The kind is told by the content: .npy, of which only what is used is read; .npz with X, and maybe lengths and ids; IDX,
    whose images become sequences of pixels; sound, which becomes what the model hears; else text: .ts or a table, see
    `data.csv_series`; for a model with a vocabulary a text a line; else numbers, one step a line. Missing values become
    what they were in training, or what `impute` says. Raises DataError if it is none of them.
    """
    content, called = source.content(name), source.label(name)
    if content[: len(source.NUMPY)] == source.NUMPY:
        found = Examples(_npy(called, content), places=Places(called))
    else:
        found = _others(name, called, bytes(content), card, columns)
    if found.card is None:
        refuse_columns(called, columns)
    x = found.x
    if isinstance(x, list) and not is_texts(x):
        x = [_steps(part, card) for part in x]
    impute = impute or (None if card.data is None else card.data.impute)
    if card.input == "features" and not is_texts(x) and (impute is not None or found.card is not None):
        x = _filled(x, card, impute, found.places)
    return found._replace(x=x)


def _others(name: str, called: str, content: bytes, card: Card, columns: own.Columns) -> Examples:
    if content.startswith(b"PK"):
        arrays = npz.read(called, content)
        x = own.parts(called, arrays)
        ids = own.ids(called, arrays, len(x))
        if isinstance(x, np.ndarray) and x.ndim == 2 and card.input == "features":
            x = x[..., None]
        return Examples(x, ids=ids, places=Places(f"{called}: X"))
    if content.startswith(b"\0\0"):
        return Examples(_images(called, idx.parse(io.BytesIO(content), called), card))
    if sound.is_sound(content):
        return Examples(_sound(called, content, card))
    text = source.text(called, content)
    if ts.is_ts(text) or _is_table(name, text, card, columns):
        return own.parsed(called, text, columns, labelled=False, known=custom.known(card))
    return Examples(
        _texts(called, text) if card.preprocess.vocabulary is not None else _numbers(called, text, card)
    )


def _images(name: str, images: NDArray[np.uint8], card: Card) -> NDArray[np.uint8]:
    width = card.input_size if card.input == "features" else 1
    if not images.size or images[0].size % width:
        raise DataError(f"{name}: IDX of shape {images.shape} cannot be cut into steps of {width} features")
    steps = images.reshape(len(images), -1, width)
    return steps if card.input == "features" else steps[..., 0]


def _npy(name: str, content: source.Content) -> Array:
    file = content if isinstance(content, mmap.mmap) else io.BytesIO(content)
    try:
        shape, fortran, dtype = npz.header(file)  # type: ignore[arg-type]  # which reads a mapped file like any other
        begin = file.tell()
        if not shape:
            raise ValueError("it holds a single number, and no sequence")
        if dtype.hasobject:
            raise ValueError("it holds Python objects, which are pickled")
        if (size := math.prod(shape) * dtype.itemsize) != len(content) - begin:
            raise ValueError(
                f"the header says {dtype} of shape {shape}, {size} bytes; the file has {len(content) - begin}"
            )
        if not size:
            return np.empty(shape, dtype)
        return np.frombuffer(content, dtype, offset=begin).reshape(shape, order="F" if fortran else "C")
    except Exception as error:  # a damaged header surfaces as almost any exception of NumPy or its tokenizer
        reason = " ".join(str(error).split())[:150] or type(error).__name__
        raise DataError(f"{name}: cannot be read as .npy ({reason})") from error


def _sound(name: str, content: bytes, card: Card) -> Array:
    """Frames of mel bands for a model that hears them, the samples for a model of one feature."""
    how = sounds.hearing(card)
    if how is None and card.input == "features" and card.input_size == mel.BANDS:
        how = sounds.Hearing()
        print(f"{name}: heard at {how.rate} Hz; the model does not say how it hears", file=sys.stderr)
    if how is not None:
        return how.frames(name, content)
    if card.input == "features" and card.input_size == 1:
        return sound.read(name, content)[0][:, None]
    raise DataError(
        f"{name}: the model reads {card.input_size} {card.input}; a WAV file is for models of {mel.BANDS} mel bands "
        "or of samples"
    )


def _is_table(name: str, text: str, card: Card, columns: own.Columns) -> bool:
    """Whether a text is a table: by its name, since columns are named, or since the model was trained on series of a row
    each; without any of them by a first line that is not of numbers alone, unless the model reads texts."""
    if source.suffix(name) in (".csv", ".tsv") or columns != BY_NAME:
        return True
    if card.data is not None and card.data.form == "series":
        return True
    if source.suffix(name) == ".txt" or card.preprocess.vocabulary is not None:
        return False
    cells = re.split("[,;\t]", text.lstrip().split("\n", 1)[0])
    return len(cells) > 1 and not all(map(_is_number, cells))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _steps(part: Any, card: Card) -> Array:
    """A sequence as the model takes it: (T, d) or tokens (T,)."""
    array = np.asarray(part)
    if card.input == "features":
        return array[:, None] if array.ndim == 1 else array
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    return array.astype(np.int64) if whole(array) else array


def _texts(name: str, text: str) -> list[str]:
    """A text a line; empty lines are borne at the end alone."""
    lines = text.rstrip().split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise DataError(f"{name}, line {number}: is empty; expected a text on every line")
    return lines


def _numbers(name: str, text: str, card: Card) -> Array:
    dtype = np.float64 if card.input == "features" else np.int64
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about an empty input: `infer` says that better
            array = np.loadtxt(io.StringIO(text.replace(",", " ")), dtype=dtype, ndmin=2)
    except ValueError as error:
        raise DataError(f"{name}: not .npy, not IDX, not sound, and not numbers as text ({error})") from None
    return array if card.input == "features" else array.reshape(-1)


def _filled(x: Array | list[Any], card: Card, how: Impute | None, places: Places) -> Array | list[Any]:
    """Without missing values; the means are those of the training data. Raises InputError for what `how` does not fill."""
    if isinstance(x, np.ndarray) and x.dtype.kind != "f":
        return x  # pixels as bytes are scaled by the model, and miss nothing
    single = isinstance(x, np.ndarray) and x.ndim == 2
    parts = sequences(x[None] if isinstance(x, np.ndarray) and x.ndim == 2 else x, places)
    values = fill(parts, how, Reader.of_model(card, x, how).means, places)
    found = np.split(values, parts.starts[1:])
    return found[0] if single else found
