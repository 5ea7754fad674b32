"""A float model that forgets and its calibration -> an integer model's card and tensors (golden/forgetting.py)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..file.card import Card
from ..file.codes import code_range, quantize, unpack
from ..file.integer_card import IntegerBlocks, IntegerCard, IntegerInput
from ..file.storage import Coded
from ..file.tensors import codes_name, pack_parameters
from ..golden.floats import decay
from .block_constants import Constants, RealInput, constants
from .source import TABLE_BITS, feature_input, row_codes, row_steps, weight_codes

__all__ = ["check_blocks", "convert_blocks"]

Array = NDArray[Any]
F64 = NDArray[np.float64]
#: Blocks whose states are this much smaller than the largest are as good as silent, and get no finer unit.
SILENT = 2.0**-16


def check_blocks(card: Card) -> None:
    """Raises InputError for a model that forgets and has no integer form."""
    if len(card.layers) > 1:
        raise InputError(
            f"this model forgets and has {len(card.layers)} layers; integer models that forget have one"
        )
    if card.layers[0].recurrence not in ("linear", "relu"):
        raise InputError(
            f"this model forgets and its recurrence is {card.layers[0].recurrence!r}; integer models that forget have "
            "linear or relu ones"
        )


def convert_blocks(
    card: Card,
    floats: dict[str, Array],
    packed: dict[str, Array],
    largest_input: float | None,
    largest_states: tuple[float, ...],
    state_bits: int,
    input_bits: int,
    readout: Literal["float", "integer"],
) -> tuple[Card, dict[str, Array]]:
    """Card and packed tensors of the integer model; arguments as of ``convert``, largest_states those of each block.

    Raises:
        InputError: the sums of this model do not fit the integers of a step.
    """
    layer = card.layers[0]
    limit = (1 << state_bits - 1) - 1
    states = np.array(largest_states)
    scales = np.maximum(states, states.max() * SILENT) / limit
    decays = decay(floats["layers.0.decays"]) if card.decays else np.ones(len(scales))
    made: _Input = (_tokens if card.input == "tokens" else _features)(
        card, floats, packed, largest_input, input_bits, scales
    )
    chosen = constants(layer.block_size, state_bits, decays, scales, made.given)
    parameters: dict[str, Array | Coded] = {
        "layers.0.signs": floats["layers.0.signs"],
        "layers.0.state_scale": chosen.scale,
        "layers.0.multiplier": chosen.multiplier.astype(np.int32),
        "layers.0.input_shift": chosen.input_shift.astype(np.uint8),
        **_input_parameters(card, packed, made, chosen),
    }
    if card.pool is not None:
        unit = np.repeat(chosen.scale.astype(np.float64), layer.block_size)
        theta = np.clip(np.rint(floats["pool.thresholds"] / unit), -limit, limit)
        parameters["pool.thresholds"] = theta.astype(np.int8 if state_bits == 8 else np.int16)
    bits, logit_scale = _readout(card, floats, packed, chosen.scale, state_bits, readout, parameters)
    blocks = IntegerBlocks(state_bits, chosen.fraction_bits, chosen.product_shift)
    integer = IntegerCard((), made.input, readout, logit_scale, blocks)
    changes: dict[str, Any] = {
        "embedding_size": None,
        "embedding_bits": None,
        "weight_bits": made.bits,
        "output_weight_bits": bits,
        "bias_bits": card.bias_bits if card.input == "features" else None,
    }
    converted = dataclasses.replace(card, kind="integer", integer=integer, **changes)
    return converted, pack_parameters(converted, parameters)


@dataclass(frozen=True)
class _Input:
    """What the constants of the input are chosen for, and how it is stored."""

    given: RealInput | F64
    codes: NDArray[np.int8]
    bits: int
    input: IntegerInput | None
    steps: F64 | None = None  # (V,) of a table's rows, in units of the state


def _features(
    card: Card,
    floats: dict[str, Array],
    packed: dict[str, Array],
    largest: float | None,
    input_bits: int,
    scales: F64,
) -> _Input:
    assert largest is not None
    codes, bits, step = weight_codes("input", card.weight_bits, floats, packed)
    features = feature_input(card, largest, input_bits)
    magnitudes = np.full(card.input_width, features.range[1])
    magnitudes[card.input_size :] *= 2  # of differences
    given = RealInput(
        codes,
        step * features.scale,
        np.abs(codes.astype(np.int64)) @ magnitudes,
        floats["layers.0.bias"].astype(np.float64),
        card.input_activation == "clip",
    )
    return _Input(given, codes, bits, features)


def _tokens(
    card: Card,
    floats: dict[str, Array],
    packed: dict[str, Array],
    largest: float | None,
    input_bits: int,
    scales: F64,
) -> _Input:
    """phi(U e + b) of every token in units of the state, as rows of 8-bit codes with a step each."""
    rows = floats["input.weight"].astype(np.float64).T
    if card.embedding_size is not None:
        rows = floats["embedding.weight"].astype(np.float64) @ rows
    rows = rows + floats["layers.0.bias"]
    if card.input_activation == "clip":
        rows = np.clip(rows, -1, 1)
    elif card.input_activation == "relu":
        rows = np.maximum(rows, 0)
    rows = rows / np.repeat(scales.astype(np.float32), card.layers[0].block_size)
    steps = row_steps(rows)
    codes = row_codes(rows, steps)
    largest_rows = (np.abs(codes) * steps[:, None]).max(axis=0)
    return _Input(np.maximum(largest_rows, 1e-9), codes, TABLE_BITS, None, steps)


def _input_parameters(
    card: Card, packed: dict[str, Array], made: _Input, chosen: Constants
) -> dict[str, Array | Coded]:
    found: dict[str, Array | Coded] = {codes_name(card): made.codes}
    if made.steps is not None:
        unit = 2.0 ** (chosen.fraction_bits + int(chosen.input_shift[0]))
        found["table.multiplier"] = np.rint(made.steps * unit).astype(np.int32)
        return found
    found["layers.0.input_multiplier"] = chosen.input_multiplier.astype(np.int32)
    if card.input_activation == "clip":
        found["layers.0.input_bound"] = chosen.bound.astype(np.int32)
    if card.bias_bits is None:
        found["layers.0.bias"] = chosen.beta.astype(np.int32)
        return found
    codes = packed["layers.0.bias_codes"]
    if card.bias_bits < 8:
        codes = unpack(codes, card.bias_bits, (card.layers[0].hidden_size,))
    step = float(packed["layers.0.bias_scale"][0]) / -code_range(card.bias_bits)[0]
    fine = 2.0 ** (chosen.fraction_bits + chosen.input_shift) / chosen.scale
    multiplier = np.rint(step * fine)
    found["layers.0.bias"] = codes
    largest = np.abs(codes.reshape(len(fine), -1)).max(axis=1) * multiplier
    found["layers.0.bias_multiplier"] = np.where(largest > 0, multiplier, 0).astype(np.int32)
    return found


def _readout(
    card: Card,
    floats: dict[str, Array],
    packed: dict[str, Array],
    scale: NDArray[np.float32],
    state_bits: int,
    readout: Literal["float", "integer"],
    parameters: dict[str, Array | Coded],
) -> tuple[int | None, float | None]:
    """Weight bits and logit scale; writes the readout's parameters."""
    parameters["output.bias"] = floats["output.bias"]
    if readout == "float":
        parameters["output.weight"] = floats["output.weight"]
        if card.output_weight_bits is not None:
            codes, _, _ = weight_codes("output", card.output_weight_bits, floats, packed)
            parameters["output.weight"] = Coded(codes, packed["output.scale"])
        return card.output_weight_bits, None
    # Units of the features, in the order of the columns; see golden/forgetting.py.
    state = np.repeat(scale.astype(np.float64), card.layers[0].block_size)
    units = [state]
    if card.pool is not None or card.output == "mean":
        finer, share = state * 2.0 ** (state_bits - 16), np.full_like(state, 2.0**-15)
        pool = card.pool
        units = [finer] if pool is None else ([finer] * pool.excess + [share] * pool.share) * pool.thresholds
    weight = floats["output.weight"] * np.concatenate(units)
    codes, alpha = quantize(weight.astype(np.float32), TABLE_BITS)
    logit_scale = float(np.float32(float(alpha) / -code_range(TABLE_BITS)[0]))
    bias = np.rint(floats["output.bias"].astype(np.float64) / logit_scale)
    if np.abs(bias).max() >= 1 << 31:
        raise InputError("the readout cannot be in integers: its bias takes more than 32 bits")
    parameters["output.codes"], parameters["output.bias"] = codes, bias.astype(np.int32)
    return TABLE_BITS, logit_scale
