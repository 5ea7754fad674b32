"""The tensors of an integer model, as the file holds them and as the network computes with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..card import Card
from ..errors import ModelFormatError
from ..quantize import code_width, dequantize, pack, pack_signs, unpack, unpack_signs
from .bounds import Step, largest_state, layer_problem, readout_problem
from .card import IntegerCard

__all__ = ["check", "codes_name", "pack_integers", "parameter_shapes", "schema", "step", "unpack_integers"]

Array = NDArray[Any]
Entry = tuple[np.dtype[Any], tuple[int, ...]]
F32, I32, U8 = np.dtype("<f4"), np.dtype("<i4"), np.dtype("u1")


def codes_name(card: Card) -> str:
    """U of features (n, d), or the table of tokens (V, n)."""
    return "input.codes" if card.input == "features" else "table.codes"


def parameter_shapes(card: Card) -> dict[str, tuple[int, ...]]:
    """Names and shapes of what an integer network computes with; ``unpack_integers`` gives these."""
    n, last = card.layers[0].hidden_size, card.layers[-1].hidden_size
    shapes: dict[str, tuple[int, ...]] = {}
    if card.input == "features":
        shapes["input.codes"] = (n, card.input_size)
    else:
        shapes["table.codes"] = (card.input_size, n)
        shapes["table.multiplier"] = (card.input_size,)
    for i, layer in enumerate(card.layers):
        shapes[f"layers.{i}.signs"] = (layer.hidden_size,)
        shapes[f"layers.{i}.bias"] = (layer.hidden_size,)
        if layer.recurrence == "modrelu":
            shapes[f"layers.{i}.modrelu"] = (layer.hidden_size,)
        if i > 0:
            shapes[f"layers.{i}.input_signs"] = (layer.hidden_size, card.layers[i - 1].hidden_size)
    shapes["output.codes" if _integer_readout(card) else "output.weight"] = (card.output_size, last)
    shapes["output.bias"] = (card.output_size,)
    return shapes


def schema(card: Card) -> dict[str, Entry]:
    """Name -> (dtype, shape) of every tensor of the file."""
    entries: dict[str, Entry] = {}
    for name, shape in parameter_shapes(card).items():
        bits = _bits(card, name)
        elements = math.prod(shape)
        if name.endswith("signs"):
            entries[name] = (U8, (-(-elements // 8),))
        elif bits is not None:
            entries[_stem(name) + ".codes"] = (U8, (-(-elements * code_width(bits) // 8),))
            if name == "output.weight":
                entries["output.scale"] = (F32, (1,))
        else:
            entries[name] = (F32 if _is_float(card, name) else I32, shape)
    return entries


def pack_integers(card: Card, parameters: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """Pack what ``unpack_integers`` gave, but for "output.weight": that must come as codes and scale."""
    tensors: dict[str, Array] = {}
    for name, (dtype, shape) in schema(card).items():
        values = np.asarray(parameters[name])
        if name.endswith("signs"):
            tensors[name] = pack_signs(values.reshape(-1))
        elif name.endswith(".codes"):
            bits = card.output_weight_bits if name == "output.codes" else card.weight_bits
            assert bits is not None
            tensors[name] = pack(values, bits)
        else:
            tensors[name] = values.astype(dtype).reshape(shape)
    return tensors


def unpack_integers(card: Card, tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Codes and signs as int8, biases and thresholds as int32, a float readout's matrix as float32.

    Raises:
        ModelFormatError: a code that is no code, or padding bits that are not zero.
    """
    parameters: dict[str, Array] = {}
    for name, shape in parameter_shapes(card).items():
        bits = _bits(card, name)
        try:
            if name.endswith("signs"):
                parameters[name] = unpack_signs(tensors[name], math.prod(shape)).reshape(shape)
            elif bits is not None:
                parameters[name] = unpack(tensors[_stem(name) + ".codes"], bits, shape)
                if name == "output.weight":
                    scale = np.float32(tensors["output.scale"][0])
                    parameters[name] = dequantize(parameters[name], scale, bits)
            else:
                native = np.float32 if _is_float(card, name) else np.int32
                parameters[name] = np.array(tensors[name], native)
        except ModelFormatError as error:
            raise ModelFormatError(f"tensor of {name!r}: {error}") from None
    return parameters


def check(card: Card, parameters: Mapping[str, Array]) -> None:
    """Prove that no sum of this model overflows (bounds.py).

    Raises:
        ModelFormatError: one could, for some input.
    """
    integer = _integer(card)
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


def _integer_readout(card: Card) -> bool:
    return _integer(card).readout == "integer"


def _is_float(card: Card, name: str) -> bool:
    return name == "output.weight" or (name == "output.bias" and not _integer_readout(card))


def _bits(card: Card, name: str) -> int | None:
    """Bits a code, None for what is not packed."""
    if name in ("input.codes", "table.codes"):
        return card.weight_bits
    return card.output_weight_bits if name in ("output.codes", "output.weight") else None


def _stem(name: str) -> str:
    return name.rpartition(".")[0]
