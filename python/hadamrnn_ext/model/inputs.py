"""Checks the raw arguments of ``infer`` and ``stream``, and converts them to arrays, counts and lengths.

Strided, byte-swapped, unaligned and read-only views are accepted. Nothing is cast or copied into an ``out`` array.
"""

from __future__ import annotations

import operator
import os
import sys
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..buffers import check_writable
from ..errors import InputError, ShapeError
from ..file.card import Card
from ..machine import cpus

__all__ = [
    "count",
    "lengths",
    "output",
    "permute",
    "read_array",
    "threads",
    "threads_of_environment",
]

Array = NDArray[Any]
F32 = np.dtype(np.float32)
MAX_THREADS = 1024


def read_array(x: ArrayLike, name: str = "x") -> Array:
    """``x`` as an array of booleans, integers or floats.

    It shares the caller's memory if ``x`` gives access to it as a NumPy array, by ``__array__`` (torch tensors), the buffer
    protocol or DLPack. Types that NumPy lacks, such as the bfloat16 of torch and ml_dtypes, are converted to wider ones.

    Raises:
        InputError: ``x`` is not an array of real numbers (complex, object, string, date, ragged), or has masked values.
    """
    try:
        array = _array(x)
    except (ValueError, TypeError, RuntimeError, OverflowError, BufferError) as error:
        raise InputError(f"{name} cannot be read as an array of real numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} has dtype {array.dtype}; expected real numbers")
    # Unless numpy.ma, which takes 20 ms to import, has been imported, there is no masked array.
    if (
        type(x) is not np.ndarray
        and "numpy.ma" in sys.modules
        and isinstance(x, np.ma.MaskedArray)
        and x.mask.any()
    ):
        raise InputError(f"{name} is a masked array with {x.mask.sum()} values masked; expected none")
    return array


def _array(x: Any) -> Array:
    if hasattr(x, "__dlpack__") and not hasattr(x, "__array__"):
        return np.from_dlpack(x)
    try:
        array = np.asarray(x)
    except TypeError:  # a torch tensor of a type that NumPy lacks, such as bfloat16
        if not (hasattr(x, "is_floating_point") and x.is_floating_point()):
            raise
        return np.asarray(x.float())
    if (
        array.dtype.kind == "V"
    ):  # a type of ml_dtypes, such as bfloat16; records cannot be cast to any of these
        for kind in (np.int8, np.uint8, np.float32):
            if np.can_cast(array.dtype, kind):
                return array.astype(kind)
    return array


def permute(x: Array, ends: NDArray[np.int64] | None, card: Card) -> Array:
    """Reorder the time axis of (B, T, ...) if the card says so.

    Raises:
        ShapeError: T is not the length of the permutation.
        InputError: a sequence is shorter than the permutation.
    """
    permutation = card.preprocess.permutation
    if permutation is None:
        return x
    if x.shape[1] != permutation.size:
        raise ShapeError(
            f"x has {x.shape[1]} time steps; expected {permutation.size}, which this model reads in an order of its own"
        )
    if ends is not None and (ends != permutation.size).any():
        i = int(np.argmax(ends != permutation.size))
        raise InputError(
            f"lengths[{i}] is {ends[i]}; expected {permutation.size}: this model permutes whole sequences"
        )
    return np.take(x, permutation.indices(), axis=1)


def lengths(value: ArrayLike | None, batch: int, steps: int, batched: bool) -> NDArray[np.int64] | None:
    """The lengths (B,) int64, each in 1 .. T. For a single sequence, an integer is accepted as well.

    Raises:
        InputError: the lengths are not integers, or one is outside 1 .. T.
        ShapeError: there is not one length per sequence.
    """
    if value is None:
        return None
    array = read_array(value, "lengths")
    if array.dtype.kind not in "iu" and array.size:
        raise InputError(f"lengths has dtype {array.dtype}; expected integers")
    if array.shape != (batch,) and (batched or array.shape != ()):
        raise ShapeError(f"lengths has shape {array.shape}; expected ({batch},), one length per sequence")
    array = array.reshape(batch)
    outside = (array < 1) | (array > steps)
    if outside.any():
        i = int(np.argmax(outside))
        raise InputError(f"lengths[{i}] is {array[i]}; expected 1 .. {steps}, the time steps of x")
    return np.ascontiguousarray(array, np.int64)


def output(out: Array | None, shape: tuple[int, ...], x: Array) -> NDArray[np.float32]:
    """A new array, or ``out`` if the result can be written into it.

    Raises:
        InputError: ``out`` is not a writeable C-contiguous float32 array, or overlaps x in memory.
        ShapeError: ``out`` has another shape.
    """
    if out is None:
        return np.empty(shape, F32)
    if not isinstance(out, np.ndarray) or out.dtype != F32:
        met = f"an array of {out.dtype}" if isinstance(out, np.ndarray) else f"a {type(out).__name__}"
        raise InputError(f"out is {met}; expected a float32 array, since nothing is cast into it")
    if out.shape != shape:
        raise ShapeError(f"out has shape {out.shape}; expected {shape}")
    check_writable(out)
    if np.may_share_memory(out, x):
        raise InputError("out overlaps x in memory; expected memory of its own")
    return out


def threads(num_threads: int | None, batch: int) -> int:
    """The number of threads: ``num_threads``, or HADAMRNN_NUM_THREADS, or the CPUs that this process may use.

    Raises:
        InputError: the number is not an integer 1 .. 1024.
    """
    if num_threads is not None:
        return count(num_threads, "num_threads", MAX_THREADS)
    if batch <= 1:
        return 1
    return threads_of_environment() or min(cpus(), MAX_THREADS)


def threads_of_environment() -> int | None:
    """The value of HADAMRNN_NUM_THREADS, or None if it is empty or not set. Raises InputError unless it is 1 .. 1024."""
    text = os.environ.get("HADAMRNN_NUM_THREADS", "").strip()
    if not text:
        return None
    number = int(text) if text.isascii() and text.isdigit() else text
    return count(number, "HADAMRNN_NUM_THREADS", MAX_THREADS)


def count(value: object, name: str, most: int | None, kind: str = "an integer") -> int:
    """An integer from 1 to `most`, if that is given. Raises an InputError that says that `kind` is expected."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = 0
    if isinstance(value, bool) or number < 1 or (most is not None and number > most):
        limits = "" if most is None else f" 1 .. {most}"
        raise InputError(f"{name} is {ascii(value)[:40]}; expected {kind}{limits}")
    return number
