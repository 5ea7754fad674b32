"""Sequences from files: NumPy arrays, IDX images, WAV, CSV, or numbers as text."""

from __future__ import annotations

import io
import math
import sys
import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..card import Card
from ..data import csv_series, fsdd, idx, mel, npz, own, wav
from ..data.missing import Impute, fill
from ..data.series import is_texts, sequences, whole
from ..errors import DataError

__all__ = ["read"]

Array = NDArray[Any]


def read(
    name: str, card: Card, columns: csv_series.Columns = csv_series.BY_NAME, impute: Impute | None = None
) -> Array | list[Any]:
    """What the file `name` (`-`: stdin) holds, as `infer` of a model with this card takes it, or a list of such sequences.

    The kind is told by the content: .npy, which is not read before it is used; .npz with X, and maybe lengths; IDX, maybe
    compressed, whose images become sequences of pixels; WAV, whose sound becomes what the model hears; else text, with
    a name that ends in .csv as `data.csv_series` has it, if its columns are not one step a line, else one step a line.
    Missing values are filled with `impute`. Raises DataError if it is none of them.
    """
    content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    x: Any
    if content.startswith(b"\x93NUMPY"):
        x = _npy(name, content)
    elif content.startswith(b"PK"):
        x = own.parts(name, npz.read(name))
        if isinstance(x, np.ndarray) and x.ndim == 2 and card.input == "features":
            x = x[..., None]
    elif content.startswith((b"\x1f\x8b", b"\0\0")):
        x = _images(name, idx.parse(io.BytesIO(content), name), card)
    elif content.startswith(b"RIFF"):
        x = _sound(name, content, card)
    elif name.lower().endswith(".csv"):
        x = _csv(name, content, card, columns)
    else:
        x = _text(name, content, card)
    if not name.lower().endswith(".csv"):
        csv_series.refuse_columns(name, columns)
    if isinstance(x, list) and not is_texts(x):
        x = [_steps(part, card) for part in x]
    return x if impute is None or is_texts(x) else _filled(x, card, impute)


def _images(name: str, images: NDArray[np.uint8], card: Card) -> NDArray[np.uint8]:
    width = card.input_size if card.input == "features" else 1
    if not images.size or images[0].size % width:
        raise DataError(f"{name}: IDX of shape {images.shape} cannot be cut into steps of {width} features")
    steps = images.reshape(len(images), -1, width)
    return steps if card.input == "features" else steps[..., 0]


def _npy(name: str, content: bytes) -> Array:
    file = io.BytesIO(content)
    try:
        shape, fortran, dtype = npz.header(file)
        begin = file.tell()
        order: Literal["C", "F"] = "F" if fortran else "C"
        if not shape:
            raise ValueError("it holds a single number, and no sequence")
        if dtype.hasobject:
            raise ValueError("it holds Python objects, which are pickled")
        if (size := math.prod(shape) * dtype.itemsize) != len(content) - begin:
            raise ValueError(
                f"the header says {dtype} of shape {shape}, {size} bytes; the file has {len(content) - begin}"
            )
        if name == "-" or not size:
            return np.frombuffer(content[begin:], dtype).reshape(shape, order=order)
        return np.asarray(np.memmap(name, dtype, "r", begin, shape, order))
    except Exception as error:  # a damaged header surfaces as almost any exception of NumPy or its tokenizer
        reason = " ".join(str(error).split())[:150] or type(error).__name__
        raise DataError(f"{name}: cannot be read as .npy ({reason})") from error


def _sound(name: str, content: bytes, card: Card) -> Array:
    """Frames of mel bands for a model of as many features, the samples for a model of one."""
    sound, rate = wav.read(name, content)
    if card.input == "features" and card.input_size == mel.BANDS:
        digits = card.training is not None and card.training.task == "digits"
        sound = wav.resample(sound, rate, fsdd.RATE)
        return mel.log_mel(sound, fsdd.RATE, fsdd.STEPS if digits else None)
    if card.input == "features" and card.input_size == 1:
        return sound[:, None]
    raise DataError(
        f"{name}: the model reads {card.input_size} {card.input}; a WAV file is for models of {mel.BANDS} mel bands "
        "or of samples"
    )


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
    return array.astype(np.int64) if whole(array) else array


def _text(name: str, content: bytes, card: Card) -> Array:
    dtype = np.float32 if card.input == "features" else np.int64
    try:
        text = content.decode().replace(",", " ")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about an empty input: `infer` says that better
            array = np.loadtxt(io.StringIO(text), dtype=dtype, ndmin=2)
    except ValueError as error:  # a UnicodeDecodeError too
        raise DataError(f"{name}: not .npy, not IDX, not WAV, and not numbers as text ({error})") from None
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
