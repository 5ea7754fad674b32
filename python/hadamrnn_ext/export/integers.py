"""The values for ``integer.c.in``, which runs an integer model with integers of 32 and 64 bits only, but for a float readout.

What it computes is that of golden/integers.py, or of golden/forgetting.py for a network that forgets.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..file.card import Card
from ..file.codes import code_width, pack_signs
from ..file.integer_card import IntegerCard
from ..integer.bounds import largest_state, narrow, step
from ..integer.source import bytes_enter
from ..model import Model
from . import pools
from .biases import biases
from .blocks import forgetting
from .input_weights import input_weights
from .layouts import lanes
from .layouts import planes as planes_of
from .matrices import matrix
from .products import product
from .tables import Tables, codes
from .transforms import sign_words, transforms

__all__ = ["LAYOUTS", "values"]

#: How a transform keeps the state.
LAYOUTS = ("fwht", "popcount")
#: Bytes of the partial sums of a float readout.
PARTIAL = 4 * 16

Parameters = dict[str, NDArray[Any]]


def values(model: Model, transform: str, longest: int | None, tables: Tables) -> dict[str, Any]:
    """The values for this model; its tables are added to ``tables``.

    Raises:
        InputError: the readout is in float, or the layout does not support this model, or no sum depends on ``longest``.
    """
    card, integer, parameters = model.card, _integer(model.card), model.parameters()
    if integer.readout != "integer" and not card.forgets:
        raise InputError("this model's readout is in float; expected readout='integer', see Model.quantize")
    assert card.weight_bits is not None
    planes = transform == "popcount"
    if card.forgets and planes:
        raise InputError(
            "transform='popcount' with a network that forgets; expected 'fwht', which takes its multipliers per block"
        )
    read = input_weights(model, parameters, tables)
    layers = [_layer(model, read, parameters, i, planes, tables) for i in range(len(card.layers))]
    unpacked = [card.output_weight_bits, *(layer["bias_codes"] for layer in layers)]
    unpacked += [] if read["with_less"] else [card.weight_bits]
    return {
        "template": "integer.c.in",
        "integer": True,
        "state": "z",
        "byte_value": repr(integer.input.scale) if integer.input is not None and bytes_enter(card) else None,
        "layers": layers,
        "planes": planes,
        "codes": codes([bits for bits in unpacked if bits is not None]),
        "transforms": transforms((stages for layer in layers for stages in layer["stages"]), tables),
        "shifted32": read["two_parts"] or any(layer["exact"] or layer["bias_steps"] for layer in layers),
        "shifted64": any(layer["in_64_bits"] for layer in layers),
        "local_bytes": max(
            *(layer["local_bytes"] for layer in layers), PARTIAL * (integer.readout == "float")
        ),
        **read,
        **pools.sums(card, parameters, longest, tables),
        **_readout(model, parameters, tables),
    }


def _readout(model: Model, parameters: Parameters, tables: Tables) -> dict[str, Any]:
    """In integers, or in float32 as that of a float model."""
    card, integer = model.card, _integer(model.card)
    tables["output_bias"] = parameters["output.bias"]
    if integer.readout == "float":
        return {
            "logit_kind": "float",
            "logit_scale": None,
            **matrix(model, tables, "output", card.output_weight_bits),
        }
    assert card.output_weight_bits is not None
    tables["output_codes"] = _spare(model.tensors["output.codes"])
    return {
        "logit_kind": pools.logit_kind(card, parameters),
        "logit_scale": repr(integer.logit_scale),
        "output_bits": code_width(card.output_weight_bits),
    }


def _layer(
    model: Model, read: dict[str, Any], parameters: Parameters, i: int, planes: bool, tables: Tables
) -> dict[str, Any]:
    card, less = model.card, i == 0 and read["with_less"]
    layer = card.layers[i]
    tables[f"signs{i}"] = pack_signs(parameters[f"layers.{i}.signs"])
    if layer.recurrence == "modrelu":
        tables[f"threshold{i}"] = parameters[f"layers.{i}.modrelu"]
    if i > 0:
        below = parameters[f"layers.{i}.input_signs"]
        tables[f"input_signs{i}"] = sign_words(below) if planes else pack_signs(below.reshape(-1))
    constants = (
        forgetting(card, parameters, model.tensors, tables)
        if card.forgets
        else _constants(card, parameters, i, tables)
    )
    layout = _layout(card, i, planes)
    input_name = "x" if i == 0 else "below"
    kind = read["read_kind"] if i == 0 else _layout(card, i - 1, planes)["kind"]
    return {
        **layout,
        **constants,
        "local_bytes": layout["local_bytes"] + read["local_sums"] * (i == 0),
        "input": input_name,
        "by_eights": i == 0 and read["in_eights"],
        "whole_eights": not layout["in_blocks"] or layout["inner"] % 8 == 0,
        "less": ", less" * less,
        "less_given": ", const int32_t* less" * less,
        "given": "parts" if less and read["two_parts"] else input_name,
        "given_kind": read["part_kind"] if less else kind,
        "input_kind": kind,
    }


def _layout(card: Card, i: int, planes: bool) -> dict[str, Any]:
    layer, bits = card.layers[i], _integer(card).states[i].state_bits
    return planes_of(layer, bits) if planes else lanes(layer, bits, largest_state(bits), forgets=card.forgets)


def _constants(card: Card, parameters: Parameters, i: int, tables: Tables) -> dict[str, Any]:
    """Those of a step, which is computed in 32 bits where bounds.py proves that this is exact."""
    layer, constants = card.layers[i], _integer(card).layers[i]
    facts = step(card, parameters, i)
    exact, f, s, m_h = narrow(facts), facts.fraction_bits, facts.input_shift, facts.multiplier
    j, limit = m_h.bit_length() - 1, largest_state(constants.state_bits)
    power_of_two = exact and m_h == 1 << j
    half = 1 << f - 1 - s if exact else 0  # what rounds is added to the bias
    return {
        **(product(facts.acc, s) if exact and not power_of_two else {"product_shift": None}),
        "forgets": False,
        "varied": False,
        "exact": exact,
        "in_64_bits": not exact,
        "wide": "int32_t" if exact else "int64_t",
        "power_of_two": power_of_two,
        "multiplier": m_h,
        "input_multiplier": f"INPUT_MULTIPLIER{i}",
        "input_multiplier_value": constants.input_multiplier,
        "input_shift": s,
        "rest_bits": j - s,
        "bits": f - j if power_of_two else f - s,
        "half_bits": f - 1,
        "fraction_bits": f,
        "about_state": f", {constants.state_bits}-bit state",
        "low": 0 if layer.recurrence == "relu" else -limit,
        "high": limit - 1,
        **biases(tables, f"bias{i}", parameters[f"layers.{i}.bias"], half),
        "bias_codes": None,
    }


def _spare(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """With another byte, because a code may span two, so that reading the last one also reads the byte after it."""
    return np.append(packed, np.uint8(0))


def _integer(card: Card) -> IntegerCard:
    assert card.integer is not None
    return card.integer
