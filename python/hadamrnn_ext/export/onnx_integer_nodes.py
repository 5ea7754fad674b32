"""The parts of integer models as ONNX nodes over 64-bit integers. Needs the ``export`` extra (onnx)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..file.integer_card import IntegerInput
from .onnx_graph import Graph

__all__ = ["FLOAT32", "INT64", "floored", "half", "number", "quantized", "rectified", "wide"]

FLOAT32, INT64 = 1, 7  # numbers of ONNX for types


def quantized(g: Graph, how: IntegerInput, x: str) -> str:
    """The integers q = clamp(rint(x / s_x)) of features x, (.., d)."""
    scale = g.constant(np.array(how.scale, np.float32), "input_scale")
    q = g.node("Round", g.node("Div", x, scale))
    limits = (g.constant(np.array(limit, np.float32), "limit") for limit in how.range)
    return g.node("Cast", g.node("Clip", q, *limits), to=INT64)


def floored(g: Graph, total: str, shift: Any) -> str:
    """total >> shift for one shift or one per unit. ONNX divides towards zero, so what is left over goes first."""
    unit = wide(g, 1 << np.asarray(shift, np.int64), "unit")
    return g.node("Div", g.node("Sub", total, g.node("Mod", total, unit)), unit)


def half(shift: Any) -> Any:
    """Half of 2^shift, rounded down."""
    return 1 << np.asarray(shift, np.int64) >> 1


def rectified(g: Graph, z: str) -> str:
    return g.node("Max", z, number(g, 0))


def number(g: Graph, value: int) -> str:
    return g.constant(np.array(value, np.int64), "number")


def wide(g: Graph, values: Any, name: str) -> str:
    """Integers, which the file holds in their own width, as int64."""
    constant = g.constant(values, name)
    return constant if values.dtype == np.int64 else g.node("Cast", constant, to=INT64)
