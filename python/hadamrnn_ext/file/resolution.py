"""A small signal on a large offset, such as 1.7e9 + signal: what float32 can tell apart there, and what it cannot.

Float32 has 24 bits: near 1.7e9 its numbers lie 128 apart, near 52 (degrees of latitude) 4e-6. A signal of fewer than
`LEVELS` such steps is mostly rounding once it is float32, whatever is subtracted afterwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError

__all__ = ["LEVELS", "check_differences", "is_wide", "too_fine"]

#: Steps of float32 that a signal's standard deviation must have: rounding is then below 4 % of it.
LEVELS = 8.0
#: From here on float32 does not hold every integer. What is as large without a normalization is an offset.
LARGE = 1 << 24


def is_wide(dtype: np.dtype[Any]) -> bool:
    """Whether numbers of this type may lose something as float32: float64, and integers of 32 bits or more."""
    return np.promote_types(dtype, np.float32).itemsize > 4


def too_fine(offset: ArrayLike, spread: ArrayLike) -> NDArray[np.bool_]:
    """Where a signal of this spread about this offset is lost in float32; a constant (spread 0) never is."""
    steps = np.spacing(np.abs(np.asarray(offset, np.float32)))
    small = np.asarray(spread, np.float64)
    return np.asarray((small > 0) & (small < LEVELS * steps))


def check_differences(x: NDArray[Any]) -> None:
    """Refuses raw input (.., T, d) without a normalization that is large, differs over time, and would not as float32.

    Raises InputError naming the channel.
    """
    if x.ndim < 2 or not x.size or not is_wide(x.dtype):
        return
    channels = tuple(range(x.ndim - 1))
    with np.errstate(over="ignore", invalid="ignore"):  # other checks are about what is not finite
        low, high = x.min(channels).astype(np.float64), x.max(channels).astype(np.float64)
        peak = np.maximum(np.abs(low), np.abs(high))
        lost = (peak >= LARGE) & (peak <= np.finfo(np.float32).max) & too_fine(peak, high - low)
    if lost.any():
        channel = int(np.argmax(lost))
        raise InputError(
            f"channel {channel} of x lies between {low[channel]:.12g} and {high[channel]:.12g}; float32, which the network "
            f"reads, has steps of {np.spacing(np.float32(peak[channel])):g} there, and this model normalizes nothing: "
            "subtract an offset, or train with normalization"
        )
