"""How exported C of an integer model keeps the biases: as codes of one byte times a multiplier, if that gives all of them exactly.

Biases that were trained with few bits are whole multiples of a step, rounded to integers:

    bias = floor((code M + rest) / 2^s)

Otherwise, those with few distinct values take a byte each and a table of values, and others four bytes.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .tables import Tables, palette

__all__ = ["biases"]

Int = NDArray[np.int64]
#: The largest code, and the most bits of a multiplier's fraction.
LARGEST_CODE, FRACTION_BITS = 127, 24


def biases(tables: Tables, name: str, values: NDArray[np.int32], added: int = 0) -> dict[str, Any]:
    """The values with which the macro of a layer gives ``values`` (n,) + ``added``; its tables are added to ``tables``."""
    found = _progression(values.astype(np.int64), added)
    if found is None:
        return {"bias_steps": False, "few_biases": palette(tables, name, values + np.int32(added))}
    codes, multiplier, rest, shift = found
    tables[name] = codes.astype(np.int8)
    return {
        "bias_steps": True,
        "few_biases": False,
        "bias_step": multiplier,
        "bias_rest": rest,
        "bias_shift": shift,
    }


def _progression(values: Int, added: int) -> tuple[Int, int, int, int] | None:
    """Codes, multiplier, rest and shift; None if there are none."""
    different = np.unique(values)
    largest = int(np.abs(different).max())
    if len(different) > 2 * LARGEST_CODE + 1 or largest == 0:
        return None
    for top in range(1, LARGEST_CODE + 1):
        codes = np.rint(different * (top / largest)).astype(np.int64)
        step = _step(different, codes)
        if step is None:
            continue
        for shift in range(1, FRACTION_BITS):
            multiplier = -(-step[0].numerator * (1 << shift) // step[0].denominator)
            rest = (1 << shift - 1) + (added << shift)
            if multiplier > step[1] * (1 << shift) or not _exact(different, codes, multiplier, shift):
                continue
            if top * multiplier + abs(rest) >= 1 << 31:
                return None
            return np.rint(values * (top / largest)).astype(np.int64), multiplier, rest, shift
    return None


def _step(values: Int, codes: Int) -> tuple[Fraction, Fraction] | None:
    """Between which steps every value is its code times the step, rounded."""
    if ((codes == 0) & (values != 0)).any():
        return None
    half = Fraction(1, 2)
    low, high = Fraction(0), Fraction(1 << 31)
    for value, code in zip(np.abs(values).tolist(), np.abs(codes).tolist(), strict=True):
        if code:
            low, high = max(low, (value - half) / code), min(high, (value + half) / code)
    return (low, high) if low <= high else None


def _exact(values: Int, codes: Int, multiplier: int, shift: int) -> bool:
    return bool((codes * multiplier + (1 << shift - 1) >> shift == values).all())
