"""Sequences from files: NumPy arrays, IDX images, sound, CSV, texts, or numbers as text."""

from __future__ import annotations

import io
import math
import mmap
import re
import sys
import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..card import Card
from ..data import csv_series, idx, mel, npz, own, sound, sounds, source
from ..data.missing import Impute, fill
from ..data.series import is_texts, sequences
from ..errors import DataError

__all__ = ["read"]

Array = NDArray[Any]


def read(
    name: str, card: Card, columns: csv_series.Columns = csv_series.BY_NAME, impute: Impute | None = None
) -> Array | list[Any]:
    """What the source `name` (see `data.source`; `-`: stdin) holds, as `infer` of a model with this card takes it, or a list
    of such sequences.

    The kind is told by the content: .npy, of which only what is used is read; .npz with X, and maybe lengths; IDX, whose
    images become sequences of pixels; sound, which becomes what the model hears; else text: CSV as `data.csv_series` has it,
    if its columns are not one step a line; for a model with a vocabulary a text a line; else numbers, one step a line.
    Missing values are filled with `impute`. Raises DataError if it is none of them.
    """
    content, called = source.content(name), source.label(name)
    x: Any
    if content[: len(source.NUMPY)] == source.NUMPY:
        x = _npy(called, content)
    else:
        x = _others(name, called, bytes(content), card, columns)
    if isinstance(x, list) and not is_texts(x):
        x = [_steps(part, card) for part in x]
    return x if impute is None or is_texts(x) else _filled(x, card, impute)


def _others(name: str, called: str, content: bytes, card: Card, columns: csv_series.Columns) -> Any:
    if content.startswith(b"PK"):
        x = own.parts(called, npz.read(called, content))
        if isinstance(x, np.ndarray) and x.ndim == 2 and card.input == "features":
            x = x[..., None]
        return x
    if content.startswith(b"\0\0"):
        return _images(called, idx.parse(io.BytesIO(content), called), card)
    if sound.is_sound(content):
        return _sound(called, content, card)
    text = source.text(called, content)
    if _is_csv(name, text, card, columns):
        return _csv(called, content, card, columns)
    return _texts(called, text) if card.preprocess.vocabulary is not None else _numbers(called, text, card)


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


def _is_csv(name: str, text: str, card: Card, columns: csv_series.Columns) -> bool:
    """Whether a text is CSV: by its name, or since columns are named; without either by a first line that is not of
    numbers alone, unless the model reads texts."""
    if source.suffix(name) in (".csv", ".tsv") or columns != csv_series.BY_NAME:
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


def _csv(name: str, content: bytes, card: Card, columns: csv_series.Columns) -> Array | list[Any]:
    x, _ = csv_series.parse(name, content, columns, labelled=False)
    width = card.input_size if card.input == "features" else 1
    rows = [part for part in x if isinstance(part, np.ndarray)]
    if len(rows) == len(x) and all(part.shape == (width,) for part in rows):
        return _steps(np.stack(rows), card)  # one sequence, a step a line
    return x


def _steps(part: Any, card: Card) -> Array:
    """A sequence as the model takes it: (T, d) or tokens (T,)."""
    array = np.asarray(part)
    if card.input == "features":
        return array[:, None] if array.ndim == 1 else array
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    return array.astype(np.int64) if (array == np.rint(array)).all() else array


def _texts(name: str, text: str) -> list[str]:
    """A text a line; empty lines are borne at the end alone."""
    lines = text.rstrip().split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise DataError(f"{name}, line {number}: is empty; expected a text on every line")
    return lines


def _numbers(name: str, text: str, card: Card) -> Array:
    dtype = np.float32 if card.input == "features" else np.int64
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about an empty input: `infer` says that better
            array = np.loadtxt(io.StringIO(text.replace(",", " ")), dtype=dtype, ndmin=2)
    except ValueError as error:
        raise DataError(f"{name}: not .npy, not IDX, not sound, and not numbers as text ({error})") from None
    return array if card.input == "features" else array.reshape(-1)


def _filled(x: Array | list[Any], card: Card, how: Literal["mean", "last"]) -> Array | list[Any]:
    """Without missing values; the means are those that the model subtracts, where it does."""
    if card.input == "tokens":
        return x
    known = card.preprocess.normalization
    single = isinstance(x, np.ndarray) and x.ndim == 2
    parts = sequences(x[None] if isinstance(x, np.ndarray) and x.ndim == 2 else x)
    values = fill(parts, how, None if known is None else known.offset)
    found = np.split(values, parts.starts[1:])
    return found[0] if single else found
