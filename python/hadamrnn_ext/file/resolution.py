"""Whether float32 can hold a small signal on a large offset, such as 1.7e9 + signal.

Float32 has 24 bits: its numbers are 128 apart near 1.7e9, and 4e-6 near 52 (degrees of latitude). A signal of fewer than
`LEVELS` such steps is mostly rounding error in float32, and subtracting the offset afterwards does not restore it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError

__all__ = ["LEVELS", "check_differences", "is_wide", "too_fine"]

#: The standard deviation of a signal must be at least this many steps of float32; rounding is then below 4 % of it.
LEVELS = 8.0
#: Float32 does not hold every integer above this. Larger input without a normalization is taken to have an offset.
LARGE = 1 << 24


def is_wide(dtype: np.dtype[Any]) -> bool:
    """Whether conversion to float32 may round numbers of this type: float64, and integers of 32 bits or more."""
    return np.promote_types(dtype, np.float32).itemsize > 4


def too_fine(offset: ArrayLike, spread: ArrayLike) -> NDArray[np.bool_]:
    """Where float32 loses a signal with this spread about this offset. A constant (spread 0) is never lost."""
    steps = np.spacing(np.abs(np.asarray(offset, np.float32)))
    small = np.asarray(spread, np.float64)
    return np.asarray((small > 0) & (small < LEVELS * steps))


def check_differences(x: NDArray[Any]) -> None:
    """For a model without normalization, refuses large input (.., T, d) whose changes over time float32 would lose.

    Raises InputError naming the channel.
    """
    if x.ndim < 2 or not x.size or not is_wide(x.dtype):
        return
    channels = tuple(range(x.ndim - 1))
    with np.errstate(over="ignore", invalid="ignore"):  # other checks refuse numbers that are not finite
        low, high = x.min(channels).astype(np.float64), x.max(channels).astype(np.float64)
        peak = np.maximum(np.abs(low), np.abs(high))
        lost = (peak >= LARGE) & (peak <= np.finfo(np.float32).max) & too_fine(peak, high - low)
    if lost.any():
        channel = int(np.argmax(lost))
        raise InputError(
            f"channel {channel} of x lies between {low[channel]:.12g} and {high[channel]:.12g}; float32, which the network "
            f"reads, has steps of {np.spacing(np.float32(peak[channel])):g} there, and this model does not normalize: "
            "subtract an offset, or train with normalization"
        )
