"""The proof that no sum of an integer model overflows, from its constants and weights alone.

Products H z and U q, and states after rounding, stay within 32 bits; everything else within 64. It holds whatever the
input, so kernels need no checks, and the width of their lanes cannot be seen in the result.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["largest_state", "layer_problem", "readout_problem"]

Array = NDArray[Any]
INT32, INT64 = 1 << 31, 1 << 63


def largest_state(state_bits: int) -> int:
    """The largest magnitude of z."""
    return 1 if state_bits == 1 else 1 << state_bits - 1


def layer_problem(
    *,
    block_size: int,
    state_bits: int,
    fraction_bits: int,
    multiplier: int,
    input_shift: int,
    sums: Array,
    multipliers: Array,
    largest_input: int,
    bias: Array,
    modrelu: Array | None,
) -> str | None:
    """Why a layer could overflow, or None.

    Args:
        sums: (n,), or (V, n) for a table: the largest magnitude of what M_x multiplies, of each unit.
        multipliers: () M_x, or (V, 1) one a token.
        largest_input: magnitude of a feature, 1 where the input is none; its product with M_x is taken first where
            a step has a single feature.
        bias, modrelu: (n,) integers.
    """
    acc = block_size * largest_state(state_bits)
    if acc >= INT32:
        return f"the transform of {block_size} states of {state_bits} bits takes more than 32 bits"
    if sums.max(initial=0) >= INT32:
        return "the sum of weights times inputs takes more than 32 bits"
    if int(multipliers.max()) * largest_input >= INT32:
        return "the multiplier of the input takes more than 32 bits"
    products = (
        (sums.astype(np.int64) * multipliers.astype(np.int64)).reshape(-1, len(bias)).max(axis=0, initial=0)
    )
    inputs = int((products + np.abs(bias.astype(np.int64))).max()) << input_shift
    total = acc * multiplier + inputs + (1 << fraction_bits - 1)
    if total >= INT64:
        return "a sum of one step takes more than 64 bits"
    threshold = 0 if modrelu is None else int(np.abs(modrelu.astype(np.int64)).max())
    if (total >> fraction_bits) + 1 + threshold >= INT32:
        return "the state before saturation takes more than 32 bits"
    return None


def readout_problem(codes: Array, bias: Array, state_bits: int) -> str | None:
    """Why integer logits could overflow 32 bits, or None. codes (o, n), bias (o,)."""
    sums = np.abs(codes.astype(np.int64)).sum(axis=1) * largest_state(state_bits)
    if int((sums + np.abs(bias.astype(np.int64))).max()) >= INT32:
        return "an integer logit takes more than 32 bits"
    return None
