"""Sequences in NumPy arrays, .npy and .npz. Arrays of objects are pickles, which can run code, so they are never read."""

from __future__ import annotations

import io
import math
import mmap
import warnings
import zipfile
from typing import Any

import numpy as np
from numpy.lib import format as form
from numpy.typing import NDArray

from ..errors import DataError
from ..file.card import Card
from .archive import DAMAGED
from .examples import Examples
from .places import Places
from .source import Content

__all__ = ["array", "npy", "npz"]

Arrays = dict[str, NDArray[Any]]
HEADERS = {(1, 0): form.read_array_header_1_0, (2, 0): form.read_array_header_2_0}
#: The most bytes of all arrays of a file together.
MAX_BYTES = 1 << 32
OBJECTS = (
    "it holds pickled Python objects, which are not read. Save sequences of different lengths one after another: "
    "X=np.concatenate(x), lengths=[len(s) for s in x]; texts as np.array(y, dtype=str); numbers as np.array(y, dtype=float)"
)


def npy(name: str, content: Content) -> Examples:
    """The sequences of one array; the memory of a mapped file is not copied. Raises DataError."""
    found = array(content, name)
    if not found.shape:
        raise DataError(f"{name}: cannot be read as .npy (it holds a single number, and no sequence)")
    return Examples(found, places=Places(name))


def npz(
    name: str, content: bytes, labelled: bool, card: Card | None = None, every_step: bool = False
) -> Examples:
    """The sequences of an .npz file with the arrays X, y (if `labelled`), and maybe lengths, groups and ids (N,).

    X is (N, T, ..). With lengths (N,), X is either padded to (N, T, ..) or holds one sequence after another, (sum of
    lengths, ..), and becomes a list of N. For the card of a model of features, (N, T) is read as (N, T, 1). The names of the
    arrays may be in upper or lower case. Raises DataError, also where two names differ in that alone.
    """
    stored = _members(name, content)
    found = {key.lower(): array for key, array in stored.items()}
    if not {"x", *("y" * labelled)} <= found.keys():
        expected = "X and y" if labelled else "an array X"
        raise DataError(f"{name}: holds {', '.join(stored) or 'nothing'}; expected {expected}")
    x = _sequences(name, found)
    if card is not None and card.input == "features" and isinstance(x, np.ndarray) and x.ndim == 2:
        x = x[..., None]
    ids = found.get("ids")
    if ids is not None and ids.shape != (len(x),):
        raise DataError(f"{name}: ids of shape {ids.shape}; expected ({len(x)},), one for each sequence")
    shapes = ", ".join(f"{key} {array.shape}" for key, array in stored.items())
    return Examples(
        x,
        None if not labelled else _of_steps(name, found) if every_step else found["y"],
        ids=None if ids is None else tuple(map(str, ids.tolist())),
        groups=found.get("groups") if labelled else None,
        understood=f"{name}: arrays {shapes}" if labelled else "",
        places=Places(f"{name}: X"),
        y_places=Places(f"{name}: y"),
    )


