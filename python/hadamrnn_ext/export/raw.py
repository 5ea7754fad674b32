"""What sensors give -> what ``name_step`` reads: the C function ``name_prepare`` and its constants.

A float model's is the preprocessing of its card, to the bit. An integer model's takes integers r, each of which stands
for the value r * resolution, and computes

    q = clamp(round_half_even((r * resolution - offset) / (scale * s_x)))

by one multiplication of 32 by 33 bits, one addition and one shift: the multiplier has 30 bits, so the result is exact
but where the quotient is within 2^-14 of the middle between two integers, and there it is off by one at most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real

import numpy as np

from ..card import Card
from ..errors import InputError
from ..integer.source import bytes_enter
from .text import array, real

__all__ = ["Raw", "raw_values"]

MULTIPLIER_BITS = 30
FINE = 16  # raw units per step of the input, where the resolution is chosen here
INT32 = 1 << 31


@dataclass(frozen=True)
class Raw:
    """How raw values of ``kind``, a C type, are prepared; ``resolution`` is what one stands for, if they are integers."""

    card: Card
    kind: str
    resolution: tuple[float, ...] | None

    @property
    def offset(self) -> list[np.float32]:
        normalization = self.card.preprocess.normalization
        given = [0.0] * self.card.input_size if normalization is None else normalization.offset
        return [np.float32(value) for value in given]

    @property
    def scale(self) -> list[np.float32]:
        normalization = self.card.preprocess.normalization
        given = [1.0] * self.card.input_size if normalization is None else normalization.scale
        return [np.float32(value) for value in given]

    def steps(self) -> list[Fraction]:
        """Of each feature, what one step of the integer input is, in the units of the feature."""
        assert self.card.integer is not None
        assert self.card.integer.input is not None
        step = Fraction(float(np.float32(self.card.integer.input.scale)))
        return [Fraction(float(scale)) * step for scale in self.scale]

    def header(self, name: str) -> str:
        """The constants, and the declaration of ``name_prepare``."""
        upper, v, macros, integers = name.upper(), "r[j]", "", ""
        if self.resolution is not None:
            macros += "/* What one raw integer stands for, in the units of the data that the model was trained on. */\n"
            macros += _define(f"{upper}_RESOLUTION", self.resolution)
            v = f"{v} * {upper}_RESOLUTION[j]"
        if self.card.preprocess.normalization is not None:
            macros += "/* What the network reads of a value v is (v - offset) / scale. */\n"
            macros += _define(f"{upper}_OFFSET", self.offset) + _define(f"{upper}_SCALE", self.scale)
            v = f"({v} - {upper}_OFFSET[j]) / {upper}_SCALE[j]"
        if self.card.integer is not None and (features := self.card.integer.input) is not None:
            low, high = features.range
            integers = f""",
 * divided by {features.scale!r}, rounded to the nearest integer, and taken to {low} .. {high}. Integers do all of
 * it, and the result is off by one at most, where the exact quotient lies next to the middle between two integers"""
        return f"""{macros}
/* Makes of {upper}_INPUT_SIZE raw values r what {name}_step reads: {v}{integers}. */
void {name}_prepare(const {name}_raw *raw, {name}_input *x);
"""

    def source(self, name: str) -> str:
        """The tables and the definition of ``name_prepare``."""
        tables, body = self._float(name) if self.card.integer is None else self._integer(name)
        return f"""{tables}
void {name}_prepare(const {name}_raw *raw, {name}_input *x) {{
    place j;
    for (j = 0; j < {self.card.input_size}u; ++j) {{
{body}    }}
}}
"""

    def _float(self, name: str) -> tuple[str, str]:
        value, tables = "raw[j]", ""
        if self.card.preprocess.uint8_scale is not None:
            value = f"(float)raw[j] * {real(self.card.preprocess.uint8_scale)}"
        if self.card.preprocess.normalization is None:
            return tables, f"        x[j] = {value};\n"
        tables = array("float", "raw_offset", np.array(self.offset)) + array(
            "float", "raw_scale", np.array(self.scale)
        )
        return (
            tables,
            f"""        const float value = {value};
        const float shifted = value - READ(float, raw_offset + j);
        x[j] = shifted / READ(float, raw_scale + j);
""",
        )

    def _integer(self, name: str) -> tuple[str, str]:
        assert self.resolution is not None
        assert self.card.integer is not None
        assert self.card.integer.input is not None
        low, high = self.card.integer.input.range
        rows = [
            _fixed_point(j, Fraction(float(offset)), step, Fraction(resolution), high - low)
            for j, (offset, step, resolution) in enumerate(
                zip(self.offset, self.steps(), self.resolution, strict=True)
            )
        ]
        kinds = {"centre": "int32_t", "multiplier": "int32_t", "rest": "int32_t", "shift": "uint8_t"}
        tables = "".join(
            array(kind, f"raw_{what}", np.array(column))
            for (what, kind), column in zip(kinds.items(), zip(*rows, strict=True), strict=True)
        )
        body = f"""        const int shift = READ(uint8_t, raw_shift + j);
        const int64_t distance = (int64_t)raw[j] - READ(int32_t, raw_centre + j);
        const int64_t unit = (int64_t)1 << shift;
        const int64_t sum = distance * READ(int32_t, raw_multiplier + j) + READ(int32_t, raw_rest + j) + unit / 2;
        int64_t q = sum < 0 ? ~(~sum >> shift) : sum >> shift;
        if ((q & 1) != 0 && q * unit == sum) --q; /* in the middle: to the even one */
        x[j] = ({name}_input)(q < {low} ? {low} : q > {high} ? {high} : q);
