"""Arrays of .npz and .npy files. Those of objects are pickles, which can run code: they are refused unread."""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ..errors import DataError
from .archive import DAMAGED

__all__ = ["array", "header", "read"]

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}

#: What the arrays of a file may take in all.
MAX_BYTES = 1 << 32
OBJECTS = (
    "it holds Python objects, which are pickled, and are not read. Save sequences of different lengths one after another: "
    "X=np.concatenate(x), lengths=[len(s) for s in x]; texts as np.array(y, dtype=str); numbers as np.array(y, dtype=float)"
)


def read(path: str | Path, content: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of the content of an .npz file by name. Raises DataError naming the file."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if not any(name.endswith(".npy") for name in archive.namelist()):
                held = ", ".join(archive.namelist()[:3]) or "nothing"
                raise DataError(
                    f"{path}: a zip archive of {held}; expected .npz. A table of a spreadsheet can be saved as CSV"
                )
            size = sum(info.file_size for info in archive.infolist())
            if size > MAX_BYTES:
                raise DataError(f"{path}: {size} bytes of arrays, above the limit of {MAX_BYTES}")
            if sum(info.compress_size for info in archive.infolist()) > len(content):
                raise DataError(f"{path}: has members that are larger than the file")
            return {
                name.removesuffix(".npy"): array(io.BytesIO(archive.read(name)), f"{path}: {name}")
                for name in archive.namelist()
            }
    except DAMAGED as error:
        raise DataError(f"{path}: cannot be read as .npz ({error})") from None


def array(file: IO[bytes], name: str) -> NDArray[Any]:
    """The array of an .npy file. Raises DataError."""
    try:
        shape, fortran, dtype = header(file)
        if not dtype.hasobject:
            body = file.read()
            if (size := math.prod(shape) * dtype.itemsize) != len(body):
                raise ValueError(
                    f"the header says {dtype} of shape {shape}, {size} bytes; there are {len(body)}"
                )
            return np.frombuffer(body, dtype).reshape(shape, order="F" if fortran else "C").copy()
    except Exception as error:  # damaged bytes surface as almost any exception of NumPy or its tokenizer
        reason = " ".join(str(error).split())[:150] or type(error).__name__
        raise DataError(f"{name}: cannot be read as .npy ({reason})") from error
    raise DataError(f"{name}: {OBJECTS}")


def header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether in the order of Fortran, and dtype. Raises almost any exception for a damaged one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about one of Python 2
        found: tuple[tuple[int, ...], bool, np.dtype[Any]] = HEADERS[npy.read_magic(file)](file)
    return found
