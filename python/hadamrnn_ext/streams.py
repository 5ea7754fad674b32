"""Many sequences that come and go, each stepping when its data arrives: one state for all, and places in it."""

from __future__ import annotations

import heapq
import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core, inputs, states
from .card import Card
from .errors import InputError, ShapeError

__all__ = ["Streams"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Places = NDArray[np.int64]


class Streams:
    """Up to ``capacity`` sequences of one model. Made by ``Model.streams``.

    Each has a place, a number that ``join`` gives and ``leave`` takes back; nobody else's state moves or is copied. A
    step of some of them costs what their steps cost, whatever the others do. Memory: 4 n bytes a layer and place,
    and for output "mean" 4 n bytes more, of an integer model 8 n; all taken at once, and as much again with
    the first ``run`` that is long enough to be interrupted.

    Not for several threads at once, like ``Stream``. A call that raises leaves all states as they were.
    """

    __slots__ = ("_capacity", "_card", "_check_finite", "_core", "_fast", "_free", "_joined", "_raw")

    def __init__(self, card: Card, core: _core.Model, capacity: int, raw: bool, check_finite: bool) -> None:
        states.check_order(card, raw)
        self._capacity = inputs.count(capacity, "capacity", states.MAX_COUNT)
        self._card, self._raw, self._check_finite = card, raw, check_finite
        self._core = _core.Stream(core, self._capacity, check_finite)
        self._fast = raw or card.preprocess.normalization is None
        self._free = list(range(self._capacity))  # a heap: the lowest place first
        self._joined = np.zeros(self._capacity, bool)

    @property
    def capacity(self) -> int:
        """How many sequences there can be at once."""
        return self._capacity

    @property
    def places(self) -> Places:
        """The places of all sequences there are, ascending."""
        return np.flatnonzero(self._joined)

    def __len__(self) -> int:
        return self._capacity - len(self._free)

    def join(self) -> int:
        """The place of a new sequence, at h_0 = 0. Raises InputError if there is none left."""
        if not self._free:
            raise InputError(
                f"all {self._capacity} places are taken; expected one to leave first, or a larger capacity"
            )
        place = heapq.heappop(self._free)
        self._joined[place] = True
        return place

    def leave(self, place: int) -> None:
        """Ends a sequence, whose place is free for another. Raises InputError if there is none at this place."""
        at = self._at(operator.index(place))
        self._core.reset_at(at)
        self._joined[at] = False
        heapq.heappush(self._free, int(at[0]))

    def step(self, x: Any, places: ArrayLike | None = None) -> F32:
        """One time step of some sequences; the logits of each so far, (k, o) float32, for output "last" and "mean" too.

        Args:
            x: (k, d) features or (k,) tokens, the row of each sequence. float32 in C order is the fast way.
            places: (k,) places of these sequences in any order, each once; an int64 array is the fast way. None: those
                of all, ascending.

        Raises:
            ShapeError, InputError: as ``Model.infer``, or for a place without a sequence or that is given twice.
        """
        at = self._at(places)
        logits = self._core.step_at(x, at) if self._fast else None
        if logits is not None:
            return logits
        array = inputs.read_array(x)
        if array.shape != (len(at), *self._inner):
            raise ShapeError(
                f"x has shape {array.shape}; expected {(len(at), *self._inner)}, a step for each place"
            )
        logits = self._core.step_at(self._values(array), at)
        if logits is None:
            raise InputError("x is not finite in float32 after normalization")
        return logits

    def run(self, x: ArrayLike, places: ArrayLike | None = None) -> F32:
        """A chunk of T >= 0 steps of some sequences; chunks one after another equal one call, to the same bits.

        Args:
            x: (k, T, d) features or (k, T) tokens.
            places: as of ``step``.

        Returns:
            output "last", "mean": (k, o), the logits of each sequence so far; "all": (k, T, o).

        Raises:
            ShapeError, InputError: as ``step``.
        """
        at = self._at(places)
        array = inputs.read_array(x)
        if array.ndim != 2 + len(self._inner) or array.shape[2:] != self._inner or len(array) != len(at):
            expected = ", ".join(map(str, (len(at), "T", *self._inner)))
            raise ShapeError(f"x has shape {array.shape}; expected ({expected})")
        values = self._values(array)
        time = (array.shape[1],) if self._card.output == "all" else ()
        result = np.empty((len(at), *time, self._card.output_size), np.float32)
        self._core.run_at(values, result, at)
        return result

    def get_state(self, places: ArrayLike | None = None) -> list[F32 | F64]:
        """The states h of some sequences, not rectified: a copy (k, n) for each layer.

        For output "mean" one more array follows, (k, n + 1) float64: the sums and the numbers of steps, see ``states``.
        """
        return self._core.get_state_at(self._at(places))

    def set_state(self, value: Any, places: ArrayLike | None = None) -> None:
        """Sets the states of some sequences to what ``get_state`` gave, here or of another ``Streams`` of the model.

        Raises:
            ShapeError, InputError: another form, or a state that the model cannot have.
        """
        at = self._at(places)
        self._core.set_state_at(states.read(value, self._card, (len(at),)), at)

    def save(self, places: ArrayLike | None = None) -> bytes:
        """The states of some sequences as bytes, see ``states``."""
        return states.dumps(self._card, self.get_state(places))

    def load(self, data: bytes, places: ArrayLike | None = None) -> None:
        """Sets the states of some sequences to those that ``save`` gave. Raises InputError for other bytes."""
        self.set_state(states.loads(self._card, data), places)

    def __repr__(self) -> str:
        return f"Streams({len(self)} of {self._capacity} sequences)"

    @property
    def _inner(self) -> tuple[int, ...]:
        return (self._card.input_size,) if self._card.input == "features" else ()

    def _at(self, places: ArrayLike | None) -> Places:
        """Places as the core takes them. Raises InputError for one without a sequence, or given twice."""
        if places is None:
            return self.places
        at = np.atleast_1d(inputs.read_array(places, "places"))
        if at.ndim != 1 or (at.dtype.kind not in "iu" and at.size):
            raise InputError(f"places has dtype {at.dtype} and shape {at.shape}; expected integers (k,)")
        at = np.ascontiguousarray(at, np.int64)
        outside = (at < 0) | (at >= self._capacity)
        if outside.any() or not self._joined[at].all():
            bad = outside if outside.any() else ~self._joined[at]
            raise InputError(f"there is no sequence at place {at[bad][0]}; see join")
        if len(at) > 1 and np.bincount(at).max() > 1:
            raise InputError(f"place {np.bincount(at).argmax()} is given twice; expected each once")
        return at

    def _values(self, array: NDArray[Any]) -> NDArray[Any]:
        if self._card.input == "tokens":
            return inputs.tokens(array, self._card)
        return inputs.features(array, self._card, self._check_finite, self._raw)
