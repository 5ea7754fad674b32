"""Memory that callers give and get: checks of what results are written into, and copies that nobody changes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

__all__ = ["check_writable", "read_only"]


def check_writable(out: NDArray[Any]) -> None:
    """Raises InputError unless kernels can write into the memory of ``out``."""
    flags = out.flags
    if not (flags.c_contiguous and flags.aligned and flags.writeable):
        raise InputError("out must be C-contiguous, aligned and writeable, since nothing is copied into it")


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A copy in C order that nobody can change."""
    copy = np.array(array, order="C")
    copy.flags.writeable = False
    return copy
