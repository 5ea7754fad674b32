"""The values for ``forget.c.in``: the constants of an integer layer that forgets (golden/forgetting.py), which are those of a block.

A constant that all blocks share is written where it is used, others are read from a table of one number per block.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..file.card import Card
from ..file.codes import code_width
from ..integer.block_bounds import BlockStep, block_step
from .biases import biases
from .products import product
from .tables import Tables

__all__ = ["forgetting"]

Array = NDArray[Any]
INT32 = 1 << 31


def forgetting(
    card: Card, parameters: Mapping[str, Array], tensors: Mapping[str, Array], tables: Tables
) -> dict[str, Any]:
    """The values of the layer; its tables are added to ``tables``."""
    step = block_step(card, parameters)
    blocks = _Blocks(tables)
    fits = step.acc * step.multiplier < INT32
    shift = parameters["layers.0.input_shift"]
    values = {
        "forgets": True,
        "input_multiplier": "input_multiplier",
        "input_multiplier_value": None,
        "decay": blocks.constant("multiplier0", parameters["layers.0.multiplier"]),
        "input_shift": blocks.constant("input_shift0", shift),
        "no_input_shift": not shift.any(),
        **({"product_shift": None} if fits else product(step.acc, step.product_shift)),
        "product_fits": fits,
        "decay_shift": step.product_shift,
        "in_64_bits": False,
        "half": 1 << step.fraction_bits >> 1,
        "fraction_bits": step.fraction_bits,
        "about_state": f", {step.state_bits}-bit state of a unit per block",
        "low": 0 if card.layers[0].recurrence == "relu" else -_limit(step),
        "high": _limit(step),
        "wide": "int32_t",
        "exact": True,
        "activation": card.input_activation if card.input == "features" else None,
        "bound": None,
        "bias_of_unit": None,
        "few_biases": False,
        "bias_steps": False,
        "bias_codes": None,
    }
    if card.input == "features":
        codes = np.abs(parameters["input.codes"].astype(np.int64)).reshape(len(shift), -1).max(axis=1)
        multiplier = np.where(codes > 0, parameters["layers.0.input_multiplier"], 0)
        values["input_multiplier_of_block"] = blocks.constant("input_multiplier0", multiplier)
        if card.input_activation == "clip":
            values["bound"] = blocks.constant("input_bound0", parameters["layers.0.input_bound"])
        values |= _bias(card, parameters, tensors, blocks)
    return values | {"varied": blocks.varied}


def _bias(
    card: Card, parameters: Mapping[str, Array], tensors: Mapping[str, Array], blocks: _Blocks
) -> dict[str, Any]:
    """How the bias of unit i is read."""
    if card.bias_bits is None:
        return {**biases(blocks.tables, "bias0", parameters["layers.0.bias"]), "bias_of_unit": "BIAS0(i)"}
    blocks.tables["bias0"] = np.append(tensors["layers.0.bias"], np.uint8(0))
    width = code_width(card.bias_bits)
    return {
        "bias_codes": width,
        "bias_multiplier": blocks.constant("bias_multiplier0", parameters["layers.0.bias_multiplier"]),
        "bias_of_unit": f"(int32_t)code{width}(bias0, i) * bias_multiplier",
    }


def _limit(step: BlockStep) -> int:
    return (1 << step.state_bits - 1) - 1


class _Blocks:
    """Constants per block as C; ``varied``: whether one of them is read from a table."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.varied = False

    def constant(self, name: str, values: Array) -> str:
        """The expression for a constant of ``block``, an index of blocks; a table of the smallest integers if it is none."""
        if (values == values[0]).all():
            return str(int(values[0]))
        kind = np.min_scalar_type(int(values.max()))
        small = np.uint8 if kind == np.uint8 else np.int16 if values.max() < 1 << 15 else np.int32
        self.tables[name] = values.astype(small)
        self.varied = True
        return f"READ({np.dtype(small)}_t, {name} + block)"
