"""The proof that no sum of an integer model overflows, from its constants and weights alone.

The products H z and U q and the rounded states stay within 32 bits, everything else within 64 bits, or within 32 where
``narrow`` says so. The proof holds for every input, so the kernels need no checks, and the width of their lanes does not
show in the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelFormatError
from ..file.card import Card
from ..file.integer_card import IntegerCard, IntegerInput, IntegerLayer
from ..file.tensors import codes_name
from .block_bounds import check as check_blocks

__all__ = [
    "Step",
    "check",
    "largest_state",
    "largest_sums",
    "layer_problem",
    "narrow",
    "readout_problem",
    "step",
]

Array = NDArray[Any]
INT32, INT64 = 1 << 31, 1 << 63


def largest_state(state_bits: int) -> int:
    """The largest magnitude of z."""
    return 1 if state_bits == 1 else 1 << state_bits - 1


@dataclass(frozen=True)
class Step:
    """The constants and bounds of one time step of a layer.

    ``sums``: for each unit the largest magnitude that M_x multiplies, (n,), or (V, n) for a table of tokens.
    ``multipliers``: M_x as (), or (V, 1), one per token.
    ``largest_input``: the largest magnitude of a feature, or 1 where the input is no feature. With a single feature per
    step, the kernels multiply it by M_x first.
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
    """Whether a step of a layer that has no ``layer_problem`` is exact in 32 bits. There are two ways to compute it.

    If M_h is 2^j with j >= s: (u acc + ((product M_x + beta + 2^(F-1-s)) >> j - s)) >> F - j. Otherwise in units of 2^s:
    u acc M_h, rounded down, is then the upper half of the product of two 32-bit numbers, which are acc and M_h, shifted
    left by 32 - s bits in total.
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
    """By how many bits the value can be shifted left before it reaches 2^31."""
    return 31 - value.bit_length()


def readout_problem(codes: Array, bias: Array, state_bits: int) -> str | None:
    """Why integer logits could overflow 32 bits, or None. codes (o, n), bias (o,)."""
    sums = np.abs(codes.astype(np.int64)).sum(axis=1) * largest_state(state_bits)
    if int((sums + np.abs(bias.astype(np.int64))).max()) >= INT32:
        return "an integer logit takes more than 32 bits"
    return None


def check(card: Card, parameters: Mapping[str, Array]) -> None:
    """Prove that no sum of this model overflows.

    Raises:
        ModelFormatError: a sum could overflow for some input.
    """
    integer = _integer(card)
    if integer.blocks is not None:
        check_blocks(card, parameters)
        return
    for i in range(len(card.layers)):
        problem = layer_problem(step(card, parameters, i))
        if problem is not None:
            raise ModelFormatError(f"layer {i} may overflow: {problem}")
    if "output.codes" in parameters:
        codes, bias = parameters["output.codes"], parameters["output.bias"]
        state_bits, _ = integer.layers[-1].readout(card.output)
        if problem := readout_problem(codes, bias, state_bits):
            raise ModelFormatError(f"the readout may overflow: {problem}")


def step(card: Card, parameters: Mapping[str, Array], i: int) -> Step:
    """The ``Step`` of layer i, from the parameters of the model."""
    integer = _integer(card)
    constants = integer.layers[i]
    return Step(
        block_size=card.layers[i].block_size,
        state_bits=constants.state_bits,
        fraction_bits=constants.fraction_bits,
        multiplier=constants.multiplier,
        input_shift=constants.input_shift,
        sums=largest_sums(card, i, parameters[codes_name(card)], integer.input, integer.layers),
        multipliers=np.abs(parameters["table.multiplier"].astype(np.int64))[:, None]
        if constants.input_multiplier is None
        else np.array(constants.input_multiplier, np.int64),
        largest_input=integer.largest_input if i == 0 else 1,
        bias=parameters[f"layers.{i}.bias"],
        modrelu=parameters.get(f"layers.{i}.modrelu"),
    )


def largest_sums(
    card: Card, i: int, codes: Array, features: IntegerInput | None, layers: Sequence[IntegerLayer]
) -> Array:
    """``Step.sums`` of layer i, from the codes of the input or from the states of the layer below."""
    if i > 0:
        largest = card.layers[i - 1].hidden_size * largest_state(layers[i - 1].state_bits)
        return np.full(card.layers[i].hidden_size, largest, np.int64)
    magnitudes: Array = np.abs(codes.astype(np.int64))
    return magnitudes if features is None else magnitudes.sum(axis=1) * features.range[1]


def _integer(card: Card) -> IntegerCard:
    assert card.integer is not None
    return card.integer
