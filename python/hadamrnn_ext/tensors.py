"""The tensors of a model: packed as the file holds them, and unpacked as the network computes with them.

``schema`` is the one list of names, dtypes and shapes of the file (docs/format.md in words). Packed tensors do not
depend on the instruction set; kernels repack when a model is made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .card import Card
from .errors import InputError, ModelFormatError, ShapeError
from .integer import tensors as integers
from .quantize import (
    code_width,
    dequantize,
    dequantize_rows,
    pack,
    pack_signs,
    quantize,
    quantize_rows,
    unpack,
    unpack_signs,
)

__all__ = [
    "EMBEDDING",
    "REVERSE",
    "SHARED",
    "coded",
    "pack_embedding",
    "pack_parameters",
    "parameter_shapes",
    "schema",
    "unpack_parameters",
    "validate",
]

Array = NDArray[Any]
EMBEDDING = "embedding.weight"
#: How the names of the second network of a bidirectional model begin, and what it has in common with the first.
REVERSE = "reverse."
SHARED = (EMBEDDING, "output.bias")
F32, U8, I8 = np.dtype("<f4"), np.dtype("u1"), np.dtype("i1")


def parameter_shapes(card: Card) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the unpacked parameters: what a model is built from and computes with."""
    first, last = card.layers[0].hidden_size, card.layers[-1].hidden_size
    shapes: dict[str, tuple[int, ...]] = {"input.weight": (first, card.input_width)}
    if card.embedding_size is not None:
        shapes[EMBEDDING] = (card.input_size, card.embedding_size)
    for i, layer in enumerate(card.layers):
        n = layer.hidden_size
        shapes[f"layers.{i}.signs"] = (n,)
        shapes[f"layers.{i}.bias"] = (n,)
        if layer.recurrence == "modrelu":
            shapes[f"layers.{i}.modrelu"] = (n,)
        if i > 0:
            shapes[f"layers.{i}.input_signs"] = (n, card.layers[i - 1].hidden_size)
    shapes["output.weight"] = (card.output_size, last)
    shapes["output.bias"] = (card.output_size,)
    if card.bidirectional:
        shapes |= {REVERSE + name: shape for name, shape in shapes.items() if name not in SHARED}
    return shapes


def _bits(card: Card, name: str) -> int | None:
    """Bits a code of this parameter, None if it is stored as float32."""
    name = name.removeprefix(REVERSE)
    if name == "input.weight":
        return card.weight_bits
    if name == "output.weight":
        return card.output_weight_bits
    if name == EMBEDDING:
        return card.embedding_bits
    return card.bias_bits if name.startswith("layers.") and name.endswith(".bias") else None


def _is_plain(name: str, bits: int) -> bool:
    """Whether codes are stored one a byte, as int8, and not as a stream of bits."""
    return name == EMBEDDING or (name.endswith(".bias") and bits == 8)


def _is_signs(name: str) -> bool:
    return name.endswith("signs")


def coded(name: str) -> tuple[str, str]:
    """Names of the codes and of the scale that stand for a quantized parameter."""
    if name.endswith(".bias"):
        return f"{name}_codes", f"{name}_scale"
    stem = name.removesuffix(".weight")
    return f"{stem}.codes", f"{stem}.scale"


