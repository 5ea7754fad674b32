"""Many sequences that come and go, each stepping when its data arrives: one state for all, and places in it."""

from __future__ import annotations

import heapq
import operator
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..errors import InputError, ShapeError
from . import inputs, states
from .chunks import Chunks, of_array, of_list
from .classify import Classification
from .reader import Reader, overflow_error

__all__ = ["Streams"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Places = NDArray[np.int64]
Errors = Literal["raise", "skip"]


class Streams:
    """Sequences of one model, each at a place, a number that ``join`` gives and ``leave`` takes back.

    Made by ``Model.streams``. Nobody else's state moves when a sequence comes or goes, and a step of some of them costs
    what their steps cost, whatever the others do. There is room for ``capacity`` sequences; it doubles when more join, up
    to ``limit``. Memory: 8 n bytes per layer and place, and for output "mean" 8 n bytes more, 16 n in an
    integer model.

    A bad value concerns its own sequence alone. ``refused`` names the places whose data the last ``step`` or ``run``
    refused. With ``errors="raise"`` such a call raises, and all states stay as they were. With ``errors="skip"`` the others
    go on; the refused ones stay as they were, and their logits are NaN.

    Not for several threads at once, like ``Stream``. Copies (``copy``, ``deepcopy``, ``pickle``) go on from the same
    states, each for itself.

    Example:
        >>> streams = hadamrnn_ext.load("har6").streams()
        >>> a, b = streams.join(), streams.join()
        >>> logits = streams.step(np.zeros((2, 9), np.float32), [a, b])
        >>> labels, probabilities = streams.classify([a, b])
    """

    __slots__ = (
        "_check_finite",
        "_core",
        "_core_step",
        "_free",
        "_limit",
        "_model",
        "_raw",
        "_reader",
        "_refused",
    )

    def __init__(
        self, model: states.Source, capacity: int, limit: int | None, raw: bool, check_finite: bool
    ) -> None:
        states.check_order(model.card, raw)
        most = states.MAX_COUNT
        self._limit = most if limit is None else inputs.count(limit, "limit", most, "None or an integer")
        capacity = inputs.count(capacity, "capacity", self._limit)
        self._model, self._raw, self._check_finite = model, raw, check_finite
        self._reader = Reader(model.card, raw)
        self._core = _core.Stream(model.core, capacity, check_finite, self._reader.features)
        self._core_step = self._core.step
        self._core.leave_all()
        self._free = list(range(capacity))  # a heap: the lowest place first
        self._refused: dict[int, InputError | ShapeError] = {}

    @property
    def capacity(self) -> int:
        """For how many sequences there is room; it doubles when they have become more."""
        return self._core.capacity

    @property
    def limit(self) -> int:
        """How many sequences there may be at once."""
        return self._limit

    @property
    def places(self) -> Places:
        """The places of all sequences there are, ascending."""
        return self._core.places

    @property
    def refused(self) -> Mapping[int, InputError | ShapeError]:
        """Why the last ``step`` or ``run`` refused the data of some places, by place; empty when it refused none."""
        return MappingProxyType(self._refused)

    def __len__(self) -> int:
        return self._core.capacity - len(self._free)

    def join(self) -> int:
        """The place of a new sequence, at h_0 = 0. Raises InputError if there are as many as there may be."""
        if not self._free:
            self._grow()
        place = heapq.heappop(self._free)
        self._core.join(place)
        return place

    def leave(self, place: int) -> None:
        """Ends a sequence, whose place is free for another. Raises InputError if there is none at this place."""
        at = self._at(operator.index(place))
        self._core.leave(int(at[0]))
        heapq.heappush(self._free, int(at[0]))

    def step(self, x: Any, places: ArrayLike | None = None, *, errors: Errors = "raise") -> F32:
        """One time step of some sequences; the logits of each so far, (k, o) float32, for output "last" and "mean" too.

        Args:
            x: (k, d) features or (k,) tokens, the row of each sequence. For a place that is an int also (d,) or one
                token, which gives (o,). An array of numbers in C order is the fast way.
            places: (k,) places of these sequences in any order, each once; an int64 array is the fast way. None: those
                of all, ascending.
            errors: "raise" or "skip", see ``Streams``.

        Raises:
            ShapeError, InputError: as ``Model.infer``, or for a place without a sequence or that is given twice.
        """
        logits = self._core_step(x, places) if errors in _ERRORS else None
        if logits is None:
            return self._explained_step(x, places, errors)
        self._refused = {}
        return logits

    def run(
        self, x: ArrayLike, places: ArrayLike | None = None, *, errors: Errors = "raise"
    ) -> F32 | list[F32]:
        """Some time steps of some sequences; chunks one after another equal one call, to the same bits.

        Args:
            x: (k, T, d) features or (k, T) tokens, T >= 0 steps each; or a list or tuple of k chunks (T_i, d) or (T_i,),
                each as long as it is. For a place that is an int also one chunk (T, d) or (T,).
            places: as of ``step``.
            errors: "raise" or "skip", see ``Streams``.

        Returns:
            output "last", "mean": (k, o), the logits of each sequence so far; "all": (k, T, o), or of a list of chunks a
            list of (T_i, o). Of one chunk (o,) or (T, o).

        Raises:
            ShapeError, InputError: as ``step``.
        """
        self._refused = {}
        at = self._at(places)
        if isinstance(x, (list, tuple)) and not _is_place(places):
            chunks = of_list(x, at, self._reader, self._check_finite)
            found = self._take(chunks, at, errors)
            if self._model.card.output != "all":
                return found
            return [found[i : i + n] for i, n in zip(chunks.starts, chunks.lengths, strict=True)]
        array, inner = inputs.read_array(x), self._reader.inner
        one = _is_place(places) and array.ndim == 1 + len(inner)
        whole = array[None] if one else array
        if whole.ndim != 2 + len(inner) or whole.shape[2:] != inner or len(whole) != len(at):
            expected = ", ".join(map(str, (len(at), "T", *inner)))
            raise ShapeError(f"x has shape {array.shape}; expected ({expected})")
        found = self._take(of_array(whole, at, self._reader, self._check_finite), at, errors)
        if self._model.card.output == "all":
            found = found.reshape(*whole.shape[:2], -1)
        return found[0] if one else found

    def logits(self, places: ArrayLike | None = None) -> F32:
        """The logits of some sequences so far, (k, o), without another step; before the first one, of h_0 = 0.

        Raises InputError for places, as ``step``.
        """
        return self._core.logits(self._at(places))

    def classify(self, places: ArrayLike | None = None, top: int = 1) -> Classification:
        """The ``top`` most probable classes of some sequences so far, without another step, as ``Model.classify``.

        Returns:
            labels and probabilities, (k, top).

        Raises:
            InputError: places, as of ``step``; ``top`` is not 1 .. number of classes.
        """
        return self._model.classes.best(self.logits(places), top, every_step=False)

    def get_state(self, places: ArrayLike | None = None) -> list[F32 | F64]:
        """The states h of some sequences, not rectified: a copy (k, n) for each layer.

        For output "mean" one more array follows, (k, n + 1) float64: the sums and the numbers of steps, see ``states``.
        """
        return self._core.get_state(self._at(places))

    def set_state(self, value: Any, places: ArrayLike | None = None) -> None:
        """Sets the states of some sequences to what ``get_state`` gave, here or of another ``Streams`` of the model.

        Raises:
            ShapeError, InputError: another form, or a state that the model cannot have.
        """
        at = self._at(places)
        self._core.set_state(states.read(value, self._model.card, (len(at),)), at)

    def save(self, places: ArrayLike | None = None) -> bytes:
        """The states of some sequences as bytes, see ``states``."""
        return states.dumps(self._model.card, self.get_state(places))

    def load(self, data: bytes, places: ArrayLike | None = None) -> None:
        """Sets the states of some sequences to those that ``save`` gave. Raises InputError for other bytes."""
        self.set_state(states.loads(self._model.card, data), places)

    def __reduce__(self) -> tuple[Any, ...]:
        options = (self.capacity, self._limit, self._raw, self._check_finite)
        return _restored, (self._model, *options, self.places, self._core.get_state())

    def __repr__(self) -> str:
        return f"Streams({len(self)} of {self.capacity} sequences)"

    def _grow(self) -> None:
        capacity = self.capacity
        if capacity == self._limit:
            raise InputError(
                f"all {capacity} places are taken; expected one to leave first, or a larger limit"
            )
        self._core.grow(min(2 * capacity, self._limit))
        self._free = list(range(capacity, self.capacity))

    def _at(self, places: ArrayLike | None) -> Places:
        """Places as the core takes them. Raises InputError for one without a sequence, or given twice."""
        if places is None:
            return self.places
        at = np.atleast_1d(inputs.read_array(places, "places"))
        if at.ndim != 1 or (at.dtype.kind not in "iu" and at.size):
            raise InputError(f"places has dtype {at.dtype} and shape {at.shape}; expected integers (k,)")
        if (absent := ~np.isin(at, self.places)).any():
            raise InputError(f"there is no sequence at place {at[absent][0]}; see join")
        at = np.ascontiguousarray(at, np.int64)
        if len(at) > 1 and np.bincount(at).max() > 1:
            raise InputError(f"place {np.bincount(at).argmax()} is given twice; expected each once")
        return at

    def _explained_step(self, x: Any, places: ArrayLike | None, errors: Errors) -> F32:
        """A step of any form of input, or what is wrong with it."""
        self._refused = {}
        at = self._at(places)
        if errors in _ERRORS and not _is_place(places):  # places in a list are no reason to go slowly
            logits: F32 | None = self._core_step(x, at)
            if logits is not None:
                return logits
        array, inner = inputs.read_array(x), self._reader.inner
        one = _is_place(places) and array.ndim == len(inner)
        rows = array[None] if one else array
        if rows.shape != (len(at), *inner):
            raise ShapeError(
                f"x has shape {array.shape}; expected {(len(at), *inner)}, a step for each place"
            )
        found = self._take(of_array(rows, at, self._reader, self._check_finite), at, errors)
        return found[0] if one else found

    def _take(self, chunks: Chunks, at: Places, errors: Errors) -> F32:
        """Takes chunks: all or, as ``errors`` says, those that are not refused. Logits (S, o) or (k, o)."""
        if errors not in _ERRORS:
            raise InputError(f"errors is {ascii(errors)[:40]}; expected 'raise' or 'skip'")
        refused, count = chunks.refused, len(at)
        self._refused = {int(at[i]): error for i, error in refused.items()}
        if errors == "raise" and refused:
            raise next(iter(refused.values()))
        some = np.array([i for i in range(count) if i not in refused], np.intp) if refused else slice(None)
        every_step = self._model.card.output == "all"
        rows = chunks.values.shape[1] if every_step else count
        logits = np.full((rows, self._model.card.output_size), np.nan, np.float32)
        result = logits[None] if every_step else logits[some]
        found = self._core.run(
            chunks.values, result, at[some], chunks.starts[some], chunks.lengths[some], errors == "skip"
        )
        if not every_step:
            logits[some] = result
        for i, step in found:
            number = np.arange(count)[some][i]
            place = int(at[number])
            self._refused[place] = InputError(f"place {place}: {overflow_error(*chunks.raw(number, step))}")
        if errors == "raise" and found:
            raise next(iter(self._refused.values()))
        return logits


_ERRORS = ("raise", "skip")


def _is_place(places: object) -> bool:
    return isinstance(places, (int, np.integer)) and not isinstance(places, bool)


def _restored(
    model: states.Source,
    capacity: int,
    limit: int,
    raw: bool,
    check_finite: bool,
    places: Places,
    state: list[F32 | F64],
) -> Streams:
    streams = Streams(model, capacity, limit, raw, check_finite)
    for place in places:
        streams._core.join(int(place))
    streams._free = sorted({*range(capacity)} - {*places.tolist()})
    streams._core.set_state(state)
    return streams
