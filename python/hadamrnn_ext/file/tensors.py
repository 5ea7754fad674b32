"""The parameters of a model: one table of their names, shapes and storage, and the loops over it.

``entries`` lists the parameters of a model with a given card; docs/format.md describes the same list in words. The tensors
of the file, the parameters that the network computes with, and all checks follow from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, ModelFormatError, ShapeError
from . import storage as kinds
from .card import Card
from .codes import pack, pack_signs
from .drawn import BITS
from .storage import F32, Coded, Float32, Int32, Schema, Shape, Storage

__all__ = [
    "EMBEDDING",
    "REVERSE",
    "Entry",
    "codes_name",
    "drawn_codes",
    "entries",
    "pack_parameters",
    "parameter_shapes",
    "quantized_embedding",
    "regenerated",
    "schema",
    "unpack_parameters",
    "validate",
]

Array = NDArray[Any]
EMBEDDING = "embedding.weight"
#: The prefix of the parameters of a bidirectional model's second network, and those that it shares with the first.
REVERSE = "reverse."
SHARED = (EMBEDDING, "output.bias")


class Entry(NamedTuple):
    """One parameter: its name, its shape as the network computes with it, and its storage in the file."""

    name: str
    shape: Shape
    storage: Storage


def codes_name(card: Card) -> str:
    """The name of the input weights of an integer model: U (n, d) for features, the table (V, n) for tokens."""
    return "input.codes" if card.input == "features" else "table.codes"


def entries(card: Card) -> Iterator[Entry]:
    """The parameters of a model with this card, in order."""
    yield from _network(card)
    if card.bidirectional:
        for entry in _network(card):
            if entry.name not in SHARED:
                yield entry._replace(name=REVERSE + entry.name)


def _network(card: Card) -> Iterator[Entry]:
    """The parameters of one direction."""
    yield from _input(card)
    integer = card.integer is not None
    number: Storage = Int32 if integer else Float32
    for i, layer in enumerate(card.layers):
        n = layer.hidden_size
        yield Entry(f"layers.{i}.signs", (n,), kinds.Signs())
        if card.integer is not None and card.integer.blocks is not None:
            yield from _blocks(card)
            continue
        bias = number if card.bias_bits is None else kinds.Quantized(card.bias_bits, card.bias_bits == 8)
        yield Entry(f"layers.{i}.bias", (n,), bias)
        if layer.recurrence == "modrelu":
            yield Entry(f"layers.{i}.modrelu", (n,), number)
        if card.decays:
            yield Entry(f"layers.{i}.decays", (n // layer.block_size,), kinds.Bytes)
        if i > 0:
            yield Entry(f"layers.{i}.input_signs", (n, card.layers[i - 1].hidden_size), kinds.Signs())
    yield from _output(card)


def _blocks(card: Card) -> Iterator[Entry]:
    """The constants of an integer layer that forgets, for each of its q blocks."""
    layer = card.layers[0]
    q = (layer.hidden_size // layer.block_size,)
    yield Entry("layers.0.state_scale", q, Float32)
    yield Entry("layers.0.multiplier", q, Int32)
    yield Entry("layers.0.input_shift", q, kinds.Bytes)
    if card.input == "tokens":  # phi and the bias are folded into the table
        return
    yield Entry("layers.0.input_multiplier", q, Int32)
    if card.input_activation == "clip":
        yield Entry("layers.0.input_bound", q, Int32)
    if card.bias_bits is None:
        yield Entry("layers.0.bias", (layer.hidden_size,), Int32)
    else:
        yield Entry("layers.0.bias", (layer.hidden_size,), kinds.Codes(card.bias_bits))
        yield Entry("layers.0.bias_multiplier", q, Int32)


def _input(card: Card) -> Iterator[Entry]:
    n = card.layers[0].hidden_size
    if card.integer is not None:
        assert card.weight_bits is not None
        shape = (n, card.input_width) if card.input == "features" else (card.input_size, n)
        yield Entry(codes_name(card), shape, kinds.Codes(card.weight_bits))
        if card.input == "tokens":
            yield Entry("table.multiplier", (card.input_size,), Int32)
        return
    yield Entry("input.weight", (n, card.input_width), _weight(card.weight_bits))
    if card.embedding_size is not None:
        storage = Float32 if card.embedding_bits is None else kinds.QuantizedRows()
        yield Entry(EMBEDDING, (card.input_size, card.embedding_size), storage)


def _output(card: Card) -> Iterator[Entry]:
    if card.pool is not None:
        thresholds = (card.pool.thresholds, card.layers[-1].hidden_size)
        yield Entry("pool.thresholds", thresholds, _thresholds(card))
    shape = (card.output_size, card.output_width)
    if card.integer is not None and card.integer.readout == "integer":
        assert card.output_weight_bits is not None
        yield Entry("output.codes", shape, kinds.Codes(card.output_weight_bits))
        yield Entry("output.bias", shape[:1], Int32)
    else:
        yield Entry("output.weight", shape, _weight(card.output_weight_bits))
        yield Entry("output.bias", shape[:1], Float32)


def _thresholds(card: Card) -> Storage:
    """In units of the state where that is of integers."""
    if card.integer is None or card.integer.blocks is None:
        return kinds.QuantizedRows()
    return kinds.Int8 if card.integer.blocks.state_bits == 8 else kinds.Int16


def _weight(bits: int | None) -> Storage:
    return Float32 if bits is None else kinds.Quantized(bits)


def parameter_shapes(card: Card) -> dict[str, Shape]:
    """The names and shapes of the unpacked parameters, from which a model is built."""
    return {entry.name: entry.shape for entry in entries(card)}


def schema(card: Card) -> Schema:
    """Name -> (dtype, shape) of all tensors in the file of a model with this card."""
    found: Schema = {}
    for name, shape, storage in entries(card):
        found |= storage.schema(name, shape)
    return found


def drawn_codes(card: Card) -> NDArray[np.int8]:
    """Codes of U (n, columns) of a model that is drawn."""
    assert card.drawn is not None
    layer = card.layers[0]
    draw = card.drawn.features if card.input == "features" else card.drawn.tokens
    blocks = layer.hidden_size // layer.block_size if card.input_activation is None else None
    return draw(layer.hidden_size, card.input_width, blocks)


def regenerated(card: Card) -> dict[str, Array]:
    """The tensors that are drawn, and so need not be in the file."""
    if card.drawn is None:
        return {}
    n, q = card.layers[0].hidden_size, card.layers[0].hidden_size // card.layers[0].block_size
    nothing = pack(np.zeros(n, np.int8), 1)
    made: dict[str, Array] = {"layers.0.signs": pack_signs(card.drawn.signs(n))}
    if card.integer is None or card.input == "features":
        made["input.codes"] = pack(drawn_codes(card), BITS)
    if card.integer is None:
        made["layers.0.decays"] = card.drawn.decays(q)
        made |= {"layers.0.bias_codes": nothing, "layers.0.bias_scale": np.ones(1, F32)}
    elif card.input == "features":
        made["layers.0.bias"] = nothing
    return made


def pack_parameters(card: Card, parameters: Mapping[str, ArrayLike | Coded]) -> dict[str, Array]:
    """Quantize and pack parameters as the card says. A ``Coded`` parameter is packed without quantizing it again.

    Raises:
        InputError: a parameter is missing, unknown or not real, or has a value that is not finite.
        ShapeError: a parameter has another shape than ``parameter_shapes(card)`` says.
    """
    shapes = parameter_shapes(card)
    for name in sorted(shapes.keys() ^ parameters.keys()):
        what = "is missing" if name in shapes else "is not a parameter of this model"
        raise InputError(f"{name!r} {what}; expected {', '.join(shapes)}")
    tensors: dict[str, Array] = {}
    for name, shape, storage in entries(card):
        given = parameters[name]
        tensors |= storage.pack(name, given if isinstance(given, Coded) else _checked(name, given, shape))
    return tensors


def unpack_parameters(card: Card, tensors: Mapping[str, Array]) -> dict[str, Array]:
    """What the network computes with: float32 values (codes times their step), and signs as int8 of +1 and -1.

    For an integer model: codes and signs as int8, biases, thresholds and multipliers as int32, and the matrix of a float
    readout as float32.

    Raises:
        ModelFormatError: there is an invalid code, or a padding bit is not zero.
    """
    parameters: dict[str, Array] = {}
    for name, shape, storage in entries(card):
        try:
            parameters[name] = storage.unpack(name, shape, tensors)
        except ModelFormatError as error:
            raise ModelFormatError(f"tensor of {name!r}: {error}") from None
    return parameters


def quantized_embedding(card: Card, tensors: Mapping[str, Array]) -> tuple[Card, dict[str, Array]]:
    """The same card and tensors with the embedding in 8 bits. Raises InputError if there is no float32 embedding."""
    if EMBEDDING not in tensors:
        raise InputError("this model has no float32 embedding to quantize")
    others = {name: tensor for name, tensor in tensors.items() if name != EMBEDDING}
    others |= kinds.QuantizedRows().pack(EMBEDDING, tensors[EMBEDDING])
    return dataclasses.replace(card, embedding_bits=8), others


def validate(card: Card, tensors: Mapping[str, Array]) -> None:
    """Check packed tensors against the card. Codes and padding bits are checked when they are unpacked.

    Raises:
        ModelFormatError: a tensor is missing or unknown, has another dtype or shape, or holds a number that is not finite
            or a scale that is not positive.
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
    for name, drawn in regenerated(card).items():
        if not np.array_equal(tensors[name], drawn):
            raise ModelFormatError(
                f"tensor {name!r} is not what Card.drawn gives for its seed; expected that, or a card without drawn"
            )


def _checked(name: str, value: ArrayLike, shape: Shape) -> Array:
    """A parameter as an array; numbers other than integers become float32."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name!r} has dtype {array.dtype}; expected real numbers")
    if array.shape != shape:
        raise ShapeError(f"{name!r} has shape {array.shape}; expected {shape}")
    if array.dtype.kind in "iu":
        return array
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(values).all():
        position = np.unravel_index(int(np.argmin(np.isfinite(values))), shape)
        raise InputError(
            f"{name!r} is {values[position]} at {tuple(map(int, position))}; expected finite numbers"
        )
    return values
