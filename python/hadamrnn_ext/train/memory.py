"""The end of memory, which torch tells by a RuntimeError."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["memory_errors"]

ENDS = (
    "can't allocate memory",
    "not enough memory",
    "bad alloc",
)  # what torch's allocators of main memory say


@contextmanager
def memory_errors() -> Iterator[None]:
    """While entered, what torch raises where memory ends, on the CPU or a GPU, becomes MemoryError."""
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        if isinstance(error, torch.cuda.OutOfMemoryError) or any(end in text for end in ENDS):
            raise MemoryError(text.splitlines()[0]) from error
        raise
