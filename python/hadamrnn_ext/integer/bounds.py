"""The proof that no sum of an integer model overflows, from its constants and weights alone.

Products H z and U q, and states after rounding, stay within 32 bits; everything else within 64, and within 32 where
``narrow`` says so. It holds whatever the input, so kernels need no checks, and the width of their lanes cannot be seen in
the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Step", "largest_state", "layer_problem", "narrow", "readout_problem"]

Array = NDArray[Any]
INT32, INT64 = 1 << 31, 1 << 63


def largest_state(state_bits: int) -> int:
    """The largest magnitude of z."""
    return 1 if state_bits == 1 else 1 << state_bits - 1


@dataclass(frozen=True)
class Step:
    """What a step of a layer computes with.

    ``sums``: (n,), or (V, n) for a table: the largest magnitude of what M_x multiplies, of each unit.
    ``multipliers``: () M_x, or (V, 1) one a token.
    ``largest_input``: magnitude of a feature, 1 where the input is none; its product with M_x is taken first where
    a step has a single feature.
    ``bias``, ``modrelu``: (n,) integers.
    """

    block_size: int
    state_bits: int
    fraction_bits: int
    multiplier: int
    input_shift: int
    sums: Array
    multipliers: Array
    largest_input: int
    bias: Array
    modrelu: Array | None

    @property
    def acc(self) -> int:
        """The largest magnitude of H z."""
        return self.block_size * largest_state(self.state_bits)

    @property
    def inputs(self) -> int:
        """The largest magnitude of product M_x + beta."""
        products = (self.sums.astype(np.int64) * self.multipliers.astype(np.int64)).reshape(
            -1, len(self.bias)
        )
        return int((products.max(axis=0, initial=0) + np.abs(self.bias.astype(np.int64))).max())


def layer_problem(step: Step) -> str | None:
    """Why a layer could overflow, or None."""
    if step.acc >= INT32:
        return f"the transform of {step.block_size} states of {step.state_bits} bits takes more than 32 bits"
    if step.sums.max(initial=0) >= INT32:
        return "the sum of weights times inputs takes more than 32 bits"
    if int(step.multipliers.max()) * step.largest_input >= INT32:
        return "the multiplier of the input takes more than 32 bits"
    total = step.acc * step.multiplier + (step.inputs << step.input_shift) + (1 << step.fraction_bits - 1)
    if total >= INT64:
        return "a sum of one step takes more than 64 bits"
    threshold = 0 if step.modrelu is None else int(np.abs(step.modrelu.astype(np.int64)).max())
    if (total >> step.fraction_bits) + 1 + threshold >= INT32:
        return "the state before saturation takes more than 32 bits"
    return None


def narrow(step: Step) -> bool:
    """Whether a step of a layer without ``layer_problem`` is exact in 32 bits, one way or the other.

    If M_h is 2^j: (u acc + ((product M_x + beta + 2^(F-1-s)) >> j - s)) >> F - j, j >= s. If not: in units of 2^s, where
    u acc M_h, rounded down, is the upper half of a product of two numbers of 32 bits: acc and M_h shifted to the left
    by 32 - s bits together.
    """
    s, j = step.input_shift, step.multiplier.bit_length() - 1
    if s >= step.fraction_bits:
        return False
    inputs = step.inputs + (1 << step.fraction_bits - 1 - s)
    if step.multiplier == 1 << j:
        return s <= j and inputs < INT32 and step.acc + (inputs >> j - s) + 1 < INT32
    halves = _room(step.acc) + _room(step.multiplier) >= 32 - s
    return halves and (step.acc * step.multiplier >> s) + 1 + inputs < INT32


def _room(value: int) -> int:
    """By how many bits it can be shifted and stays below 2^31."""
    return 31 - value.bit_length()


def readout_problem(codes: Array, bias: Array, state_bits: int) -> str | None:
    """Why integer logits could overflow 32 bits, or None. codes (o, n), bias (o,)."""
    sums = np.abs(codes.astype(np.int64)).sum(axis=1) * largest_state(state_bits)
    if int((sums + np.abs(bias.astype(np.int64))).max()) >= INT32:
        return "an integer logit takes more than 32 bits"
    return None
