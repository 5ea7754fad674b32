"""The proof that no sum of an integer model that forgets overflows, and when a whole step fits lanes of 16 bits.

The names are those of golden/forgetting.py. It holds whatever the input, so kernels need no checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import hadamard
from ..errors import ModelFormatError
from ..file.card import Card
from ..file.tensors import codes_name

__all__ = ["BlockStep", "bias", "block_step", "check", "problem", "short"]

Array = NDArray[Any]
INT16, INT32 = 1 << 15, 1 << 31
#: Blocks of fewer units are not worth lanes of 16 bits, which take rows that are multiples of ``SHORT_ROW``.
SHORT_BLOCK, SHORT_ROW = 8, 32


@dataclass(frozen=True)
class BlockStep:
    """What a step computes with.

    ``multiplier``: the largest M_h. ``weight``: the largest magnitude of a code times M_x, 0 for tokens. ``sums``: (n,)
    the largest magnitudes of what is shifted by ``shifts`` (n,), r. ``bounds``: (n,) C, or None.
    """

    hidden_size: int
    block_size: int
    state_bits: int
    fraction_bits: int
    product_shift: int
    multiplier: int
    weight: int
    sums: Array
    shifts: Array
    bounds: Array | None

    @property
    def acc(self) -> int:
        """The largest magnitude of H z."""
        return self.block_size * ((1 << self.state_bits - 1) - 1)

    @property
    def product(self) -> int:
        """The largest magnitude of u acc M_h / 2^g, rounded down."""
        return (self.acc * self.multiplier >> self.product_shift) + 1

    @property
    def inputs(self) -> int:
        """The largest magnitude of v + half(f)."""
        v = (self.sums >> self.shifts) + 1
        if self.bounds is not None:
            v = np.minimum(v, self.bounds)
        return int(v.max()) + (1 << self.fraction_bits >> 1)


def problem(step: BlockStep) -> str | None:
    """Why the layer could overflow, or None."""
    if not _factors(step, 32):
        return "the transform of the states times their multiplier takes more than the upper half of 64 bits"
    if step.weight >= INT16:
        return "a code of the input times its multiplier takes more than 16 bits"
    if int(step.sums.max(initial=0)) >= INT32:
        return "the sum of weights times inputs takes more than 32 bits"
    if step.product + step.inputs >= INT32:
        return "the state before saturation takes more than 32 bits"
    return None


def short(step: BlockStep) -> bool:
    """Whether a step of a layer without ``problem`` is exact in lanes of 16 bits.

    The sum of product and input may saturate at 16 bits: what is beyond saturates after the shift as well.
    """
    base, _ = hadamard.factor(step.block_size)
    return (
        base == 1
        and step.block_size >= SHORT_BLOCK
        and step.hidden_size % SHORT_ROW == 0
        and _factors(step, 16)
        and max(step.product, step.inputs) < INT16
        and step.fraction_bits + step.state_bits <= 16
    )


def _factors(step: BlockStep, bits: int) -> bool:
    """Whether acc 2^a and M_h 2^b fit ``bits`` bits for some a + b = bits - g, so that g is the upper half of a product."""
    room = sum(bits - 1 - value.bit_length() for value in (step.acc, step.multiplier))
    fits = max(step.acc, step.multiplier) < 1 << bits - 1
    return fits and 0 <= bits - step.product_shift <= room


def check(card: Card, parameters: Mapping[str, Array]) -> None:
    """Raises ModelFormatError where a sum of this model could overflow, or a constant is out of range."""
    for name in ("multiplier", "input_multiplier", "input_bound"):
        value = parameters.get(f"layers.0.{name}")
        if value is not None and (value < 0).any():
            raise ModelFormatError(f"tensor 'layers.0.{name}' is {value.min()}; expected no negative number")
    if (shift := int(parameters["layers.0.input_shift"].max())) > 30:
        raise ModelFormatError(f"tensor 'layers.0.input_shift' is {shift}; expected 0 .. 30")
    scale = parameters["layers.0.state_scale"]
    if (scale < np.finfo(np.float32).tiny).any():  # it divides
        raise ModelFormatError(
            f"tensor 'layers.0.state_scale' is {scale.min()}; expected a number in the range of float32"
        )
    if found := problem(block_step(card, parameters)):
        raise ModelFormatError(f"layer 0 may overflow: {found}")


def block_step(card: Card, parameters: Mapping[str, Array]) -> BlockStep:
    """What a step of this model computes with."""
    integer, layer = card.integer, card.layers[0]
    assert integer is not None
    assert integer.blocks is not None
    m = layer.block_size
    wide = {name: value.astype(np.int64) for name, value in parameters.items() if value.dtype.kind in "iu"}
    codes = np.abs(wide[codes_name(card)])
    shifts = np.repeat(wide["layers.0.input_shift"], m)
    weight = 0
    if card.input == "tokens":
        sums = (codes * np.abs(wide["table.multiplier"])[:, None]).max(axis=0)
    else:
        multiplier = np.repeat(wide["layers.0.input_multiplier"], m)
        weight = int((codes.max(axis=1) * multiplier).max())
        largest = np.full(card.input_width, integer.largest_input)
        largest[card.input_size :] *= 2  # of differences
        sums = codes @ largest * multiplier + np.abs(bias(card, parameters))
    bound = wide.get("layers.0.input_bound")
    return BlockStep(
        hidden_size=layer.hidden_size,
        block_size=m,
        state_bits=integer.blocks.state_bits,
        fraction_bits=integer.blocks.fraction_bits,
        product_shift=integer.blocks.product_shift,
        multiplier=int(wide["layers.0.multiplier"].max()),
        weight=weight,
        sums=sums + (1 << shifts >> 1),
        shifts=shifts,
        bounds=None if bound is None else np.repeat(bound, m),
    )


def bias(card: Card, parameters: Mapping[str, Array]) -> NDArray[np.int64]:
    """beta of each unit, (n,): as it is stored, or codes times the multiplier of their block; 0 for tokens."""
    if card.input == "tokens":
        return np.zeros(card.layers[0].hidden_size, np.int64)
    beta = parameters["layers.0.bias"].astype(np.int64)
    if card.bias_bits is None:
        return beta
    return beta * np.repeat(
        parameters["layers.0.bias_multiplier"].astype(np.int64), card.layers[0].block_size
    )
