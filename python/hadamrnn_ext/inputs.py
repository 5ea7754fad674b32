"""Raw arguments of ``infer`` and ``stream`` -> exactly the arrays that the core takes, or a clear error.

Array-likes of real numbers become float32; views that are strided, byte-swapped, unaligned or read-only are fine.
Nothing is cast or copied into an ``out`` array.
"""

from __future__ import annotations

import operator
import os
import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from .buffers import check_writable
from .card import Card
from .errors import InputError, ShapeError

__all__ = [
    "Ready",
    "count",
    "cpus",
    "features",
    "lengths",
    "output",
    "permute",
    "read_array",
    "threads",
    "threads_of_environment",
    "tokens",
]

Array = NDArray[Any]
F32, U8 = np.dtype(np.float32), np.dtype(np.uint8)
MAX_THREADS = 1024


class Ready(NamedTuple):
    """What ``Model.prepare`` gives: input as the core takes it, (B, T, d) or (B, T)."""

    values: Array
    lengths: NDArray[np.int64] | None
    batched: bool  # whether the caller's input has a batch axis
    raw: Array


def read_array(x: ArrayLike, name: str = "x") -> Array:
    """``x`` as an array of booleans, integers or floats: the caller's memory where it shows it, as an array of NumPy, by
    ``__array__`` (tensors of torch), the buffer protocol, or DLPack alone.

    Raises:
        InputError: it is not an array of real numbers (complex, object, string, date, ragged), or has masked values.
    """
    try:
        only_dlpack = hasattr(x, "__dlpack__") and not hasattr(x, "__array__")
        array = np.from_dlpack(x) if only_dlpack else np.asarray(x)  # type: ignore[arg-type]
    except (ValueError, TypeError, RuntimeError, OverflowError, BufferError) as error:
        raise InputError(f"{name} cannot be read as an array of real numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} has dtype {array.dtype}; expected real numbers")
    # Where nobody has imported numpy.ma, which takes 20 ms, there is no masked array.
    if (
        type(x) is not np.ndarray
        and "numpy.ma" in sys.modules
        and isinstance(x, np.ma.MaskedArray)
        and x.mask.any()
    ):
        raise InputError(f"{name} is a masked array with {x.mask.sum()} values masked; expected none")
    return array


def features(x: Array, card: Card, check_finite: bool = True, raw: bool = False) -> NDArray[np.float32]:
    """Float32 features, scaled and normalized as the card says (but for ``raw``); any shape (..., d).

    Raises:
        InputError: a value is NaN or infinite as float32 (unless ``check_finite`` is False), or an integer is no
            pixel of a model of pixels.
    """
    steps = card.preprocess
    if steps.uint8_scale is not None and x.dtype.kind in "iu":
        x32 = _pixels(x, steps.uint8_scale, raw)
    elif x.dtype == F32 and x.flags.c_contiguous and x.flags.aligned:
        x32 = x
    else:
        with np.errstate(over="ignore"):
            x32 = np.require(x, F32, ["C_CONTIGUOUS", "ALIGNED"])
    if steps.normalization is not None and not raw:
        with np.errstate(over="ignore", invalid="ignore"):
            x32 = steps.normalization.apply(x32)
    if check_finite and (position := _core.first_nonfinite(x32)) >= 0:
        index = _index(position, x.shape)
        met = x[index]
        detail = (
            "" if not np.isfinite(met) else f", which is {x32[index]} as the float32 that the network reads"
        )
        raise InputError(
            f"x{list(index)} is {met}{detail}; expected finite numbers (check_finite=False skips this check)"
        )
    return x32


def _pixels(x: Array, scale: float, raw: bool) -> NDArray[np.float32]:
    if x.dtype == U8 and not raw:
        return np.multiply(x, np.float32(scale), dtype=F32)
    # Integers of another type are numbers as they stand, like floats; 253 then is an image someone forgot to scale.
    outside = (x < 0) | (x > 1)
    if outside.any():
        index = _index(int(np.argmax(outside)), x.shape)
        expected = "numbers 0 .. 1 (raw input is not scaled)" if raw else "uint8 0 .. 255, or numbers 0 .. 1"
        raise InputError(f"x{list(index)} is {x[index]} of dtype {x.dtype}; this model takes {expected}")
    return np.ascontiguousarray(x, F32)


def tokens(x: Array, card: Card) -> NDArray[np.int32]:
    """Tokens of any shape as int32.

    Raises:
        InputError: the dtype is not an integer one, or a token is not in 0 .. V-1 (its position is named).
    """
    if x.dtype.kind not in "iu":
        raise InputError(f"x has dtype {x.dtype}; expected integer tokens 0 .. {card.input_size - 1}")
    if x.size and (x.min() < 0 or x.max() >= card.input_size):
        index = _index(int(np.argmax((x < 0) | (x >= card.input_size))), x.shape)
        raise InputError(f"x{list(index)} is {x[index]}; expected tokens 0 .. {card.input_size - 1}")
    return np.require(x, np.int32, ["C_CONTIGUOUS", "ALIGNED"])


def permute(x: Array, ends: NDArray[np.int64] | None, card: Card) -> Array:
    """Reorder the time axis of (B, T, ...) if the card says so.

    Raises:
        ShapeError: T is not the length of the permutation.
        InputError: a sequence ends before that.
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
    """(B,) int64 lengths, each 1 .. T; a single sequence takes a plain integer as well.

    Raises:
        InputError: not integers, or a length outside 1 .. T.
        ShapeError: not one a sequence.
    """
    if value is None:
        return None
    array = read_array(value, "lengths")
    if array.dtype.kind not in "iu" and array.size:
        raise InputError(f"lengths has dtype {array.dtype}; expected integers")
    if array.shape != (batch,) and (batched or array.shape != ()):
        raise ShapeError(f"lengths has shape {array.shape}; expected ({batch},), one length a sequence")
    array = array.reshape(batch)
    outside = (array < 1) | (array > steps)
    if outside.any():
        i = int(np.argmax(outside))
        raise InputError(f"lengths[{i}] is {array[i]}; expected 1 .. {steps}, the time steps of x")
    return np.ascontiguousarray(array, np.int64)


def output(out: Array | None, shape: tuple[int, ...], x: Array) -> NDArray[np.float32]:
    """A new array, or ``out`` if it can be written as it is.

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
    """Number of threads: as asked, else HADAMRNN_NUM_THREADS, else the CPUs that this process may use.

    Raises:
        InputError: not an integer 1 .. 1024.
    """
    if num_threads is not None:
        return count(num_threads, "num_threads", MAX_THREADS)
    if batch <= 1:
        return 1
    return threads_of_environment() or min(cpus(), MAX_THREADS)


def threads_of_environment() -> int | None:
    """What HADAMRNN_NUM_THREADS says; None where it is not set, or empty. Raises InputError: no integer 1 .. 1024."""
    text = os.environ.get("HADAMRNN_NUM_THREADS", "").strip()
    if not text:
        return None
    number = int(text) if text.isascii() and text.isdigit() else text
    return count(number, "HADAMRNN_NUM_THREADS", MAX_THREADS)


def cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count(value: object, name: str, most: int, kind: str = "an integer") -> int:
    """A number from 1 to `most`. Raises InputError, which says that `kind` is expected."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = 0
    if isinstance(value, bool) or not 1 <= number <= most:
        raise InputError(f"{name} is {ascii(value)[:40]}; expected {kind} 1 .. {most}")
    return number


def _index(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, shape))