def schema(card: Card) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Name -> (dtype, shape) of every tensor that the file of a model with this card holds, and no other."""
    if card.integer is not None:
        return integers.schema(card)
    entries: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
    for name, shape in parameter_shapes(card).items():
        elements = math.prod(shape)
        bits = _bits(card, name)
        if _is_signs(name):
            entries[name] = (U8, (-(-elements // 8),))
        elif bits is None:
            entries[name] = (F32, shape)
        else:
            codes, scale = coded(name)
            packed = U8, (-(-elements * code_width(bits) // 8),)
            entries[codes] = (I8, shape) if _is_plain(name, bits) else packed
            entries[scale] = (F32, (shape[0],) if name == EMBEDDING else (1,))
    return entries


def pack_parameters(card: Card, parameters: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """Quantize and pack float parameters as the card says.

    Raises:
        InputError: a parameter is missing or unknown, is not real, or has a value that is not finite.
        ShapeError: a parameter has another shape than ``parameter_shapes(card)`` says.
    """
    if card.integer is not None:
        raise InputError(
            "the card is that of an integer model; expected a float model, to be quantized afterwards"
        )
    shapes = parameter_shapes(card)
    for name in sorted(shapes.keys() ^ parameters.keys()):
        what = "is missing" if name in shapes else "is not a parameter of this model"
        raise InputError(f"{name!r} {what}; expected {', '.join(shapes)}")
    tensors: dict[str, Array] = {}
    for name, shape in shapes.items():
        values = _float32(name, parameters[name], shape)
        bits = _bits(card, name)
        if _is_signs(name):
            signs = np.where(values >= 0, 1, -1).astype(np.int8)  # zero is +1: W stays orthogonal
            tensors[name] = pack_signs(signs.reshape(-1))
        elif bits is None:
            tensors[name] = values.astype(F32)
        elif name == EMBEDDING:
            tensors |= pack_embedding(values)
        else:
            codes, alpha = quantize(values, bits)
            code_name, scale_name = coded(name)
            tensors[code_name] = codes if _is_plain(name, bits) else pack(codes, bits)
            tensors[scale_name] = np.array([alpha], F32)
    return tensors


def pack_embedding(values: NDArray[np.float32]) -> dict[str, Array]:
    """An embedding (V, e) as codes and a step a row: what ``embedding_bits`` 8 means."""
    codes, steps = quantize_rows(values)
    code_name, scale_name = coded(EMBEDDING)
    return {code_name: codes, scale_name: steps.astype(F32)}


def unpack_parameters(card: Card, tensors: Mapping[str, Array]) -> dict[str, Array]:
    """What the network computes with: float32 (codes times their step), signs as int8 of +1 and -1.

    Of an integer model: codes and signs as int8, biases and multipliers as int32 (integer/tensors.py).

    Raises:
        ModelFormatError: a code that is no code, or padding bits that are not zero.
    """
    if card.integer is not None:
        return integers.unpack_integers(card, tensors)
    parameters: dict[str, Array] = {}
    for name, shape in parameter_shapes(card).items():
        try:
            parameters[name] = _unpack(name, shape, _bits(card, name), tensors)
        except ModelFormatError as error:
            raise ModelFormatError(f"tensor of {name!r}: {error}") from None
    return parameters


def _unpack(name: str, shape: tuple[int, ...], bits: int | None, tensors: Mapping[str, Array]) -> Array:
    if _is_signs(name):
        return unpack_signs(tensors[name], math.prod(shape)).reshape(shape)
    if bits is None:
        return np.array(tensors[name], np.float32)
    codes, scale = coded(name)
    if name == EMBEDDING:
        return dequantize_rows(tensors[codes], np.asarray(tensors[scale], np.float32))
    unpacked = tensors[codes] if _is_plain(name, bits) else unpack(tensors[codes], bits, shape)
    return dequantize(unpacked, np.float32(tensors[scale][0]), bits)


def validate(card: Card, tensors: Mapping[str, Array]) -> None:
    """Check packed tensors against the card.

    Raises:
        ModelFormatError: a tensor is missing, unknown, of another dtype or shape, not finite, or is a
            scale that is not positive. Codes and padding bits are checked when they are unpacked.
    """
    expected = schema(card)
    for name in sorted(expected.keys() ^ tensors.keys()):
        what = "is missing" if name in expected else "is not one of this model"
        raise ModelFormatError(f"tensor {name!r} {what}; expected {', '.join(sorted(expected))}")
    for name, (dtype, shape) in expected.items():
        tensor = tensors[name]
        if tensor.dtype != dtype or tensor.shape != shape:
            raise ModelFormatError(
                f"tensor {name!r} is {tensor.dtype} of shape {tensor.shape}; expected {dtype} of shape {shape}"
            )
        if dtype == F32 and not np.isfinite(tensor).all():
            raise ModelFormatError(f"tensor {name!r} holds a value that is not finite")
        if name.endswith("scale") and not (tensor > 0).all():
            raise ModelFormatError(f"tensor {name!r} is {tensor.min()}; expected a positive scale")


def _float32(name: str, value: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float32]:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name!r} has dtype {array.dtype}; expected real numbers")
    if array.shape != shape:
        raise ShapeError(f"{name!r} has shape {array.shape}; expected {shape}")
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(values).all():
        position = np.unravel_index(int(np.argmin(np.isfinite(values))), shape)
        raise InputError(
            f"{name!r} is {values[position]} at {tuple(map(int, position))}; expected finite numbers"
        )
    return values
