"""Stateful inference: the same bits as one call of ``infer``, one step or one chunk at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core, inputs, states
from .card import Card
from .errors import InputError, ShapeError

__all__ = ["Stream"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


class Stream:
    """The state of one sequence, or of ``batch_size`` sequences in parallel. Made by ``Model.stream``.

    Not for several threads at once: each has a Stream of its own, on one shared Model. A step that raises leaves
    the state as it was.
    """

    __slots__ = (
        "_batch_size",
        "_card",
        "_check_finite",
        "_core",
        "_core_step",
        "_fast_step",
        "_raw",
        "_step_shape",
    )

    def __init__(
        self, card: Card, core: _core.Model, batch_size: int | None, raw: bool, check_finite: bool
    ) -> None:
        states.check_order(card, raw)
        self._card = card
        self._batch_size = (
            None
            if batch_size is None
            else inputs.count(batch_size, "batch_size", states.MAX_COUNT, "None or an integer")
        )
        self._raw = raw
        self._check_finite = check_finite
        self._core = _core.Stream(core, self._batch_size, check_finite)
        self._core_step = self._core.step  # bound once: a step costs about as much as the calls it makes
        converts = card.preprocess.normalization is not None and not raw
        self._fast_step = self._core_step if not converts else lambda _: None
        self._step_shape = (*self._batch_shape, *self._inner_shape)

    def step(self, x: Any) -> F32:
        """Feed one time step; returns the logits of the sequence so far, for output "last" and "mean" too.

        Args:
            x: (d,) features or one token; with a batch size (B, d) or (B,). Converted as by ``infer``; float32
                in C order is the fast way.

        Returns:
            (o,) or (B, o) float32.

        Raises:
            ShapeError, InputError: as ``Model.infer``; the state is unchanged.
        """
        logits = self._fast_step(x)
        return self._converted_step(x) if logits is None else logits

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
        leading = 1 if self._batch_size is None else 2
        inner = self._inner_shape
        if (
            array.ndim != leading + len(inner)
            or array.shape[leading:] != inner
            or not self._fits(array.shape)
        ):
            expected = ", ".join(map(str, (*self._batch_shape, "T", *inner)))
            raise ShapeError(
                f"x has shape {array.shape}; expected ({expected}{',' if ',' not in expected else ''})"
            )
        values = self._values(array)
        steps = array.shape[leading - 1]
        time = (steps,) if self._card.output == "all" else ()
        result = np.empty((*self._batch_shape, *time, self._card.output_size), np.float32)
        if self._batch_size is None:
            self._core.run(values[None], result[None])
        else:
            self._core.run(values, result)
        return result

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
        self._core.set_state(states.read(value, self._card, self._batch_shape))

    def save(self) -> bytes:
        """The state as bytes, see ``states``; ``load`` of a Stream of the same model and batch size takes them back."""
        return states.dumps(self._card, self._core.get_state())

    def load(self, data: bytes) -> None:
        """Goes on from the state that ``save`` gave. Raises ShapeError or InputError for other bytes."""
        layers = states.loads(self._card, data)
        batch = self._batch_size or 1
        if len(layers[0]) != batch:
            raise ShapeError(f"a saved state of {len(layers[0])} sequences; expected {batch}")
        self._core.set_state(states.read(layers, self._card, (batch,)))

    def reset(self) -> None:
        """Back to h_0 = 0."""
        self._core.reset()

    def __repr__(self) -> str:
        parallel = "one sequence" if self._batch_size is None else f"{self._batch_size} sequences"
        return f"Stream({parallel}, {self._card.input} {self._card.input_size} -> {self._card.output_size} logits)"

    @property
    def _batch_shape(self) -> tuple[int, ...]:
        return () if self._batch_size is None else (self._batch_size,)

    @property
    def _inner_shape(self) -> tuple[int, ...]:
        return (self._card.input_size,) if self._card.input == "features" else ()

    def _fits(self, shape: tuple[int, ...]) -> bool:
        return self._batch_size is None or shape[0] == self._batch_size

    def _values(self, array: NDArray[Any]) -> NDArray[Any]:
        if self._card.input == "tokens":
            return inputs.tokens(array, self._card)
        return inputs.features(array, self._card, self._check_finite, self._raw)

    def _converted_step(self, x: Any) -> F32:
        array = inputs.read_array(x)
        if array.shape != self._step_shape:
            raise ShapeError(f"x has shape {array.shape}; expected {self._step_shape}, one time step")
        values = self._values(array)
        logits = self._core_step(values if values.ndim else int(values))
        if logits is None:
            raise InputError("x is not finite in float32 after normalization")
        return logits
