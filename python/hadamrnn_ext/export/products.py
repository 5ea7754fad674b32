"""The product of the transform and its multiplier, shifted right, which takes more than 32 bits: the values for ``product.c.in``.

Where a processor has no products of 64 bits, the multiplier is taken in parts: for M = M_1 2^a + M_0

    floor(x M / 2^s) = floor((x M_1 + floor(x M_0 / 2^a)) / 2^(s - a))

whose sums fit 32 bits if x 2^a does and the result does.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

__all__ = ["product"]

#: With more parts, products of 64 bits are as good.
MOST_PARTS = 3


def product(largest: int, shift: int) -> dict[str, Any]:
    """The values for factors of this ``largest`` magnitude, and a shift after which the product fits 32 bits."""
    room = 31 - largest.bit_length()
    count = -(-shift // max(room, 1))
    places = [shift * i // count for i in range(count + 1)]
    return {
        "product_shift": shift,
        "in_parts": room > 0 and count <= MOST_PARTS,
        "parts": [
            {"from": low, "mask": (1 << high - low) - 1, "bits": high - low} for low, high in pairwise(places)
        ],
    }
