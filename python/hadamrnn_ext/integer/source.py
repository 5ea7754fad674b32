"""The input weights of an integer model: codes of U, or of the table of tokens, and the steps between codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..file.card import Card
from ..file.codes import code_range, quantize, unpack
from ..file.integer_card import IntegerInput

__all__ = [
    "TABLE_BITS",
    "Source",
    "bytes_enter",
    "feature_input",
    "input_source",
    "row_codes",
    "row_steps",
    "weight_codes",
]

Array = NDArray[Any]
TABLE_BITS = (
    8  # of the folded table of embedded tokens, and of weights that the float model does not quantize
)


@dataclass(frozen=True)
class Source:
    """Codes times ``steps`` give the input of the first layer, before its bias is added."""

    codes: NDArray[np.int8]  # (n, d) for features, (V, n) for tokens
    bits: int
    steps: NDArray[np.float64]  # () for features, (V,) for tokens
    input: IntegerInput | None  # None for tokens


def weight_codes(
    name: str, bits: int | None, floats: Mapping[str, Array], packed: Mapping[str, Array]
) -> tuple[NDArray[np.int8], int, float]:
    """Codes, bits and step of the weights "input" or "output": as in the file, or 8-bit codes of float weights."""
    weight = floats[f"{name}.weight"]
    if bits is None:
        bits = TABLE_BITS
        codes, alpha = quantize(weight, bits)
    else:
        codes = unpack(packed[f"{name}.codes"], bits, weight.shape)
        alpha = np.float32(packed[f"{name}.scale"][0])
    return codes, bits, float(alpha / np.float32(-code_range(bits)[0]))


def input_source(
    card: Card,
    floats: Mapping[str, Array],
    packed: Mapping[str, Array],
    largest: float | None,
    input_bits: int,
    power_of_two: bool,
) -> Source:
    """The input weights of this float model as integers; ``largest`` is the largest magnitude of its features."""
    if card.embedding_size is not None:
        return _folded(floats["input.weight"], floats["embedding.weight"], power_of_two)
    codes, bits, step = weight_codes("input", card.weight_bits, floats, packed)
    if card.input == "tokens":  # one-hot: column j of U is the row of token j
        return Source(np.ascontiguousarray(codes.T), bits, np.full(card.input_size, step), None)
    assert largest is not None
    features = feature_input(card, largest, input_bits)
    return Source(codes, bits, np.array(step * features.scale), features)


def bytes_enter(card: Card) -> bool:
    """Whether the features are bytes, so that 8 bits hold them exactly."""
    return card.preprocess.uint8_scale is not None and card.preprocess.normalization is None


def feature_input(card: Card, largest: float, bits: int) -> IntegerInput:
    """How features of these bits become integers, bytes as they are."""
    scale = card.preprocess.uint8_scale
    if bits == 8 and scale is not None and bytes_enter(card):
        return IntegerInput(8, False, float(np.float32(scale)))
    return IntegerInput(bits, True, float(np.float32(largest / ((1 << bits - 1) - 1))))


def _folded(weight: Array, embedding: Array, power_of_two: bool) -> Source:
    """U E as rows of 8-bit codes with a step per row. ``power_of_two``: each step is the largest one times a power of two."""
    rows = embedding.astype(np.float64) @ weight.astype(np.float64).T
    steps = row_steps(rows)
    top = steps.max()
    if power_of_two and top > 0:
        nonzero = np.where(steps > 0, steps, top)
        steps = np.where(steps > 0, top * 2.0 ** np.ceil(np.log2(nonzero / top)), 0)
    return Source(row_codes(rows, steps), TABLE_BITS, steps, None)


def row_steps(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The step of each row of a table: its largest magnitude is the largest code."""
    steps: NDArray[np.float64] = np.abs(rows).max(axis=1) / ((1 << TABLE_BITS - 1) - 1)
    return steps


def row_codes(rows: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.int8]:
    """The codes of a table's rows; a row whose step is 0 is all zero."""
    return np.rint(rows / np.where(steps > 0, steps, 1)[:, None]).astype(np.int8)
