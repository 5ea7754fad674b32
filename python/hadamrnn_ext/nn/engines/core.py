"""The C++ training recurrences, made once for each geometry, and torch tensors as the arrays they take."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ... import _core, hadamard


@functools.cache
def recurrence(hidden_size: int, block_size: int, name: str) -> _core.Recurrence:
    """The C++ recurrence of this geometry: immutable, shared by all modules and threads."""
    r, _ = hadamard.factor(block_size)
    core = np.ascontiguousarray(hadamard.core_matrix(r))
    return _core.Recurrence(hidden_size=hidden_size, block_size=block_size, core=core, recurrence=name)


def array(tensor: Tensor) -> NDArray[Any]:
    """The values of a CPU tensor as a C-contiguous array; shares the memory of a contiguous tensor."""
    values: NDArray[Any] = tensor.detach().contiguous().numpy()
    return values


def optional(tensor: Tensor | None) -> NDArray[Any] | None:
    return None if tensor is None else array(tensor)