"""
        return (
            f"/* Of each feature: the raw integer next to its offset, steps of the input times 2^shift, the rest. */\n{tables}",
            body,
        )


def raw_values(card: Card, resolution: float | Sequence[float] | None) -> Raw | None:
    """How a model's raw input is prepared; None where ``name_step`` reads it as it comes.

    Args:
        resolution: of an integer model, what one raw integer stands for: a number, or one for each feature. None
            takes 1 where a step of the input is at least that, else the power of two that divides a step into 16
            to 32; of bytes, the card's scale.

    Raises:
        InputError: a resolution that is no positive number, that this model has no use for, or by which integers of
            32 bits cannot tell the inputs apart.
    """
    steps = card.preprocess
    if card.integer is None or card.integer.input is None or bytes_enter(card):
        if resolution is not None:
            raise InputError(
                "resolution is given; expected None, since it is for integer models of features that are no bytes"
            )
        if card.input == "tokens" or card.integer is not None:
            return None
        if steps.uint8_scale is not None:
            return Raw(card, "uint8_t", _of_bytes(card))
        return None if steps.normalization is None else Raw(card, "float", None)
    if steps.uint8_scale is not None:
        if resolution is not None:
            raise InputError("resolution is given; expected None, since this model reads bytes")
        return Raw(card, "uint8_t", _of_bytes(card))
    raw = Raw(card, "int32_t", None)
    if resolution is None:
        return Raw(card, "int32_t", _chosen(raw))
    return Raw(card, "int32_t", _checked(resolution, card.input_size))


def _of_bytes(card: Card) -> tuple[float, ...]:
    assert card.preprocess.uint8_scale is not None
    return (float(np.float32(card.preprocess.uint8_scale)),) * card.input_size


def _checked(resolution: float | Sequence[float], d: int) -> tuple[float, ...]:
    numbers: tuple[object, ...] = (resolution,) * d if np.ndim(resolution) == 0 else tuple(resolution)  # type: ignore[arg-type]
    if len(numbers) != d:
        raise InputError(f"resolution has {len(numbers)} numbers; expected one, or {d}, one for each feature")
    for j, number in enumerate(numbers):
        if isinstance(number, bool) or not isinstance(number, Real) or not 0 < float(number) < math.inf:
            raise InputError(f"resolution[{j}] is {ascii(number)[:40]}; expected a positive number")
    return tuple(float(number) for number in numbers)  # type: ignore[arg-type]


def _chosen(raw: Raw) -> tuple[float, ...]:
    """2^-k, the same for all features where that fits in 32 bits."""
    assert raw.card.integer is not None
    assert raw.card.integer.input is not None
    high = raw.card.integer.input.range[1]
    wanted, most = [], []
    for offset, step in zip(raw.offset, raw.steps(), strict=True):
        wanted.append(0 if step >= 1 else math.ceil(math.log2(FINE / step)))
        most.append(math.floor(math.log2(INT32 / (abs(Fraction(float(offset))) + (high + 1) * step))))
    if max(wanted) <= min(most):
        return (2.0 ** -max(wanted),) * len(wanted)
    return tuple(2.0 ** -min(pair) for pair in zip(wanted, most, strict=True))


def _fixed_point(
    j: int, offset: Fraction, step: Fraction, resolution: Fraction, width: int
) -> tuple[int, int, int, int]:
    """Centre, multiplier, rest and shift of feature j: (r - centre) multiplier + rest is q 2^shift, before rounding."""
    exact = offset / resolution
    centre, steps_per_unit = round(exact), resolution / step
    problem = None
    if not -INT32 <= centre < INT32:
        problem = f"its offset is the integer {centre}, which 32 bits do not hold"
    elif steps_per_unit > width:
        problem = f"all of its inputs lie within {float(width * step):g}"
    elif steps_per_unit * INT32 < 1:
        problem = f"the integers of 32 bits all lie within one step of its input, {float(step):g}"
    if problem is not None:
        raise InputError(f"a raw integer of feature {j} stands for {float(resolution):g}, but {problem}")
    shift = math.floor(math.log2((1 << MULTIPLIER_BITS) / steps_per_unit))
    multiplier = round(steps_per_unit * (1 << shift))
    return centre, multiplier, round((centre - exact) * steps_per_unit * (1 << shift)), shift


def _define(name: str, values: Sequence[float | np.floating]) -> str:
    """A list of constants as a macro, float32 to the bit in decimal."""
    numbers = [f"{np.float32(value):.9g}" for value in values]
    numbers = [number if set(number) & set(".en") else f"{number}.0" for number in numbers]
    lines, line = [], f"#define {name} {{"
    for i, number in enumerate(numbers):
        word = f"{number}f" + ("}" if i == len(numbers) - 1 else ", ")
        if len(line) + len(word) > 100:
            lines.append(f"{line}\\\n")
            line = "    "
        line += word
    return "".join(lines) + line + "\n"