def array(content: Content, name: str) -> NDArray[Any]:
    """The array of an .npy file, read-only, which shares the memory of `content`. Raises DataError."""
    file: Any = content if isinstance(content, mmap.mmap) else io.BytesIO(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about headers that Python 2 wrote
            shape, fortran, dtype = HEADERS[form.read_magic(file)](file)
        if not dtype.hasobject:
            begin = file.tell()
            if (size := math.prod(shape) * dtype.itemsize) != len(content) - begin:
                raise ValueError(
                    f"the header says {dtype} of shape {shape}, {size} bytes; there are {len(content) - begin}"
                )
            if not size:
                return np.empty(shape, dtype)
            return np.frombuffer(content, dtype, offset=begin).reshape(shape, order="F" if fortran else "C")
    except Exception as error:  # for damaged bytes, NumPy and its tokenizer raise almost any exception
        reason = " ".join(str(error).split())[:150] or type(error).__name__
        raise DataError(f"{name}: cannot be read as .npy ({reason})") from error
    raise DataError(f"{name}: {OBJECTS}")


def _members(name: str, content: bytes) -> Arrays:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if not any(member.endswith(".npy") for member in archive.namelist()):
                held = ", ".join(archive.namelist()[:3]) or "nothing"
                raise DataError(
                    f"{name}: a zip archive of {held}; expected .npz. A table of a spreadsheet can be saved as CSV"
                )
            names = [member.removesuffix(".npy") for member in archive.namelist()]
            for key in names:
                if len(same := [other for other in names if other.lower() == key.lower()]) > 1:
                    raise DataError(f"{name}: holds {', '.join(same)}; expected one array of this name")
            size = sum(info.file_size for info in archive.infolist())
            if size > MAX_BYTES:
                raise DataError(f"{name}: {size} bytes of arrays, above the limit of {MAX_BYTES}")
            if sum(info.compress_size for info in archive.infolist()) > len(content):
                raise DataError(f"{name}: has members that are larger than the file")
            return {
                member.removesuffix(".npy"): array(archive.read(member), f"{name}: {member}")
                for member in archive.namelist()
            }
    except DAMAGED as error:
        raise DataError(f"{name}: cannot be read as .npz ({error})") from None


def _sequences(name: str, found: Arrays) -> Any:
    x, lengths = found["x"], found.get("lengths")
    if lengths is None:
        if not x.ndim or not len(x):
            raise DataError(
                f"{name}: X has shape {x.shape}; expected at least one sequence, (N, T) or (N, T, d)"
            )
        return x
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or not lengths.size or not x.ndim:
        raise DataError(
            f"{name}: lengths of shape {lengths.shape} and dtype {lengths.dtype}; expected integers (N,)"
        )
    counts = [int(length) for length in lengths]
    filled = _filled(x, lengths)
    if filled and sum(counts) == len(x) and x.ndim == 2 and x.shape[1] > 1:
        raise DataError(
            f"{name}: X of shape {x.shape} with lengths of 1 can be read in two ways; expected X (N, T, d)"
        )
    expected = f"1 .. {x.shape[1]}" if filled else f"a sum of {len(x)}"
    if min(counts) < 1:
        place = int(np.argmin(lengths))
        raise DataError(
            f"{name}: lengths[{place}] is {counts[place]}; expected {expected}, at least one step each"
        )
    if max(counts) > x.shape[1] if filled else sum(counts) != len(x):
        raise DataError(
            f"{name}: X of shape {x.shape} with {len(counts)} lengths {min(counts)} .. {max(counts)}, "
            f"{sum(counts)} in all; expected {expected}"
        )
    return _parts(x, counts, filled)


def _of_steps(name: str, found: Arrays) -> Any:
    """Targets for every step, which lie as the steps of X do."""
    x, y, lengths = found["x"], found["y"], found.get("lengths")
    filled = _filled(x, lengths)
    expected = x.shape[: 2 if filled else 1]
    if y.shape[: len(expected)] != expected:
        raise DataError(
            f"{name}: y has shape {y.shape}; expected {expected} or more dimensions, a target for each step of X, whose shape is "
            f"{x.shape}"
        )
    return y if lengths is None else _parts(y, lengths.tolist(), filled)


def _filled(x: NDArray[Any], lengths: NDArray[Any] | None) -> bool:
    """Whether sequences are filled up to one length, (N, T, ..), and do not lie one after another."""
    return lengths is None or (x.ndim > 1 and len(x) == len(lengths))


def _parts(x: NDArray[Any], counts: list[int], filled: bool) -> list[NDArray[Any]]:
    """What belongs to each sequence, of an array that is filled up or holds one after another."""
    if filled:
        return [row[:count] for row, count in zip(x, counts, strict=True)]
    return np.split(x, np.cumsum(counts)[:-1])
