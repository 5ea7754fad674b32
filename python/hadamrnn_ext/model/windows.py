"""Answers for the last steps of a stream that never ends, by a model that does not forget."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, ShapeError
from . import inputs
from .classify import Classification
from .reader import overflow_error
from .sequences import F32, MAX_COUNT, Source
from .streams import Streams

__all__ = ["Windows"]


class Windows:
    """One endless sequence, answered in windows of ``length`` steps that begin ``hop`` steps apart. Made by ``Model.windows``.

    An orthogonal state keeps everything that it has read, so that a stream of such a model is of use for about as many
    steps as the model was trained on. Here a new state starts every ``hop`` steps and is read when it is ``length`` steps
    old, to the same bits as ``infer`` of these steps. ceil(length / hop) states are kept, and a step costs as many steps.

    A call that raises leaves everything as it was. Not for several threads at once. Copies and pickles go on from the same
    states, each for itself.

    Examples:
        >>> windows = hr.load("har6").windows(128, hop=64)
        >>> windows.run(np.zeros((300, 9))).shape  # of steps 0 to 127, 64 to 191 and 128 to 255
        (3, 6)
        >>> windows.step(np.zeros(9)) is None  # no window ends with step 300
        True
        >>> windows.classify(np.zeros((100, 9))).labels.shape
        (2, 1)
    """

    def __init__(self, model: Source, length: int, hop: int, raw: bool, check_finite: bool) -> None:
        self._model = model
        self._length = inputs.count(length, "length", MAX_COUNT)
        self._hop = inputs.count(hop, "hop", self._length)
        count = -(-self._length // self._hop)
        self._streams = Streams(model, count, count, raw, check_finite)
        self._running: list[tuple[int, int]] = []  # the first step and the place of each state, oldest first
        self._steps = 0

    @property
    def steps(self) -> int:
        """The number of steps so far. Window i is steps i * hop to i * hop + length - 1."""
        return self._steps

    def step(self, x: Any) -> F32 | None:
        """Feed one time step, (d,) features or one token; the logits (o,) of the window that ends with it, or None.

        Raises:
            ShapeError, InputError: as ``Model.infer``.
        """
        array, inner = inputs.read_array(x), self._streams._reader.inner
        if array.shape != inner:
            raise ShapeError(f"x has shape {array.shape}; expected {inner}, one time step")
        found = self._take(array[None], array)
        return found[0] if len(found) else None

    def run(self, x: ArrayLike) -> F32:
        """Feed a chunk of time steps, (T, d) features or (T,) tokens; the logits (k, o) of the k windows that end in it.

        Raises:
            ShapeError, InputError: as ``Model.infer``.
        """
        array, inner = inputs.read_array(x), self._streams._reader.inner
        if not array.ndim or array.shape[1:] != inner:
            expected = f"(T, {inner[0]})" if inner else "(T,)"
            raise ShapeError(f"x has shape {array.shape}; expected {expected}, time steps")
        return self._take(array, array)

    def classify(self, x: ArrayLike, top: int = 1) -> Classification:
        """Feed a chunk as ``run`` does; the ``top`` most probable classes of each window that ends in it, (k, top)."""
        return self._model.classes.best(self.run(x), top, every_step=False)

    def _take(self, steps: NDArray[Any], x: NDArray[Any]) -> F32:
        """The logits of the windows that end in these steps, which are x, or x with an axis of time; errors name places in x."""
        before = copy.copy(self) if len(steps) > 1 else None  # one step is taken or refused as a whole
        found, rest = [], steps
        try:
            while len(rest):
                try:
                    count, logits = self._advance(rest)
                except InputError as error:
                    raise self._explained(error, rest, x) from None
                found += [] if logits is None else [logits]
                rest = rest[count:]
        except BaseException:
            vars(self).update(vars(before or self))
            raise
        return np.stack(found) if found else np.empty((0, self._model.card.output_size), np.float32)

    def _explained(self, error: InputError, rest: NDArray[Any], x: NDArray[Any]) -> InputError:
        """The same error with the place in x of what was met, where the first of the `rest` of its steps were refused."""
        try:
            self._streams._reader.read(x, self._streams._check_finite)
        except InputError as refused:
            return refused
        for i in range(
            len(rest)
        ):  # all numbers are good: the network leaves the finite ones at one of these steps
            try:
                self._advance(rest[i : i + 1])
            except InputError:
                alone = x.ndim < rest.ndim
                return overflow_error(x, () if alone else (len(x) - len(rest) + i,))
        return error

    def _advance(self, x: NDArray[Any]) -> tuple[int, F32 | None]:
        """Takes steps up to where a window begins or ends next; how many, and the logits of the one that ended."""
        begins = self._steps % self._hop == 0
        if begins:
            self._running.append((self._steps, self._streams.join()))
        end = self._running[0][0] + self._length
        count = min(len(x), self._hop - self._steps % self._hop, end - self._steps)
        places = np.array([place for _, place in self._running])
        try:
            if count == 1:
                logits = self._streams.step(np.repeat(x[:1], len(places), 0), places)
            else:
                chunk = np.broadcast_to(x[:count], (len(places), count, *x.shape[1:]))
                logits = np.asarray(self._streams.run(chunk, places))
        except BaseException:
            if begins:
                self._streams.leave(self._running.pop()[1])
            raise
        self._steps += count
        if self._steps < end:
            return count, None
        self._streams.leave(self._running.pop(0)[1])
        return count, logits[0] if logits.ndim == 2 else logits[0, -1]

    def __copy__(self) -> Windows:
        other = object.__new__(Windows)
        vars(other).update(vars(self), _streams=copy.copy(self._streams), _running=list(self._running))
        return other

    def __repr__(self) -> str:
        return f"Windows({self._length} steps every {self._hop}, after {self._steps} steps)"
