"""The C function ``name_prepare``, which converts what sensors give to what ``name_step`` reads, and its constants.

For a float model it is the preprocessing of the card, in float32 to the bit. For an integer model it reads integers; see
``fixed_point``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..file.card import Card
from ..file.preprocess import Normalization
from ..integer.source import bytes_enter
from .fixed_point import integer_features, resolutions
from .tables import Tables, braces, real

__all__ = ["Raw", "raw_values"]


@dataclass(frozen=True)
class Raw:
    """How raw values of the C type ``kind`` are prepared; ``resolution`` is what 1 stands for, if they are integers."""

    card: Card
    kind: str
    resolution: tuple[float, ...] | None

    def values(self, name: str, tables: Tables) -> dict[str, Any]:
        """The values for ``header.h.in`` and ``prepare.c.in``; the constants of every feature are added to ``tables``."""
        upper, suffix = name.upper(), "f" if self.card.integer is None else ""
        normalization, scale = self.card.preprocess.normalization, self.card.preprocess.uint8_scale
        value = "r[j]" if self.resolution is None else f"r[j] * {upper}_RESOLUTION[j]"
        found = {
            "raw": True,
            "raw_kind": self.kind,
            "resolution": None if self.resolution is None else braces(self.resolution, suffix),
            "normalized": normalization is not None,
            "value": "raw[j]" if scale is None else f"(float)raw[j] * {real(scale)}",
            "formula": value
            if normalization is None
            else f"({value} - {upper}_OFFSET[j]) / {upper}_SCALE[j]",
        }
        if normalization is not None:
            found |= {
                "offset": braces(normalization.offset, suffix),
                "normal_scale": braces(normalization.scale, suffix),
            }
            if self.card.integer is None:
                tables["raw_offset"] = np.array(normalization.offset, np.float32)
                tables["raw_scale"] = np.array(normalization.scale, np.float32)
        if self.card.integer is not None and self.card.integer.input is not None:
            lowest, highest = self.card.integer.input.range
            found |= {
                "input_scale": repr(self.card.integer.input.scale),
                "lowest": lowest,
                "highest": highest,
            }
            self._integer_tables(tables)
        return found

    def _integer_tables(self, tables: Tables) -> None:
        assert self.resolution is not None
        features = zip(integer_features(self.card), self.resolution, strict=True)
        columns = zip(*(feature.constants(resolution) for feature, resolution in features), strict=True)
        kinds = {"centre": np.int32, "multiplier": np.int32, "rest": np.int32, "shift": np.uint8}
        for (what, kind), column in zip(kinds.items(), columns, strict=True):
            tables[f"raw_{what}"] = np.array(column, kind)


def raw_values(card: Card, resolution: float | Sequence[float] | None) -> Raw | None:
    """How the raw input of a model is prepared; None if ``name_step`` reads it directly, as tokens, bytes or plain floats.

    Raises:
        InputError: the resolution does not suit the model or is not positive, or float32 cannot hold the raw values.
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
