"""The constants of an integer layer that forgets: those of the fastest step that is exact, golden/forgetting.py says of what.

Few fraction bits between the shifts let a step fit lanes of 16 bits, and what they cost is little: an input rounded to
2^-f of a state's unit adds 4^-f of the noise that rounding the state has.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .block_bounds import INT16, INT32, BlockStep, problem, short

__all__ = ["Constants", "RealInput", "constants"]

Array = NDArray[Any]
F64 = NDArray[np.float64]
#: Fraction bits of steps in 32 bits.
FRACTION = 12
#: M_x from which on it is a whole number: the scale of the state grows by less than a sixteenth for that.
WHOLE = 16
MOST_SHIFT = 30


@dataclass(frozen=True)
class RealInput:
    """The input of a layer in real numbers: codes (n, d) times ``step``, and a bias (n,).

    ``sums``: (n,) the largest magnitudes of codes times inputs. ``bounded``: whether it is clipped to -1 .. 1.
    """

    codes: Array
    step: float
    sums: Array
    bias: F64
    bounded: bool


@dataclass(frozen=True)
class Constants:
    """f and g of the layer; of each block (q,) the scale s, M_h, and of its input M_x, r and C."""

    fraction_bits: int
    product_shift: int
    scale: NDArray[np.float32]
    multiplier: Array
    input_multiplier: Array
    input_shift: Array
    bound: Array
    beta: Array  # (n,)


def constants(
    block_size: int, state_bits: int, decays: F64, scales: F64, given: RealInput | F64
) -> Constants:
    """Those of the first candidate whose sums provably fit.

    Args:
        decays, scales: (q,) lambda and the scale s of each block; a scale may grow by up to a sixteenth.
        given: the input; or of tokens the largest magnitudes of their rows in units of the state, (n,).

    Raises:
        InputError: none fits.
    """
    found = "its input is far above its states"
    for fraction, shift, wants_short in _candidates(block_size, state_bits, decays):
        made = _made(block_size, decays, scales, given, fraction, shift)
        if made is None:
            continue
        result, sums, weight = made
        step = BlockStep(
            hidden_size=len(scales) * block_size,
            block_size=block_size,
            state_bits=state_bits,
            fraction_bits=fraction,
            product_shift=shift,
            multiplier=int(result.multiplier.max()),
            weight=weight,
            sums=sums,
            shifts=np.repeat(result.input_shift, block_size),
            bounds=np.repeat(result.bound, block_size)
            if isinstance(given, RealInput) and given.bounded
            else None,
        )
        said = problem(step)
        if said is None and (short(step) or not wants_short):
            return result
        found = said or found
    raise InputError(
        f"layer 0 cannot be written in integers of {state_bits} bits: {found}; fewer bits, or a calibration that shows the "
        "model's usual input, may help"
    )


def _candidates(block_size: int, state_bits: int, decays: F64) -> Iterator[tuple[int, int, bool]]:
    """f and g, and whether they are for lanes of 16 bits; the best ones first."""
    acc = block_size * ((1 << state_bits - 1) - 1)
    largest = float(decays.max()) / math.sqrt(block_size)
    for bits, fraction in ((16, 16 - state_bits), (32, FRACTION)):
        if (room := bits - 1 - acc.bit_length()) < 0:
            continue
        for f in range(fraction, 0, -1):
            # The multiplier is to fit, and is the finer the larger g is.
            for g in range(min(bits, MOST_SHIFT), 0, -1):
                multiplier = round(2.0 ** (f + g) * largest)
                left = bits - 1 - multiplier.bit_length()
                if left < 0 or bits - g > room + left:
                    continue
                yield f, g, bits == 16
                break


def _made(
    block_size: int, decays: F64, scales: F64, given: RealInput | F64, fraction: int, shift: int
) -> tuple[Constants, Array, int] | None:
    """Constants, the largest magnitudes (n,) of what r shifts, and that of a weight; None if the input has no such shift."""
    multiplier = np.rint(2.0 ** (fraction + shift) * decays / math.sqrt(block_size)).astype(np.int64)
    if not isinstance(given, RealInput):  # tokens: one multiplier each, one shift for all
        shifts = MOST_SHIFT - math.frexp(float(given.max()) * 2.0**fraction)[1]
        shifts = min(shifts, MOST_SHIFT)
        if shifts < 0:
            return None
        sums = np.ceil(given * 2.0 ** (fraction + shifts)).astype(np.int64) + 128 + (1 << shifts >> 1)
        same = np.full(len(scales), shifts)
        zero = np.zeros(len(scales), np.int64)
        return (
            Constants(
                fraction, shift, scales.astype(np.float32), multiplier, zero, same, zero, np.zeros(len(given))
            ),
            sums,
            0,
        )
    q = len(scales)
    most = np.maximum(np.abs(given.codes.astype(np.int64)).max(axis=1).reshape(q, -1).max(axis=1), 1)
    # The sums with their bias, in units of the codes' step.
    sums = (given.sums + np.abs(given.bias) / max(given.step, 1e-300)).reshape(q, -1).max(axis=1)
    cap = np.minimum((INT16 - 1) // most, np.floor((INT32 >> 2) / np.maximum(sums, 1)))
    unit = given.step * 2.0**fraction / scales  # M_x 2^-r
    with np.errstate(divide="ignore"):
        shifts = np.floor(np.log2(cap / unit))
    if (cap < 1).any() or (shifts < 0).any():
        return None
    shifts = np.minimum(shifts, MOST_SHIFT)
    wanted = unit * 2.0**shifts
    whole = np.floor(wanted * (1 + 1e-6))
    grown = np.where(
        whole >= WHOLE,
        np.maximum(given.step * 2.0 ** (fraction + shifts) / np.maximum(whole, 1), scales),
        scales,
    )
    scale = grown.astype(np.float32)
    fine = 2.0 ** (fraction + shifts) / scale
    input_multiplier = np.rint(given.step * fine).astype(np.int64)
    beta = np.rint(given.bias * np.repeat(fine, block_size)).astype(np.int64)
    bound = np.rint(np.minimum(2.0**fraction / scale.astype(np.float64), INT32 - 1)).astype(np.int64)
    r = shifts.astype(np.int64)
    largest = given.sums * np.repeat(input_multiplier, block_size) + np.abs(beta)
    return (
        Constants(fraction, shift, scale, multiplier, input_multiplier, r, bound, beta),
        largest + np.repeat(1 << r >> 1, block_size),
        int((most * input_multiplier).max()),
    )
