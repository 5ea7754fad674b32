"""Stateful inference: the same bits as one call of ``infer``, one step or one chunk at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..errors import ShapeError
from . import inputs, states
from .classify import Classification
from .reader import Reader, overflow_error

__all__ = ["Stream"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


class Stream:
    """The state of one sequence, or of ``batch_size`` sequences in parallel. Made by ``Model.stream``.

    Not for several threads at once: each has a Stream of its own, on one shared Model. A step that raises leaves
    the state as it was. Copies (``copy``, ``deepcopy``, ``pickle``) go on from the same state, each for itself.
    """

    __slots__ = ("_batch_size", "_check_finite", "_core", "_core_step", "_model", "_raw", "_reader")

    def __init__(self, model: states.Source, batch_size: int | None, raw: bool, check_finite: bool) -> None:
        states.check_order(model.card, raw)
        if batch_size is not None:
            batch_size = inputs.count(batch_size, "batch_size", states.MAX_COUNT, "None or an integer")
        self._model, self._batch_size = model, batch_size
        self._raw, self._check_finite = raw, check_finite
        self._reader = Reader(model.card, raw)
        self._core = _core.Stream(model.core, batch_size, check_finite, self._reader.features)
        self._core_step = self._core.step  # bound once: a step costs about as much as the calls it makes

    def step(self, x: Any) -> F32:
        """Feed one time step; returns the logits of the sequence so far, for output "last" and "mean" too.

        Args:
            x: (d,) features or one token; with a batch size (B, d) or (B,). Converted as by ``infer``; arrays in C
                order and lists of numbers are the fast ways.

        Returns:
            (o,) or (B, o) float32.

        Raises:
            ShapeError, InputError: as ``Model.infer``; the state is unchanged.
        """
        logits = self._core_step(x)
        return self._explained_step(x) if logits is None else logits

    def run(self, x: ArrayLike) -> F32:
        """Feed a chunk of zero or more time steps; chunks one after another equal one call, to the same bits.

        Args:
            x: (T, d) features or (T,) tokens; with a batch size (B, T, d) or (B, T). T may be 0.

        Returns:
            output "last", "mean": (o,) or (B, o), the logits of the sequence so far; "all": (T, o) or (B, T, o).

        Raises:
            ShapeError, InputError: as ``Model.infer``; the state is unchanged.
        """
        array = inputs.read_array(x)
        batch, inner = self._batch_shape, self._reader.inner
        time = len(batch)
        if (
            array.ndim != time + 1 + len(inner)
            or array.shape[:time] != batch
            or array.shape[time + 1 :] != inner
        ):
            expected = ", ".join(map(str, (*batch, "T", *inner)))
            raise ShapeError(
                f"x has shape {array.shape}; expected ({expected}{',' if ',' not in expected else ''})"
            )
        return self._run(array, array.shape[time])

    def logits(self) -> F32:
        """The logits of the sequence so far, (o,) or (B, o), without another step; before the first one, of h_0 = 0."""
        found = self._core.logits()
        return found[0] if self._batch_size is None else found

    def classify(self, top: int = 1) -> Classification:
        """The ``top`` most probable classes of the sequence so far, without another step, as ``Model.classify``.

        Returns:
            labels and probabilities, (top,) or (B, top).

        Example:
            >>> stream = hadamrnn_ext.load("har6").stream()
            >>> _ = stream.run(window)
            >>> labels, probabilities = stream.classify()
        """
        return self._model.classes.best(self.logits(), top, every_step=False)

    @property
    def state(self) -> F32 | list[F32 | F64]:
        """The hidden state h_t, not rectified: (num_layers, n), or (num_layers, B, n) with a batch size; a copy.

        A list with one array a layer where the layers differ in size. For output "mean" a list too, with one more
        array at the end, (n + 1) float64: the sums and the number of steps, see ``states``. May be set to anything of
        this form.
        """
        parts = [h if self._batch_size is not None else h[0] for h in self._core.get_state()]
        equal = len({(h.shape, h.dtype) for h in parts}) == 1
        return np.stack(parts).astype(np.float32, copy=False) if equal else parts

    @state.setter
    def state(self, value: ArrayLike | list[ArrayLike]) -> None:
        self._core.set_state(states.read(value, self._model.card, self._batch_shape))

    def save(self) -> bytes:
        """The state as bytes, see ``states``; ``load`` of a Stream of the same model and batch size takes them back."""
        return states.dumps(self._model.card, self._core.get_state())

    def load(self, data: bytes) -> None:
        """Goes on from the state that ``save`` gave. Raises ShapeError or InputError for other bytes."""
        layers = states.loads(self._model.card, data)
        batch = self._batch_size or 1
        if len(layers[0]) != batch:
            raise ShapeError(f"a saved state of {len(layers[0])} sequences; expected {batch}")
        self._core.set_state(states.read(layers, self._model.card, (batch,)))

    def reset(self) -> None:
        """Back to h_0 = 0."""
        self._core.reset()

    def __reduce__(self) -> tuple[Any, ...]:
        options = (self._batch_size, self._raw, self._check_finite)
        return _restored, (self._model, *options, self._core.get_state())

    def __repr__(self) -> str:
        parallel = "one sequence" if self._batch_size is None else f"{self._batch_size} sequences"
        card = self._model.card
        return f"Stream({parallel}, {card.input} {card.input_size} -> {card.output_size} logits)"

    @property
    def _batch_shape(self) -> tuple[int, ...]:
        return () if self._batch_size is None else (self._batch_size,)

    def _explained_step(self, x: Any) -> F32:
        """A step of any form of input, or what is wrong with it."""
        array = inputs.read_array(x)
        expected = (*self._batch_shape, *self._reader.inner)
        if array.shape != expected:
            raise ShapeError(f"x has shape {array.shape}; expected {expected}, one time step")
        return self._run(array, None).reshape(*self._batch_shape, -1)

    def _run(self, array: NDArray[Any], steps: int | None) -> F32:
        """Takes steps (*batch, T, ..), or one without the time axis where ``steps`` is None."""
        values = self._reader.read(array, self._check_finite)
        count = 1 if steps is None else steps
        time = (count,) if self._model.card.output == "all" else ()
        result = np.empty((*self._batch_shape, *time, self._model.card.output_size), np.float32)
        batch = self._batch_size or 1
        found = self._core.run(
            values.reshape(batch, count, *self._reader.inner),
            result.reshape(batch, *time, self._model.card.output_size),
        )
        if found:
            sequence, step = found[0]
            index = () if self._batch_size is None else (sequence,)
            raise overflow_error(array, index if steps is None else (*index, step))
        return result


def _restored(
    model: states.Source,
    batch_size: int | None,
    raw: bool,
    check_finite: bool,
    state: list[F32 | F64],
) -> Stream:
    stream = Stream(model, batch_size, raw, check_finite)
    stream._core.set_state(state)
    return stream
