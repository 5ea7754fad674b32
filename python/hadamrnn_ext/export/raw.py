"""What sensors give -> what ``name_step`` reads: the C function ``name_prepare`` and its constants.

A float model's is the preprocessing of its card, in float32 to the bit. An integer model's takes integers, see
``fixed_point``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..file.card import Card
from ..file.preprocess import Normalization
from ..integer.source import bytes_enter
from .fixed_point import integer_features, resolutions
from .text import array, block_comment, macro, real

__all__ = ["Raw", "raw_values"]


@dataclass(frozen=True)
class Raw:
    """How raw values of ``kind``, a C type, are prepared; ``resolution`` is what one stands for, if they are integers."""

    card: Card
    kind: str
    resolution: tuple[float, ...] | None

    def header(self, name: str) -> str:
        """The constants, and the declaration of ``name_prepare``."""
        upper, number, parts = name.upper(), "f" if self.card.integer is None else "", []
        normalization = self.card.preprocess.normalization
        v, rounded = "r[j]", ""
        if self.resolution is not None:
            parts.append(
                "/* What one raw integer stands for, in the units of the data that the model was trained on. */\n"
                + macro(f"{upper}_RESOLUTION", self.resolution, number)
            )
            v = f"{v} * {upper}_RESOLUTION[j]"
        if normalization is not None:
            parts.append(
                "/* What the network reads of a value v is (v - offset) / scale. */\n"
                + macro(f"{upper}_OFFSET", normalization.offset, number)
                + macro(f"{upper}_SCALE", normalization.scale, number)
            )
            v = f"({v} - {upper}_OFFSET[j]) / {upper}_SCALE[j]"
        if self.card.integer is not None and (features := self.card.integer.input) is not None:
            low, high = features.range
            rounded = (
                f", divided by {features.scale!r}, rounded to the nearest integer, and taken to {low} .. {high}. "
                "Integers do all of it. The result is exact, or off by one where the quotient lies within 2^-14 of the "
                "middle between two integers"
            )
        what = f"Makes of {upper}_INPUT_SIZE raw values r what {name}_step reads: {v}{rounded}."
        parts.append(f"{block_comment(what)}\nvoid {name}_prepare(const {name}_raw *raw, {name}_input *x);\n")
        return "\n".join(parts)

    def source(self, name: str) -> str:
        """The tables and the definition of ``name_prepare``."""
        tables, body = self._float() if self.card.integer is None else self._integer(name)
        return f"""{tables}
void {name}_prepare(const {name}_raw *raw, {name}_input *x) {{
    place j;
    for (j = 0; j < {self.card.input_size}u; ++j) {{
{body}    }}
}}
"""

    def _float(self) -> tuple[str, str]:
        scale, normalization = self.card.preprocess.uint8_scale, self.card.preprocess.normalization
        value = "raw[j]" if scale is None else f"(float)raw[j] * {real(scale)}"
        if normalization is None:
            return "", f"        x[j] = {value};\n"
        columns = {"raw_offset": normalization.offset, "raw_scale": normalization.scale}
        tables = "".join(
            array("float", name, np.array(column, np.float32)) for name, column in columns.items()
        )
        body = f"""        const float value = {value};
        const float shifted = value - READ(float, raw_offset + j);
        x[j] = shifted / READ(float, raw_scale + j);
"""
        return tables, body

    def _integer(self, name: str) -> tuple[str, str]:
        assert self.resolution is not None
        features = integer_features(self.card)
        rows = [
            feature.constants(resolution)
            for feature, resolution in zip(features, self.resolution, strict=True)
        ]
        kinds = {"centre": "int32_t", "multiplier": "int32_t", "rest": "int32_t", "shift": "uint8_t"}
        tables = "".join(
            array(kind, f"raw_{what}", np.array(column))
            for (what, kind), column in zip(kinds.items(), zip(*rows, strict=True), strict=True)
        )
        low, high = features[0].low, features[0].high
        body = f"""        const int shift = READ(uint8_t, raw_shift + j);
        const int64_t unit = (int64_t)1 << shift, from_centre = (int64_t)raw[j] - READ(int32_t, raw_centre + j);
        const int64_t sum = from_centre * READ(int32_t, raw_multiplier + j) + READ(int32_t, raw_rest + j) + unit / 2;
        int64_t q = sum < 0 ? ~(~sum >> shift) : sum >> shift;
        if ((q & 1) != 0 && q * unit == sum) --q; /* in the middle: to the even one */
        x[j] = ({name}_input)(q < {low} ? {low} : q > {high} ? {high} : q);
"""
        return (
            f"/* ((raw - centre) multiplier + rest) / 2^shift is what x is rounded from. */\n{tables}",
            body,
        )


def raw_values(card: Card, resolution: float | Sequence[float] | None) -> Raw | None:
    """How a model's raw input is prepared; None where ``name_step`` reads it as it comes: tokens, bytes, plain floats.

    Raises:
        InputError: the resolution is not for this model, or not positive numbers; or float32 cannot hold the raw values.
    """
    steps = card.preprocess
    integers = card.integer is not None and card.integer.input is not None and not bytes_enter(card)
    if resolution is not None and (not integers or steps.uint8_scale is not None):
        raise InputError(
            "resolution is given; expected None: only an integer model of features reads raw integers, and bytes "
            "have the resolution of the card"
        )
    if steps.uint8_scale is not None and (integers or card.integer is None):
        scale = float(np.float32(steps.uint8_scale))
        return Raw(card, "uint8_t", (scale,) * card.input_size)
    if integers:
        return Raw(card, "int32_t", resolutions(integer_features(card), resolution))
    if card.integer is None and steps.normalization is not None:
        _check_floats(steps.normalization)
        return Raw(card, "float", None)
    return None


def _check_floats(normalization: Normalization) -> None:
    if (j := normalization.fine) is not None:
        offset, scale = normalization.offset[j], normalization.scale[j]
        raise InputError(
            f"feature {j} varies by {scale:.3g} about {offset:.12g}, where the floats that C would read have "
            f"steps of {np.spacing(np.float32(abs(offset))):.3g}; expected an integer model (Model.quantize), which reads integers"
        )
