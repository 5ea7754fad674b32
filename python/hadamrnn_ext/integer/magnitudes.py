"""The largest magnitudes of many numbers, and percentiles of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Magnitudes"]

_DROPPED_BITS = 12  # of a float32: the histogram's bins are 2^-11 of their value wide


class Magnitudes:
    """The largest magnitude met, and percentiles of all if they are counted, in memory that does not grow."""

    def __init__(self, counted: bool) -> None:
        self._largest = np.float32(0)
        # The bits of positive floats are ordered as the floats are, so their upper bits number the bins.
        self._counts = np.zeros(1 << 31 - _DROPPED_BITS, np.int64) if counted else None

    def add(self, values: NDArray[np.float32]) -> None:
        """Count these values, finite and of any shape."""
        magnitudes = np.abs(values).reshape(-1)
        self._largest = np.maximum(self._largest, magnitudes.max(initial=np.float32(0)))
        if self._counts is not None:
            bins = magnitudes.view(np.uint32) >> _DROPPED_BITS
            self._counts += np.bincount(bins, minlength=len(self._counts))

    def value(self, percentile: float | None) -> float:
        """The largest magnitude for None, or the upper edge of the bin that the percentile falls into."""
        if percentile is None or self._counts is None:
            return float(self._largest)
        cumulated = np.cumsum(self._counts)
        index = int(np.searchsorted(cumulated, cumulated[-1] * percentile / 100))
        edge = float(np.array((index + 1) << _DROPPED_BITS, np.uint32).view(np.float32))
        return min(edge, float(self._largest))
