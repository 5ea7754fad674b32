"""What a step of each layer of an integer model computes with, and the check that nothing in it overflows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelFormatError
from ..file.card import Card
from ..file.integer_card import IntegerCard
from ..file.tensors import codes_name
from .block_bounds import check as check_blocks
from .bounds import Step, largest_state, layer_problem, readout_problem

__all__ = ["check", "step"]

Array = NDArray[Any]


def check(card: Card, parameters: Mapping[str, Array]) -> None:
    """Prove that no sum of this model overflows (bounds.py).

    Raises:
        ModelFormatError: one could, for some input.
    """
    integer = _integer(card)
    if integer.blocks is not None:
        return check_blocks(card, parameters)
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
    """What a step of layer i computes with."""
    integer = _integer(card)
    constants = integer.layers[i]
    return Step(
        block_size=card.layers[i].block_size,
        state_bits=constants.state_bits,
        fraction_bits=constants.fraction_bits,
        multiplier=constants.multiplier,
        input_shift=constants.input_shift,
        sums=_input_sums(card, integer, parameters, i),
        multipliers=_multipliers(integer, parameters, i),
        largest_input=integer.largest_input if i == 0 else 1,
        bias=parameters[f"layers.{i}.bias"],
        modrelu=parameters.get(f"layers.{i}.modrelu"),
    )


def _input_sums(card: Card, integer: IntegerCard, parameters: Mapping[str, Array], i: int) -> Array:
    """The largest magnitudes that M_x of layer i multiplies, (n,), or (V, n) of a table."""
    if i > 0:
        below = card.layers[i - 1].hidden_size * largest_state(integer.layers[i - 1].state_bits)
        return np.full(card.layers[i].hidden_size, below, np.int64)
    codes = np.abs(parameters[codes_name(card)].astype(np.int64))
    if integer.input is None:
        return codes
    sums: Array = codes.sum(axis=1) * integer.largest_input
    return sums


def _multipliers(integer: IntegerCard, parameters: Mapping[str, Array], i: int) -> Array:
    multiplier = integer.layers[i].input_multiplier
    if multiplier is not None:
        return np.array(multiplier, np.int64)
    table: Array = np.abs(parameters["table.multiplier"].astype(np.int64))[:, None]
    return table


def _integer(card: Card) -> IntegerCard:
    assert card.integer is not None
    return card.integer
