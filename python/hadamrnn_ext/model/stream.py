"""Stateful inference, one step or one chunk at a time, with the same bits as a single call of ``infer``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ShapeError
from . import inputs, outlive, states
from .classify import Classification
from .reader import overflow_error
from .sequences import F32, F64, MAX_COUNT, Sequences, Source

__all__ = ["Stream"]


class Stream(Sequences):
    """The state of one sequence, or of ``batch_size`` sequences in parallel. Made by ``Model.stream``.

    A Stream must not be used by several threads at once; give each thread its own Stream of a shared Model. A step that raises
    leaves the state unchanged. Where a model does not forget, a UserWarning says once that the sequence has become far longer
    than those that the model was trained on. Copies (``copy``, ``deepcopy``, ``pickle``) start from the same state and are independent.

    Examples:
        >>> model = hr.load("har6")
        >>> window = hr.zoo.samples("har6")[0][0]  # (128, 9)
        >>> stream = model.stream()
        >>> for step in window:
        ...     logits = stream.step(step)
        >>> np.array_equal(logits, model.infer(window)), np.array_equal(logits, stream.logits())
        (True, True)
        >>> stream.classify().labels.tolist()
        ['walking']
        >>> saved = stream.save()
        >>> stream.reset()
        >>> stream.load(saved)  # where it was before
        >>> np.array_equal(stream.run(window[:0]), logits)
        True
    """

    __slots__ = ("_age", "_batch")

    def __init__(self, model: Source, batch_size: int | None, raw: bool, check_finite: bool) -> None:
        if batch_size is not None:
            batch_size = inputs.count(batch_size, "batch_size", MAX_COUNT, "None or an integer")
        super().__init__(model, batch_size, raw, check_finite)
        self._batch = () if batch_size is None else (batch_size,)
        self._age = 0

    def step(self, x: Any) -> F32:
        """Feed one time step and return the logits of the sequence so far, also for output "last" and "mean".

        Args:
            x: (d,) features or one token; with a batch size (B, d) or (B,). It is converted as by ``infer``; arrays in C
                order and lists of numbers are fastest.

        Returns:
            (o,) or (B, o) float32.

        Raises:
            ShapeError, InputError: as ``Model.infer``; the state is unchanged.
        """
        logits = self._core_step(x)
        if logits is None:
            logits = self._explained_step(x)
        if self._most is not None:
            self._grow_older(1)
        return logits

    def run(self, x: ArrayLike) -> F32:
        """Feed a chunk of zero or more time steps; consecutive chunks give the same bits as one call.

        Args:
            x: (T, d) features or (T,) tokens; with a batch size (B, T, d) or (B, T). T may be 0.

        Returns:
            for output "last" and "mean" the logits of the sequence so far, (o,) or (B, o); for "all" (T, o) or (B, T, o).

        Raises:
            ShapeError, InputError: as ``Model.infer``; the state is unchanged.
        """
        array = inputs.read_array(x)
        time, inner = len(self._batch), self._reader.inner
        if array.ndim <= time or array.shape != (*self._batch, array.shape[time], *inner):
            expected = ", ".join(map(str, (*self._batch, "T", *inner)))
            raise ShapeError(
                f"x has shape {array.shape}; expected ({expected}{',' if ',' not in expected else ''})"
            )
        logits = self._take(array, array.shape[time])
        if self._most is not None:
            self._grow_older(array.shape[time])
        return logits

    def logits(self) -> F32:
        """The logits of the sequence so far, (o,) or (B, o), without another step; before the first step those of h_0 = 0."""
        found = self._core.logits()
        return found if self._batch else found[0]

    def classify(self, top: int = 1) -> Classification:
        """The ``top`` most probable classes of the sequence so far, without another step; see ``Model.classify``.

        Returns:
            labels and probabilities, (top,) or (B, top).

        Examples:
            >>> stream = hr.load("har6").stream()
            >>> logits = stream.run(hr.zoo.samples("har6")[0][0])
            >>> stream.classify(top=2).labels.tolist()
            ['walking', 'walking upstairs']
        """
        return self._model.classes.best(self.logits(), top, every_step=False)

    @property
    def state(self) -> F32 | list[F32 | F64]:
        """A copy of the hidden state h_t before relu: (num_layers, n), or (num_layers, B, n) with a batch size.

        If the layers differ in size, it is a list with one array per layer. With output "mean", a pool or differences it is
        a list as well, with further float64 arrays at the end; ``states`` describes them. The state may be set to
        anything of the same form.
        """
        parts = [h if self._batch else h[0] for h in self._core.get_state()]
        equal = len({(h.shape, h.dtype) for h in parts}) == 1
        return np.stack(parts).astype(np.float32, copy=False) if equal else parts

    @state.setter
    def state(self, value: ArrayLike | list[ArrayLike]) -> None:
        self._set_state(value, self._batch)

    def save(self) -> bytes:
        """The state as bytes (see ``states``), which ``load`` of a Stream with the same model and batch size accepts."""
        return self._save()

    def load(self, data: bytes) -> None:
        """Restores the state that ``save`` returned. Raises ShapeError or InputError for other bytes."""
        state = states.loads(self._model.card, data)
        if len(state[0]) != self._core.capacity:
            raise ShapeError(f"a saved state of {len(state[0])} sequences; expected {self._core.capacity}")
        self._set_state(state, (len(state[0]),))

    def reset(self) -> None:
        """Resets the state to h_0 = 0."""
        self._core.reset()
        self._age = 0

    def __reduce__(self) -> tuple[Any, ...]:
        batch_size = self._batch[0] if self._batch else None
        return _restored, (self._model, batch_size, self._raw, self._check_finite, self._core.get_state())

    def __repr__(self) -> str:
        parallel = f"{self._batch[0]} sequences" if self._batch else "one sequence"
        card = self._model.card
        return f"Stream({parallel}, {card.input} {card.input_size} -> {card.output_size} logits)"

    def _grow_older(self, steps: int) -> None:
        """Counts steps, and warns once if they are far more than the model was trained on."""
        self._age += steps
        if self._most is not None and self._age > self._most:
            self._most = None
            outlive.warn(self._model.card, stacklevel=3)

    def _explained_step(self, x: Any) -> F32:
        """Takes a step with any form of input, or raises an error that explains what is wrong with it."""
        array = inputs.read_array(x)
        expected = (*self._batch, *self._reader.inner)
        if array.shape != expected:
            raise ShapeError(f"x has shape {array.shape}; expected {expected}, one time step")
        return self._take(array, None).reshape(*self._batch, -1)

    def _take(self, array: NDArray[Any], steps: int | None) -> F32:
        """Takes steps (*batch, T, ..), or a single step without a time axis if ``steps`` is None."""
        values = self._reader.read(array, self._check_finite)
        count = 1 if steps is None else steps
        logits, found = self._run(values.reshape(self._core.capacity, count, *self._reader.inner))
        if found:
            sequence, step = found[0]
            index = (sequence,) if self._batch else ()
            raise overflow_error(array, index if steps is None else (*index, step))
        return logits if self._batch else logits[0]


def _restored(
    model: Source, batch_size: int | None, raw: bool, check_finite: bool, state: list[F32 | F64]
) -> Stream:
    stream = Stream(model, batch_size, raw, check_finite)
    stream._core.set_state(state)
    return stream
