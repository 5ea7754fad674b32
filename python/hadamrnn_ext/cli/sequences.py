"""Sequences from files: NumPy arrays, IDX images, or numbers as text."""

from __future__ import annotations

import io
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..card import Card
from ..data import idx
from ..errors import DataError

__all__ = ["read"]


def read(name: str, card: Card) -> NDArray[Any]:
    """What the file `name` (`-`: stdin) holds, as `infer` of a model with this card takes it.

    The kind is told by the content: .npy; IDX, maybe compressed, whose images become sequences of pixels; else
    text, one step a line. Raises `DataError` if it is none of them.
    """
    content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    if content.startswith(b"\x93NUMPY"):
        return _npy(name, content)
    if content.startswith((b"\x1f\x8b", b"\0\0")):
        return _images(name, idx.parse(io.BytesIO(content), name), card)
    return _text(name, content, card)


def _images(name: str, images: NDArray[np.uint8], card: Card) -> NDArray[np.uint8]:
    width = card.input_size if card.input == "features" else 1
    if not images.size or images[0].size % width:
        raise DataError(f"{name}: IDX of shape {images.shape} cannot be cut into steps of {width} features")
    steps = images.reshape(len(images), -1, width)
    return steps if card.input == "features" else steps[..., 0]


def _npy(name: str, content: bytes) -> NDArray[Any]:
    try:
        return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{name}: cannot be read as .npy ({error})") from None


def _text(name: str, content: bytes, card: Card) -> NDArray[Any]:
    dtype = np.float32 if card.input == "features" else np.int64
    try:
        text = content.decode().replace(",", " ")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about an empty input: `infer` says that better
            array = np.loadtxt(io.StringIO(text), dtype=dtype, ndmin=2)
    except ValueError as error:  # a UnicodeDecodeError too
        raise DataError(f"{name}: not .npy, not IDX, and not numbers as text ({error})") from None
    return array if card.input == "features" else array.reshape(-1)
