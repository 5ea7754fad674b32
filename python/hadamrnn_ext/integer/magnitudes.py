"""The largest magnitudes of many numbers, and percentiles of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Magnitudes"]

_DROPPED_BITS = 12  # of a float32: the histogram's bins are 2^-11 of their value wide


class Magnitudes:
    """The largest magnitude met, and percentiles of all if they are counted, in memory that does not grow.

    With ``parts`` those of each equal part of the last axis, with coarser bins.
    """

    def __init__(self, counted: bool, parts: int = 1) -> None:
        self._dropped = _DROPPED_BITS + (parts - 1).bit_length()
        self._largest = np.zeros(parts, np.float32)
        # The bits of positive floats are ordered as the floats are, so their upper bits number the bins.
        self._counts = np.zeros((parts, 1 << 31 - self._dropped), np.int64) if counted else None

    def add(self, values: NDArray[np.float32]) -> None:
        """Count these values, finite and of any shape."""
        parts = len(self._largest)
        magnitudes = np.abs(values)
        if parts > 1:
            magnitudes = np.moveaxis(magnitudes.reshape(-1, parts, values.shape[-1] // parts), 1, 0)
        magnitudes = np.ascontiguousarray(magnitudes).reshape(parts, -1)
        self._largest = np.maximum(self._largest, magnitudes.max(axis=1, initial=np.float32(0)))
        if self._counts is not None:
            for counts, part in zip(self._counts, magnitudes, strict=True):
                counts += np.bincount(part.view(np.uint32) >> self._dropped, minlength=len(counts))

    def values(self, percentile: float | None) -> tuple[float, ...]:
        """Of each part the largest magnitude for None, or the upper edge of the bin that the percentile falls into."""
        if percentile is None or self._counts is None:
            return tuple(map(float, self._largest))
        found = []
        for counts, largest in zip(self._counts, self._largest, strict=True):
            cumulated = np.cumsum(counts)
            index = int(np.searchsorted(cumulated, cumulated[-1] * percentile / 100))
            edge = float(np.array((index + 1) << self._dropped, np.uint32).view(np.float32))
            found.append(min(edge, float(largest)))
        return tuple(found)

    def value(self, percentile: float | None) -> float:
        """The largest of ``values``."""
        return max(self.values(percentile))
