"""Files of own data: .npz with X and y, or CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from . import csv_series, npz
from .csv_series import BY_NAME, Columns

__all__ = ["Columns", "parts", "read"]


def read(path: str | Path, columns: Columns = BY_NAME) -> tuple[Any, Any]:
    """Sequences and targets, as `custom.task` takes them.

    An .npz file holds the arrays X, of which `parts` tells, and y; all else is CSV, see `csv_series`. Raises DataError.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    if content.startswith(b"PK"):
        csv_series.refuse_columns(str(path), columns)
        return _arrays(path, npz.read(path))
    if content.startswith(b"\x93NUMPY"):
        raise DataError(f"{path}: holds one array; expected .npz with X and y, or CSV")
    x, y = csv_series.parse(str(path), content, columns)
    if y is None:
        raise DataError(f"{path}: no column of targets; name it with --label")
    return x, y


def parts(path: str | Path, arrays: dict[str, Any]) -> Any:
    """The sequences of an .npz file: the array X, or a list of N where there are lengths (N,).

    X is then (N, T, ..), filled up to one length, or (sum of lengths, ..), one sequence after another. Raises DataError.
    """
    named = _named(arrays)
    if "x" not in named:
        raise DataError(f"{path}: holds {', '.join(arrays) or 'nothing'}; expected an array X")
    x, lengths = named["x"], named.get("lengths")
    if not x.ndim or not len(x):
        raise DataError(f"{path}: X has shape {x.shape}; expected at least one sequence, (N, T) or (N, T, d)")
    if lengths is None:
        return x
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or not lengths.size or not x.ndim:
        raise DataError(
            f"{path}: lengths of shape {lengths.shape} and dtype {lengths.dtype}; expected integers (N,)"
        )
    counts = [int(length) for length in lengths]
    filled = x.ndim > 1 and len(x) == len(counts)
    if filled and sum(counts) == len(x) and x.ndim == 2 and x.shape[1] > 1:
        raise DataError(
            f"{path}: X of shape {x.shape} with lengths of 1 can be read in two ways; expected X (N, T, d)"
        )
    if min(counts) < 1 or (max(counts) > x.shape[1] if filled else sum(counts) != len(x)):
        expected = f"1 .. {x.shape[1]}" if filled else f"a sum of {len(x)}"
        raise DataError(
            f"{path}: X of shape {x.shape} with {len(counts)} lengths {min(counts)} .. {max(counts)}, "
            f"{sum(counts)} in all; expected {expected}"
        )
    if filled:
        return [row[:count] for row, count in zip(x, counts, strict=True)]
    return np.split(x, np.cumsum(counts)[:-1])


def _arrays(path: str | Path, arrays: dict[str, Any]) -> tuple[Any, Any]:
    if not {"x", "y"} <= _named(arrays).keys():
        raise DataError(f"{path}: holds {', '.join(arrays) or 'nothing'}; expected X and y")
    return parts(path, arrays), _named(arrays)["y"]


def _named(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name.lower(): array for name, array in arrays.items()}
