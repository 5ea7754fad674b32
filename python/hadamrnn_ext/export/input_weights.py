"""How exported C of an integer model multiplies the codes of its input weights by the input.

One feature or token takes a product per unit. Of several features, codes of three or four bits are stored in four bits and 8
too large, so that none needs a sign extension, and eight of them are unpacked from a word: one feature's codes of eight units.
As 32 bits hold two sums of 16 bits, a multiplication serves two units. Large inputs x are multiplied in two parts, of which
the lower one has seven bits: x = 128 high + low. Where sums need more than 16 bits nevertheless, two codes of four bits are
unpacked from a byte. Codes of other numbers of bits are read one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..file.card import Card
from ..file.codes import code_width
from ..file.tensors import codes_name
from ..model import Model
from .tables import Tables

__all__ = ["CHANGE", "input_kind", "input_weights"]

#: The C type of inputs beside their differences, which fit it (Card).
CHANGE = "int16_t"
#: That of a part of an input, and the bits of the lower one.
PART, LOW_BITS = "int16_t", 7


def input_kind(card: Card) -> str:
    """The C type of one feature or token."""
    assert card.integer is not None
    features = card.integer.input
    if features is None:
        return "int32_t"
    if features.bits <= 8:
        return "int8_t" if features.signed else "uint8_t"
    return "int16_t" if features.signed or features.bits < 16 else "uint16_t"


def input_weights(model: Model, parameters: Mapping[str, NDArray[Any]], tables: Tables) -> dict[str, Any]:
    """The values of the input; its tables are added to ``tables``."""
    card = model.card
    assert card.integer is not None
    assert card.weight_bits is not None
    tokens, width = card.input == "tokens", code_width(card.weight_bits)
    largest = np.full(card.input_width, card.integer.largest_input)
    largest[card.input_size :] *= 2  # of differences
    many = not tokens and card.input_width > 1
    codes = parameters[codes_name(card)].astype(np.int64)
    parts = _parts(codes, largest) if many and width in (3, 4) else 0
    eights = parts > 0
    # Codes of 0 to 15 times inputs are to fit 32 bits with room to spare.
    pairs = many and width == 4 and not eights and int(largest.sum()) < 1 << 26
    if tokens:
        tables["token_multiplier"] = parameters["table.multiplier"]
    if eights:
        tables["input_words"] = _words(codes)
    else:
        packed = np.append(model.tensors[codes_name(card)], np.uint8(0))  # a code may span two bytes
        tables["input_codes"] = packed ^ np.uint8(0x88 if pairs else 0)
    kind = CHANGE if card.differences else input_kind(card)
    return {
        "input_kind": input_kind(card),
        "read_kind": kind,
        "input_bits": width,
        "one_feature": not tokens and not many,
        "many_features": many,
        "in_eights": eights,
        "in_pairs": pairs,
        "with_less": eights or pairs,
        "two_parts": parts == 2,
        "part_kind": PART if parts == 2 else kind,
        "low_bits": LOW_BITS,
        "low_scale": 1 << LOW_BITS,
        "less_value": "less" if parts == 2 else "less[0]",
        "lanes": [
            {
                "unit": unit,
                "lane": f"{'abcd'[unit % 4]} >> 16" if unit > 3 else f"{'abcd'[unit]} & 0xFFFFu",
                "before": f"{1 << LOW_BITS} * sums[{unit}] + " * (parts == 2),
            }
            for unit in range(8)
        ],
        # Eight sums, one number that is to be added to sums per part, and the parts.
        "local_sums": 4 * 8 * eights + 4 * (parts or pairs) + 2 * 2 * card.input_width * (parts == 2),
        "one_by_one": many and not eights and not pairs,
        "product": "" if largest.max() < 256 else "(int32_t)",  # of a code and an input
        "differences": bool(card.differences),
        "change_kind": CHANGE,
        "change_cast": f"({CHANGE})",
    }


def _parts(codes: NDArray[np.int64], largest: NDArray[np.int64]) -> int:
    """In how many parts inputs of these largest magnitudes are multiplied, so that sums fit 16 bits; 0 if two are not enough."""
    low, high = (1 << LOW_BITS) - 1, (largest >> LOW_BITS) + 1

    def fit(magnitudes: NDArray[np.int64]) -> bool:
        return int((np.abs(codes) @ magnitudes).max()) < 1 << 15

    if fit(largest):
        return 1
    return 2 if fit(np.full_like(largest, low)) and fit(high) else 0


def _words(codes: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Codes (n, d) as words (n / 8, d): bits 4 k and up are unit k of eight, stored 8 too large."""
    padded = np.zeros((-(-len(codes) // 8) * 8, codes.shape[1]), np.int64)
    padded[: len(codes)] = codes
    shifts = 4 * np.arange(8)[:, None]
    words: NDArray[np.int64] = (padded.reshape(-1, 8, codes.shape[1]) + 8 << shifts).sum(axis=1)
    return words.astype(np.uint32)
