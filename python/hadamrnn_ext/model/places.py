"""The places of many sequences: joining, leaving, and reading the places that a call names."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..errors import InputError
from .inputs import read_array

__all__ = ["Places", "Room", "is_place"]

Places = NDArray[np.int64]


class Room:
    """The places of a stream of the core, up to ``limit`` of them; the lowest free place is given first."""

    __slots__ = ("_core", "_free", "limit")

    def __init__(self, core: _core.Stream, limit: int, taken: Iterable[int] = ()) -> None:
        self._core, self.limit = core, limit
        core.leave()
        for place in (present := {*taken}):
            core.join(place)
        self._free = [place for place in range(core.capacity) if place not in present]  # sorted, so a heap

    def __len__(self) -> int:
        """The number of places that are taken."""
        return self._core.capacity - len(self._free)

    def join(self) -> int:
        """Takes a place for a new sequence and returns it. Raises InputError if ``limit`` places are taken."""
        if not self._free:
            self._grow()
        place = heapq.heappop(self._free)
        self._core.join(place)
        return place

    def leave(self, place: int) -> None:
        """Frees a place, which must be taken."""
        self._core.leave(place)
        heapq.heappush(self._free, place)

    def _grow(self) -> None:
        capacity = self._core.capacity
        if capacity == self.limit:
            raise InputError(
                f"all {capacity} places are taken; expected one to leave first, or a larger limit"
            )
        self._core.grow(min(2 * capacity, self.limit))
        self._free = list(range(capacity, self._core.capacity))

    def read(self, places: ArrayLike | None) -> Places:
        """Places as the core takes them; None stands for all places that are taken.

        Raises InputError for a place that has no sequence or is given twice.
        """
        taken = self._core.places
        if places is None:
            return taken
        at = np.atleast_1d(read_array(places, "places"))
        if at.ndim != 1 or (at.dtype.kind not in "iu" and at.size):
            raise InputError(f"places has dtype {at.dtype} and shape {at.shape}; expected integers (k,)")
        if (absent := ~np.isin(at, taken)).any():
            raise InputError(f"there is no sequence at place {at[absent][0]}; see join")
        at = np.ascontiguousarray(at, np.int64)
        if len(at) > 1 and np.bincount(at).max() > 1:
            raise InputError(f"place {np.bincount(at).argmax()} is given twice; expected each once")
        return at


def is_place(places: object) -> bool:
    """Whether this is a single place, whose input needs no axis of sequences."""
    return isinstance(places, (int, np.integer)) and not isinstance(places, bool)
