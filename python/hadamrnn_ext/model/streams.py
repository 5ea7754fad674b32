"""Many sequences that come and go, each stepping when its data arrives: one state for all, and places in it."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError, ShapeError
from . import inputs, states
from .chunks import Chunks, Refused, of_array, of_list
from .classify import Classification
from .places import Places, Room, is_place
from .reader import overflow_error
from .sequences import F32, F64, MAX_COUNT, Sequences, Source

__all__ = ["Streams"]

Errors = Literal["raise", "skip"]
_ERRORS = ("raise", "skip")


class Streams(Sequences):
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

    __slots__ = ("_refused", "_room")

    def __init__(
        self, model: Source, capacity: int, limit: int | None, raw: bool, check_finite: bool
    ) -> None:
        most = MAX_COUNT if limit is None else inputs.count(limit, "limit", MAX_COUNT, "None or an integer")
        super().__init__(model, inputs.count(capacity, "capacity", most), raw, check_finite)
        self._room = Room(self._core, most)
        self._refused: Refused = {}

    @property
    def capacity(self) -> int:
        """For how many sequences there is room; it doubles when they have become more."""
        return self._core.capacity

    @property
    def limit(self) -> int:
        """How many sequences there may be at once."""
        return self._room.limit

    @property
    def places(self) -> Places:
        """The places of all sequences there are, ascending."""
        return self._core.places

    @property
    def refused(self) -> Mapping[int, InputError | ShapeError]:
        """Why the last ``step`` or ``run`` refused the data of some places, by place; empty when it refused none."""
        return MappingProxyType(self._refused)

    def __len__(self) -> int:
        return len(self._room)

    def join(self) -> int:
        """The place of a new sequence, at h_0 = 0. Raises InputError if there are as many as there may be."""
        return self._room.join()

    def leave(self, place: int) -> None:
        """Ends a sequence, whose place is free for another. Raises InputError if there is none at this place."""
        self._room.leave(int(self._room.read(operator.index(place))[0]))

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
        at, alone = self._room.read(places), is_place(places)
        if isinstance(x, (list, tuple)) and not alone:
            chunks = of_list(x, at, self._reader, self._check_finite)
        else:
            array = inputs.read_array(x)
            chunks = of_array(array, at, self._reader, self._check_finite, alone=alone, step=False)
        logits: F32 | list[F32] = self._take(chunks, at, errors)
        return logits

    def logits(self, places: ArrayLike | None = None) -> F32:
        """The logits of some sequences so far, (k, o), without another step; before the first one, of h_0 = 0.

        Raises InputError for places, as ``step``.
        """
        return self._core.logits(self._room.read(places))

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
        return self._core.get_state(self._room.read(places))

    def set_state(self, value: Any, places: ArrayLike | None = None) -> None:
        """Sets the states of some sequences to what ``get_state`` gave, here or of another ``Streams`` of the model.

        Raises:
            ShapeError, InputError: another form, or a state that the model cannot have.
        """
        at = self._room.read(places)
        self._set_state(value, (len(at),), at)

    def save(self, places: ArrayLike | None = None) -> bytes:
        """The states of some sequences as bytes, see ``states``."""
        return self._save(self._room.read(places))

    def load(self, data: bytes, places: ArrayLike | None = None) -> None:
        """Sets the states of some sequences to those that ``save`` gave. Raises InputError for other bytes."""
        self.set_state(states.loads(self._model.card, data), places)

    def __reduce__(self) -> tuple[Any, ...]:
        options = (self.capacity, self.limit, self._raw, self._check_finite)
        return _restored, (self._model, *options, self.places, self._core.get_state())

    def __repr__(self) -> str:
        return f"Streams({len(self)} of {self.capacity} sequences)"

    def _explained_step(self, x: Any, places: ArrayLike | None, errors: Errors) -> F32:
        """A step of any form of input, or what is wrong with it."""
        self._refused = {}
        at, alone = self._room.read(places), is_place(places)
        logits: F32 | None = None
        if errors in _ERRORS and not alone:  # places in a list are no reason to go slowly
            logits = self._core_step(x, at)
        if logits is None:
            array = inputs.read_array(x)
            chunks = of_array(array, at, self._reader, self._check_finite, alone=alone, step=True)
            logits = self._take(chunks, at, errors)
        return logits

    def _take(self, chunks: Chunks, at: Places, errors: Errors) -> Any:
        """Takes chunks: all or, as ``errors`` says, those that are not refused. Logits as ``Chunks.answer`` gives them."""
        if errors not in _ERRORS:
            raise InputError(f"errors is {ascii(errors)[:40]}; expected 'raise' or 'skip'")
        refused, numbers = chunks.refused, np.arange(len(at))
        self._refused = {int(at[i]): error for i, error in refused.items()}
        if errors == "raise" and refused:
            raise next(iter(refused.values()))
        some = np.delete(numbers, list(refused)) if refused else slice(None)
        logits, found = self._run(
            chunks.values, at[some], chunks.starts[some], chunks.lengths[some], errors == "skip"
        )
        for i, step in found:
            number = numbers[some][i]
            place = int(at[number])
            self._refused[place] = InputError(f"place {place}: {overflow_error(*chunks.raw(number, step))}")
        if errors == "raise" and found:
            raise next(iter(self._refused.values()))
        every_step = self._model.card.output == "all"
        if refused and not every_step:
            read, logits = logits, np.full((len(at), logits.shape[1]), np.nan, np.float32)
            logits[some] = read
        return chunks.answer(logits[0] if every_step else logits, every_step)


def _restored(
    model: Source,
    capacity: int,
    limit: int,
    raw: bool,
    check_finite: bool,
    places: Places,
    state: list[F32 | F64],
) -> Streams:
    streams = Streams(model, capacity, limit, raw, check_finite)
    streams._room = Room(streams._core, limit, places.tolist())
    streams._core.set_state(state)
    return streams
