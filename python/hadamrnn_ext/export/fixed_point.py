"""Converts raw integers of sensors to the integers that an integer model reads, in integer arithmetic only.

The integer r of a feature stands for the value r * resolution and enters the network as

    q = clamp(round_half_even((r * resolution - offset) / step))        step = scale * s_x

The quotient is computed as ((r - centre) * multiplier + rest) / 2^shift with a multiplier of 30 bits. If q is within its
range, the quotient is exact to within 2^-14. So q is exact as well, unless the quotient lies within 2^-14 of the midpoint
between two integers, where q may be off by one. For any r of 32 bits nothing overflows 64 bits: r - centre has 33 bits,
and the product is below 2^62.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real

import numpy as np

from ..errors import InputError
from ..file.card import Card

__all__ = ["Feature", "integer_features", "resolutions"]

MULTIPLIER_BITS = 30
FINE = 16  # raw integers per input step, at least, where the resolution is chosen here and is not 1
INT32 = 1 << 31


@dataclass(frozen=True)
class Feature:
    """Feature number j, with its offset and step in the units of the data, and the range of q."""

    j: int
    offset: Fraction
    step: Fraction
    low: int
    high: int

    def constants(self, resolution: float) -> tuple[int, int, int, int]:
        """Centre, multiplier, rest and shift for this resolution.

        Raises:
            InputError: integers of 32 bits do not reach the offset, or the resolution is too coarse or too fine for the steps.
        """
        centre = Fraction(self.offset) / Fraction(resolution)
        nearest, steps_per_unit = round(centre), Fraction(resolution) / self.step
        problem = None
        if not -INT32 <= nearest < INT32:
            problem = f"its offset, {float(self.offset):g}, takes more than 32 bits"
        elif steps_per_unit > self.high - self.low:
            problem = f"all of its inputs lie within {float((self.high - self.low) * self.step):g}"
        elif steps_per_unit * INT32 < 1:
            problem = f"one step of its input is {float(self.step):g}, more than 32 bits reach"
        if problem is not None:
            raise InputError(f"a raw integer of feature {self.j} stands for {float(resolution):g}; {problem}")
        shift = math.floor(math.log2((1 << MULTIPLIER_BITS) / steps_per_unit))
        multiplier = steps_per_unit * (1 << shift)
        return nearest, round(multiplier), round((nearest - centre) * multiplier), shift

    @property
    def finest(self) -> int:
        """The largest k for which 2^-k lets 32 bits reach all inputs."""
        largest = abs(self.offset) + (max(-self.low, self.high) + 1) * self.step
        return math.floor(math.log2(INT32 / largest))

    @property
    def wanted(self) -> int:
        """The k of the resolution 2^-k: a resolution of 1 if a step is at least 1, otherwise ``FINE`` or more integers per step."""
        return 0 if self.step >= 1 else math.ceil(math.log2(FINE / self.step))


def integer_features(card: Card) -> list[Feature]:
    """The features of an integer model."""
    assert card.integer is not None
    assert card.integer.input is not None
    steps, low_high = Fraction(float(np.float32(card.integer.input.scale))), card.integer.input.range
    normalization = card.preprocess.normalization
    if normalization is None:
        return [Feature(j, Fraction(0), steps, *low_high) for j in range(card.input_size)]
    pairs = zip(normalization.offset, normalization.scale, strict=True)
    return [
        Feature(j, Fraction(offset), Fraction(scale) * steps, *low_high)
        for j, (offset, scale) in enumerate(pairs)
    ]


def resolutions(features: list[Feature], given: float | Sequence[float] | None) -> tuple[float, ...]:
    """One resolution per feature: those given, or powers of two, which are equal for all features if 32 bits allow it.

    Raises:
        InputError: what is given is neither one positive number nor one positive number per feature.
    """
    if given is None:
        wanted, finest = [f.wanted for f in features], [f.finest for f in features]
        if max(wanted) <= min(finest):
            wanted = [max(wanted)] * len(features)
        return tuple(2.0 ** -min(pair) for pair in zip(wanted, finest, strict=True))
    if isinstance(given, (str, bytes)) or np.ndim(given) > 1:
        raise InputError(f"resolution is {ascii(given)[:40]}; expected a number, or one for each feature")
    numbers: tuple[object, ...] = (given,) if np.ndim(given) == 0 else tuple(given)  # type: ignore[arg-type]
    if len(numbers) not in (1, len(features)):
        expected = "one" if len(features) == 1 else f"one, or {len(features)}, one for each feature"
        raise InputError(f"resolution has {len(numbers)} numbers; expected {expected}")
    for j, number in enumerate(numbers):
        if isinstance(number, bool) or not isinstance(number, Real) or not 0 < float(number) < math.inf:
            raise InputError(f"resolution[{j}] is {ascii(number)[:40]}; expected a positive number")
    found = tuple(float(number) for number in numbers)  # type: ignore[arg-type]
    return found if len(found) == len(features) else found * len(features)
