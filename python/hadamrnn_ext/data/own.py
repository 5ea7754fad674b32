"""Files of own data: .npz with X and y, or CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from . import csv_series, npz
from .csv_series import BY_NAME, Columns

__all__ = ["Columns", "read"]


def read(path: str | Path, columns: Columns = BY_NAME) -> tuple[Any, Any]:
    """Sequences and targets, as `custom.task` takes them.

    An .npz file holds the arrays X and y, and maybe lengths (N,) of sequences that are filled up; all else is CSV, see
    `csv_series`. Raises DataError.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    if content.startswith(b"PK"):
        return _arrays(path, npz.read(path))
    if content.startswith(b"\x93NUMPY"):
        raise DataError(f"{path}: holds one array; expected .npz with X and y, or CSV")
    x, y = csv_series.parse(str(path), content, columns)
    if y is None:
        raise DataError(f"{path}: no column of targets; name it with --label")
    return x, y


def _arrays(path: str | Path, arrays: dict[str, Any]) -> tuple[Any, Any]:
    named = {name.lower(): array for name, array in arrays.items()}
    if not {"x", "y"} <= named.keys():
        raise DataError(f"{path}: holds {', '.join(arrays) or 'nothing'}; expected X and y")
    x, y, lengths = named["x"], named["y"], named.get("lengths")
    if lengths is None:
        return x, y
    if lengths.shape != x.shape[:1] or (lengths < 1).any() or (lengths > x.shape[1]).any():
        raise DataError(
            f"{path}: lengths of shape {lengths.shape}; expected {len(x)} numbers 1 .. {x.shape[1]}"
        )
    return [row[: int(length)] for row, length in zip(x, lengths, strict=True)], np.asarray(y)
