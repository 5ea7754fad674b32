"""Many sequences that come and go and step whenever their data arrives; one state has a place for each of them."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError, ShapeError
from . import inputs, outlive, states
from .chunks import Chunks, Refused, of_array, of_list
from .classify import Classification
from .places import Places, Room, is_place
from .reader import overflow_error
from .sequences import F32, F64, MAX_COUNT, Sequences, Source

__all__ = ["Streams"]

Errors = Literal["raise", "skip"]
_ERRORS = ("raise", "skip")


class Streams(Sequences):
    """Sequences of one model, each at a place: a number that ``join`` gives and ``leave`` takes back.

    Made by ``Model.streams``. When a sequence comes or goes, the states of the others do not move, and the cost of a step
    depends only on the sequences that take it. There is room for ``capacity`` sequences; the capacity doubles when more
    join, up to ``limit``. The states take 8 n bytes per layer and place, and output "mean" takes 8 n bytes more, or 16 n in
    an integer model.

    A bad value affects only its own sequence. ``refused`` names the places whose data the last ``step`` or ``run`` refused.
    With ``errors="raise"`` such a call raises, and all states stay unchanged. With ``errors="skip"`` the other sequences take
    their steps, while the refused ones keep their states and get NaN as logits.

    Like a ``Stream``, it warns once of a sequence that has outlived the training of a model that does not forget, and must not
    be used by several threads at once. Copies (``copy``, ``deepcopy``, ``pickle``) start from the same states and are
    independent.

    Examples:
        >>> windows, _ = hr.zoo.samples("har6")
        >>> streams = hr.load("har6").streams()
        >>> a, b = streams.join(), streams.join()
        >>> logits = streams.step(windows[:2, 0], [a, b])  # one step of each
        >>> logits = streams.run(windows[:2, 1:], [a, b])  # the other 127 steps
        >>> streams.classify([a, b]).labels[:, 0].tolist()
        ['walking', 'sitting']
        >>> c = streams.join()
        >>> streams.set_state(streams.get_state([a]), [c])  # c goes on from where a is,
        >>> streams.load(streams.save([a]), [c])  # and so it does from bytes
        >>> np.array_equal(streams.logits([a]), streams.logits([c]))
        True
        >>> streams.leave(b)
        >>> streams.places.tolist()
        [0, 2]
    """

    __slots__ = ("_ages", "_refused", "_room")

    def __init__(
        self, model: Source, capacity: int, limit: int | None, raw: bool, check_finite: bool
    ) -> None:
        most = MAX_COUNT if limit is None else inputs.count(limit, "limit", MAX_COUNT, "None or an integer")
        super().__init__(model, inputs.count(capacity, "capacity", most), raw, check_finite)
        self._room = Room(self._core, most)
        self._refused: Refused = {}
        self._ages = np.zeros(self._core.capacity, np.int64)  # steps of the sequence at each place

    @property
    def capacity(self) -> int:
        """How many sequences there is room for; it doubles when more join."""
        return self._core.capacity

    @property
    def limit(self) -> int:
        """The largest number of sequences at once."""
        return self._room.limit

    @property
    def places(self) -> Places:
        """The places of all current sequences in ascending order."""
        return self._core.places

    @property
    def refused(self) -> Mapping[int, InputError | ShapeError]:
        """Why the last ``step`` or ``run`` refused the data of some places, by place; empty when it refused none."""
        return MappingProxyType(self._refused)

    def __len__(self) -> int:
        return len(self._room)

    def join(self) -> int:
        """Adds a sequence at h_0 = 0 and returns its place. Raises InputError if ``limit`` sequences are present."""
        place = self._room.join()
        if place >= len(self._ages):
            self._ages = np.concatenate(
                [self._ages, np.zeros(self._core.capacity - len(self._ages), np.int64)]
            )
        self._ages[place] = 0
        return place

    def leave(self, place: int) -> None:
        """Ends the sequence at this place, which becomes free for another. Raises InputError if there is no sequence."""
        self._room.leave(int(self._room.read(operator.index(place))[0]))

    def step(self, x: Any, places: ArrayLike | None = None, *, errors: Errors = "raise") -> F32:
        """Feed one time step to some sequences and return their logits so far, (k, o), also for output "last" and "mean".

        Args:
            x: (k, d) features or (k,) tokens, one row per sequence. If ``places`` is a single int, x may also be (d,) or one
                token, and the result is (o,). An array of numbers in C order is fastest.
            places: (k,) places of these sequences in any order, each given once; an int64 array is fastest. None stands for
                all places in ascending order.
            errors: "raise" or "skip", see ``Streams``.

        Raises:
            ShapeError, InputError: as for ``Model.infer``, and for a place that has no sequence or is given twice.
        """
        logits = self._core_step(x, places) if errors in _ERRORS else None
        if logits is None:
            logits = self._explained_step(x, places, errors)
        else:
            self._refused = {}
        if self._most is not None:
            self._grow_older(self.places if places is None else places, 1)
        return logits

    def run(
        self, x: ArrayLike, places: ArrayLike | None = None, *, errors: Errors = "raise"
    ) -> F32 | list[F32]:
        """Feed some time steps to some sequences; consecutive chunks give the same bits as one call.

        Args:
            x: (k, T, d) features or (k, T) tokens, T >= 0 steps each; or a list or tuple of k chunks (T_i, d) or (T_i,) of
                different lengths. If ``places`` is a single int, x may also be one chunk (T, d) or (T,).
            places: as for ``step``.
            errors: "raise" or "skip", see ``Streams``.

        Returns:
            for output "last" and "mean" the logits of each sequence so far, (k, o); for "all" (k, T, o), or a list of
            (T_i, o) for a list of chunks. For a single chunk (o,) or (T, o).

        Raises:
            ShapeError, InputError: as for ``step``.
        """
        self._refused = {}
        at, alone = self._room.read(places), is_place(places)
        if isinstance(x, (list, tuple)) and not alone:
            chunks = of_list(x, at, self._reader, self._check_finite)
        else:
            array = inputs.read_array(x)
            chunks = of_array(array, at, self._reader, self._check_finite, alone=alone, step=False)
        logits: F32 | list[F32] = self._take(chunks, at, errors)
        if self._most is not None:
            self._grow_older(at, chunks.lengths)
        return logits

    def logits(self, places: ArrayLike | None = None) -> F32:
        """The logits of some sequences so far, (k, o), without another step; before the first step those of h_0 = 0.

        Raises InputError for bad places, as ``step`` does.
        """
        return self._core.logits(self._room.read(places))

    def classify(self, places: ArrayLike | None = None, top: int = 1) -> Classification:
        """The ``top`` most probable classes of some sequences so far, without another step; see ``Model.classify``.

        Returns:
            labels and probabilities, (k, top).

        Raises:
            InputError: bad places, as for ``step``, or ``top`` is not from 1 to the number of classes.
        """
        return self._model.classes.best(self.logits(places), top, every_step=False)

    def get_state(self, places: ArrayLike | None = None) -> list[F32 | F64]:
        """Copies of the states h of some sequences before relu, (k, n) for each layer.

        With output "mean", a pool or differences, further float64 arrays follow; ``states`` describes them.
        """
        return self._core.get_state(self._room.read(places))

    def set_state(self, value: Any, places: ArrayLike | None = None) -> None:
        """Sets the states of some sequences to what ``get_state`` returned, here or in another ``Streams`` of the model.

        Raises:
            ShapeError, InputError: the value has another form, or the model cannot have such a state.
        """
        at = self._room.read(places)
        self._set_state(value, (len(at),), at)

    def save(self, places: ArrayLike | None = None) -> bytes:
        """The states of some sequences as bytes; see ``states``."""
        return self._save(self._room.read(places))

    def load(self, data: bytes, places: ArrayLike | None = None) -> None:
        """Sets the states of some sequences to those that ``save`` returned. Raises InputError for other bytes."""
        self.set_state(states.loads(self._model.card, data), places)

    def __reduce__(self) -> tuple[Any, ...]:
        options = (self.capacity, self.limit, self._raw, self._check_finite)
        return _restored, (self._model, *options, self.places, self._core.get_state())

    def __repr__(self) -> str:
        return f"Streams({len(self)} of {self.capacity} sequences)"

    def _grow_older(self, at: Any, steps: int | Places) -> None:
        """Counts steps of the sequences at these places, and warns once if one has far more than the model was trained on."""
        self._ages[at] += steps
        if self._most is not None and np.max(self._ages[at], initial=0) > self._most:
            self._most = None
            outlive.warn(self._model.card, stacklevel=3)

    def _explained_step(self, x: Any, places: ArrayLike | None, errors: Errors) -> F32:
        """Takes a step with any form of input, or raises an error that explains what is wrong with it."""
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
        """Takes all chunks or, with errors="skip", those that are not refused. Returns logits as ``Chunks.answer`` does."""
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
