"""Tables of numbers as text, a row a line."""

from __future__ import annotations

import io
import warnings

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

__all__ = ["table"]


def table(name: str, content: bytes, delimiter: str | None = None) -> NDArray[np.float32]:
    """(rows, columns) finite numbers. Raises `DataError` naming `name`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about an empty input
            numbers = np.loadtxt(io.BytesIO(content), dtype=np.float32, delimiter=delimiter, ndmin=2)
    except ValueError as error:
        raise DataError(f"{name}: no table of numbers ({error})") from None
    if not numbers.size:
        raise DataError(f"{name}: holds no numbers")
    if not np.isfinite(numbers).all():
        raise DataError(f"{name}: holds a number that is not finite")
    return numbers
