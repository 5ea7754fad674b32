"""The values for ``integer.c.in``, which runs an integer model (golden/integers.py) with integers of 32 and 64 bits only.

The fast transform keeps the state in lanes: integers of 16 bits, or of 32 bits if the sums of the transform need more and
are computed in place. The other layout keeps bit planes and multiplies rows of +-1 by the state by counting bits:

    z = -2^(k-1) z_(k-1) + sum_j 2^j z_j,    row . z = sum(z) - 2 sum(z where the row is -1)

Bit planes take k n / 8 bytes, and as much again during a step, instead of 2 n or 4 n. A step takes n m k / 32 counts
instead of n log2 m additions; a dense +-1 matrix above the layer takes k counts per 32 units instead of 32 additions. Bit j
of every unit lies in the words from j ``words`` up to (j + 1) ``words``. A sign state takes two planes, because it starts at 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import hadamard
from ..errors import InputError
from ..file.card import Card, LayerCard
from ..file.codes import code_width, pack_signs
from ..file.integer_card import MEAN_BITS, IntegerCard
from ..integer.bounds import largest_state, narrow, step
from ..integer.source import bytes_enter
from ..model import Model
from .tables import Tables, codes, palette
from .transforms import sign_words, transforms

__all__ = ["LAYOUTS", "input_kind", "values"]

#: How a transform keeps the state.
LAYOUTS = ("fwht", "popcount")


def input_kind(card: Card) -> str:
    """The C type of one feature or token."""
    features = _integer(card).input
    if features is None:
        return "int32_t"
    if features.bits <= 8:
        return "int8_t" if features.signed else "uint8_t"
    return "int16_t" if features.signed or features.bits < 16 else "uint16_t"


def values(model: Model, transform: str, tables: Tables) -> dict[str, Any]:
    """The values for this model; its tables are added to ``tables``.

    Raises:
        InputError: the readout is in float, or the layout does not support blocks of this order.
    """
    card, integer = model.card, _integer(model.card)
    if integer.readout != "integer":
        raise InputError("this model's readout is in float; expected readout='integer', see Model.quantize")
    assert card.weight_bits is not None
    assert card.output_weight_bits is not None
    parameters = model.parameters()
    planes = transform == "popcount"
    layers = [_layer(card, parameters, i, planes, tables) for i in range(len(card.layers))]
    codes_name = "input.codes" if card.input == "features" else "table.codes"
    for name, packed in (("input_codes", codes_name), ("output_codes", "output.codes")):
        spare = np.uint8(0)  # a code may span two bytes, so reading the last one also reads the byte after it
        tables[name] = np.append(model.tensors[packed], spare)
    many_features = card.input == "features" and card.input_size > 1
    in_pairs = many_features and code_width(card.weight_bits) == 4 and _far_from_32_bits(card)
    if in_pairs:
        tables["input_codes"] ^= 0x88  # offset binary needs no sign extension
    if card.input == "tokens":
        tables["token_multiplier"] = parameters["table.multiplier"]
    tables["output_bias"] = parameters["output.bias"]
    states = [] if planes else [(layer, f"{layers[i]['type']}_t") for i, layer in enumerate(card.layers)]
    mean = card.output == "mean"
    return {
        "template": "integer.c.in",
        "integer": True,
        "input_kind": input_kind(card),
        "logit_kind": "int32_t",
        "logit_scale": repr(integer.logit_scale),
        "byte_value": repr(integer.input.scale) if integer.input is not None and bytes_enter(card) else None,
        "layers": layers,
        "planes": planes,
        "codes": codes([card.output_weight_bits, *([] if in_pairs else [card.weight_bits])]),
        "transforms": transforms(states, tables),
        "shifted32": any(layer["exact"] for layer in layers),
        "shifted64": not all(layer["exact"] and layer["power_of_two"] for layer in layers),
        "input_bits": code_width(card.weight_bits),
        "output_bits": code_width(card.output_weight_bits),
        "features": card.output_width,
        "one_feature": card.input == "features" and card.input_size == 1,
        "many_features": many_features,
        "in_pairs": in_pairs,
        "one_by_one": many_features and not in_pairs,
        "product": "" if integer.largest_input < 256 else "(int32_t)",  # of a code and an input
        "pool": mean,
        "pool_kind": "int64_t",
        "counted": mean,
        "finer": 1 << MEAN_BITS - integer.layers[-1].state_bits,
        "differences": False,
        "local_bytes": max(layer["local_bytes"] for layer in layers),
    }


def _layer(
    card: Card, parameters: dict[str, NDArray[Any]], i: int, planes: bool, tables: Tables
) -> dict[str, Any]:
    layer = card.layers[i]
    tables[f"signs{i}"] = pack_signs(parameters[f"layers.{i}.signs"])
    if layer.recurrence == "modrelu":
        tables[f"threshold{i}"] = parameters[f"layers.{i}.modrelu"]
    if i > 0:
        below = parameters[f"layers.{i}.input_signs"]
        tables[f"input_signs{i}"] = sign_words(below) if planes else pack_signs(below.reshape(-1))
    return {
        **_layout(card, i, planes),
        **_step(card, parameters, i),
        "input": "x" if i == 0 else "below",
        "input_kind": input_kind(card) if i == 0 else _layout(card, i - 1, planes)["kind"],
        "few_biases": palette(tables, f"bias{i}", parameters[f"layers.{i}.bias"]),
    }


def _layout(card: Card, i: int, planes: bool) -> dict[str, Any]:
    layer, constants = card.layers[i], _integer(card).layers[i]
    return (_planes if planes else _lanes)(layer, constants.state_bits)


def _lanes(layer: LayerCard, state_bits: int) -> dict[str, Any]:
    """Computes sums in place of the states, or for one block at a time beside them if that saves a quarter of the memory."""
    n, m, base = layer.hidden_size, layer.block_size, hadamard.factor(layer.block_size)[0]
    narrow_sums = m * largest_state(state_bits) < 1 << 15
    blocks = not narrow_sums and 2 * n + 4 * m <= 3 * n
    return {
        "kind": "int16_t" if narrow_sums or blocks else "int32_t",
        "type": "int16" if narrow_sums else "int32",
        "blocks": blocks,
        "state": "z",
        "state_size": n,
        "local_bytes": 4 * m * blocks + ((2 if narrow_sums else 4) * base if base > 1 else 0),
    }


def _planes(layer: LayerCard, state_bits: int) -> dict[str, Any]:
    m = layer.block_size
    if hadamard.factor(m)[0] != 1:
        raise InputError(f"transform='popcount' with blocks of order {m}; expected a power of two")
    planes, words = max(state_bits, 2), -(-layer.hidden_size // 32)
    return {
        "kind": "uint32_t",
        "blocks": False,
        "state": "z",
        "state_size": planes * words,
        "local_bytes": 4 * planes * words,
        "words": words,
        "bit_planes": planes,
        "block_words": max(m // 32, 1),
        "whole_words": m >= 32,
        "block_mask": f"UINT32_C(0x{(1 << min(m, 32)) - 1:08X})",
    }


def _step(card: Card, parameters: dict[str, NDArray[Any]], i: int) -> dict[str, Any]:
    """The constants of a step, which is computed in 32 bits where bounds.py proves that this is exact."""
    layer, constants = card.layers[i], _integer(card).layers[i]
    facts = step(card, parameters, i)
    exact, f, s, m_h = narrow(facts), facts.fraction_bits, facts.input_shift, facts.multiplier
    j, limit = m_h.bit_length() - 1, largest_state(constants.state_bits)
    power_of_two = exact and m_h == 1 << j
    return {
        "exact": exact,
        "wide": "int32_t" if exact else "int64_t",
        "power_of_two": power_of_two,
        "multiplier": m_h,
        "input_multiplier": constants.input_multiplier,
        "input_shift": s,
        "half_input": 1 << max(f - 1 - s, 0),
        "rest_bits": j - s,
        "bits": f - j if power_of_two else f - s,
        "half_bits": f - 1,
        "fraction_bits": f,
        "about_state": f", {constants.state_bits}-bit state",
        "low": 0 if layer.recurrence == "relu" else -limit,
        "high": limit - 1,
    }


def _far_from_32_bits(card: Card) -> bool:
    """Whether sums of codes in offset binary, 0 to 15, times inputs also fit 32 bits with room to spare."""
    return card.input_size * _integer(card).largest_input < 1 << 26


def _integer(card: Card) -> IntegerCard:
    assert card.integer is not None
    return card.integer
