"""A linear recurrence as a single matrix, so that one product processes a whole sequence.

Without an activation inside the loop, the last state is linear in the input,

    h_T = sum_t W^(T-t) (U x_t + b) = K x + k,      K = [W^(T-1) U, .., W U, U],   k = sum_t W^(T-t) b

so K (T d columns) is built once, and a batch of sequences is one matrix product. This takes T d n multiplications per
sequence, while the recurrence takes T n log2 m additions. It pays off for few inputs per step and many sequences at once,
since a matrix product runs at the full speed of the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core, hadamard
from ..errors import InputError, KernelError, ShapeError
from ..file.card import Card
from . import inputs
from .reader import Reader

__all__ = ["Unrolled"]

F32 = NDArray[np.float32]
MAX_ELEMENTS = 1 << 28  # of K: one gibibyte


class Unrolled:
    """A model for sequences of exactly T steps, as one matrix product. ``Model.unroll`` makes it; it is immutable.

    NumPy computes the product, with the threads of its BLAS. The results are those of ``Model.infer`` up to rounding, and
    their last bits depend on the machine.

    Examples:
        >>> images, digits = hr.zoo.samples("smnist")
        >>> unrolled = hr.load("smnist").unroll(784)
        >>> unrolled.infer(images.reshape(3, 784, 1)).argmax(axis=1).tolist(), digits.tolist()
        ([7, 2, 1], [7, 2, 1])
    """

    __slots__ = ("_bias", "_card", "_constant", "_matrix", "_reader", "_readout", "_steps")

    def __init__(self, card: Card, parameters: Mapping[str, NDArray[Any]], steps: int) -> None:
        _check(card)
        self._card = card
        self._reader = Reader(card)
        self._steps = _step_count(steps, card)
        self._matrix, self._constant = _krylov(card, parameters, self._steps)
        self._readout = np.ascontiguousarray(parameters["output.weight"].T)
        self._bias: F32 = parameters["output.bias"]

    @property
    def steps(self) -> int:
        """T, the length of every sequence."""
        return self._steps

    @property
    def nbytes(self) -> int:
        """The bytes of the matrices: 4 (T d + 1) n for K and k, and the readout."""
        return sum(array.nbytes for array in (self._matrix, self._constant, self._readout, self._bias))

    def infer(
        self,
        x: ArrayLike,
        lengths: ArrayLike | None = None,
        check_finite: bool = True,
        out: F32 | None = None,
    ) -> F32:
        """The logits of raw input, equal to those of ``Model.infer`` up to rounding.

        Args:
            x: (T, d) or (B, T, d) of exactly T steps; preprocessed as the card says.
            lengths: must be None, since every sequence has T steps.
            check_finite, out: as in ``Model.infer``.

        Returns:
            (o,) or (B, o) float32.

        Raises:
            ShapeError, InputError: as in ``Model.infer``; also for another number of steps, or if lengths are given.
        """
        if lengths is not None:
            raise InputError(
                f"lengths is given; expected None, since an unrolled model reads exactly {self._steps} steps: "
                "Model.infer takes lengths"
            )
        raw = inputs.read_array(x)
        d = self._card.input_size
        if raw.ndim not in (2, 3) or raw.shape[-2:] != (self._steps, d):
            raise ShapeError(
                f"x has shape {raw.shape}; expected ({self._steps}, {d}) or (B, {self._steps}, {d}): this model is "
                f"unrolled for {self._steps} steps, Model.infer takes any number"
            )
        values = self._reader.read(raw, check_finite)
        batch = () if raw.ndim == 2 else raw.shape[:1]
        result = inputs.output(out, (*batch, self._card.output_size), raw)
        with np.errstate(over="ignore", invalid="ignore"):
            h = values.reshape(*batch, self._steps * d) @ self._matrix
            h += self._constant
            np.maximum(h, 0, out=h)
            np.matmul(h, self._readout, out=result)
            result += self._bias
        if check_finite and not (finite := np.isfinite(result).all(axis=-1)).all():
            of = f" of sequence {np.argmin(finite)}" if batch else ""
            raise InputError(
                f"the last state{of} is not finite: x is too large for sums in float32 "
                "(check_finite=False skips this check)"
            )
        return result

    def __repr__(self) -> str:
        card = self._card
        return (
            f"Unrolled({self._steps} steps x {card.input_size} features -> {card.layers[0].hidden_size} units -> "
            f"{card.output_size} logits, {self.nbytes:,} bytes)"
        )


def _check(card: Card) -> None:
    """Refuse a model whose last state is not linear in the sequence, or which reads something else than that state."""
    recurrence = card.layers[0].recurrence
    if card.integer is not None:
        why = "this one's state is an integer, rounded at every step"
    elif card.bidirectional:
        why = "this one reads in both directions"
    elif card.input_activation or card.differences or card.pool:
        why = "this one has an input activation, differences or a pool"
    elif len(card.layers) > 1:
        why = f"this one has {len(card.layers)} layers with a ReLU between them"
    elif recurrence != "linear":
        why = f"this one's recurrence is {recurrence!r}"
    elif card.output == "mean":
        why = "this one reads the mean of all its states, each rectified"
    elif card.output == "all":
        why = "this one has outputs at every step, each of which would need a matrix"
    elif card.input == "tokens":
        why = "this one reads tokens, which it looks up in a table without any product"
    else:
        return
    raise KernelError(
        f"unroll takes a linear recurrence of one layer over features with output 'last', and {why}: use Model.infer"
    )


def _step_count(value: object, card: Card) -> int:
    steps = inputs.count(value, "the number of steps", None, "a positive integer")
    permutation = card.preprocess.permutation
    if permutation is not None and steps != permutation.size:
        raise ShapeError(
            f"the number of steps is {steps}; expected {permutation.size}, which this model reads in an order of its own"
        )
    elements = steps * card.input_size * card.layers[0].hidden_size
    if elements > MAX_ELEMENTS:
        raise InputError(
            f"unrolling {steps} steps takes {4 * elements:,} bytes; expected at most {4 * MAX_ELEMENTS:,}: "
            "Model.infer takes any number of steps"
        )
    return steps


def _krylov(card: Card, parameters: Mapping[str, NDArray[Any]], steps: int) -> tuple[F32, F32]:
    """K as (T d, n), whose row t d + j is for input j of step t in the caller's order, and k as (n,)."""
    layer, d = card.layers[0], card.input_size
    n, m = layer.hidden_size, layer.block_size
    columns = np.vstack([parameters["input.weight"].T, parameters["layers.0.bias"]])
    powers = np.empty((d + 1, steps, n), np.float32)  # [j, t]: W^t times column j
    core = hadamard.core_matrix(hadamard.factor(m)[0])
    recurrence = _core.Recurrence(hidden_size=n, block_size=m, core=core, recurrence="linear")
    signs = parameters["layers.0.signs"].astype(np.float32)
    recurrence.powers(signs, np.ascontiguousarray(columns, np.float32), powers, inputs.threads(None, d + 1))
    matrix = np.empty((steps, d, n), np.float32)
    permutation = card.preprocess.permutation
    order = slice(None) if permutation is None else permutation.indices()
    matrix[order] = powers[:d, ::-1].transpose(1, 0, 2)  # so that the input need not be permuted
    return matrix.reshape(steps * d, n), powers[d].sum(axis=0, dtype=np.float64).astype(np.float32)
