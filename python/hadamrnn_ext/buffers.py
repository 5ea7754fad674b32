"""Checks of the caller's memory into which results are written."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from .errors import InputError

__all__ = ["check_writable"]


def check_writable(out: NDArray[Any]) -> None:
    """Raises InputError unless kernels can write into the memory of ``out``."""
    flags = out.flags
    if not (flags.c_contiguous and flags.aligned and flags.writeable):
        raise InputError("out must be C-contiguous, aligned and writeable, since nothing is copied into it")
