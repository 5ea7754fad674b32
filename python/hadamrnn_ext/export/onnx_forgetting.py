"""The step of an integer model that forgets as ONNX nodes: golden/forgetting.py to the bit. Needs the ``export`` extra (onnx)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..file.card import Card
from ..file.integer_card import IntegerCard
from ..file.pool import Pool
from ..file.tensors import codes_name
from ..integer.block_bounds import bias
from .onnx_graph import StepGraph
from .onnx_integer_nodes import FLOAT32, INT64, floored, half, number, quantized, rectified, wide
from .onnx_nodes import Parameters, transform

__all__ = ["forgetting"]


def forgetting(g: StepGraph, card: Card, integer: IntegerCard, parameters: Parameters, x: str) -> str:
    """What is read after a step of prepared input x, (B, F): integers, or float32 for a float readout.

    The state is ``state_0`` (B, n), and as far as the model has them ``pool`` (B, F), ``last`` (B, d), the quantized input
    of the step before, and ``count`` (B,), the number of steps so far.
    """
    layer, blocks = card.layers[0], integer.blocks
    assert blocks is not None
    pool = Pool(1, share=False) if card.output == "mean" else card.pool
    counted = pool is not None and pool.time_constant is None
    count = g.before("count", np.int64) if counted or card.differences else None
    v = _input(g, card, integer, parameters, x, count)
    state = g.before("state_0", np.int64, layer.hidden_size)
    factors = _units(card, parameters, "multiplier") * parameters["layers.0.signs"]
    products = g.node("Mul", transform(g, layer, state, np.int64), g.constant(factors, "signed_multiplier"))
    total = g.node("Add", floored(g, products, blocks.product_shift), v)
    total = g.node("Add", total, number(g, int(half(blocks.fraction_bits))))
    lowest = 0 if layer.recurrence == "relu" else -blocks.limit
    z = g.node("Clip", floored(g, total, blocks.fraction_bits), number(g, lowest), number(g, blocks.limit))
    g.after("state_0", z, np.int64, layer.hidden_size)
    now = None
    if count is not None:
        now = g.node("Add", count, number(g, 1))
        g.after("count", now, np.int64)
    scale = np.repeat(parameters["layers.0.state_scale"], layer.block_size)
    if pool is None:
        return _read(g, integer, rectified(g, z), scale)
    steps = None if pool.time_constant is not None or now is None else g.node("Unsqueeze", now, g.integers(1))
    return _pooled(g, card, integer, pool, parameters, scale, z, steps)


def _input(
    g: StepGraph, card: Card, integer: IntegerCard, parameters: Parameters, x: str, count: str | None
) -> str:
    """v_t, (B, n)."""
    codes, shift = parameters[codes_name(card)], _units(card, parameters, "input_shift")
    if integer.input is None:
        rows = g.node("Cast", g.node("Gather", g.constant(codes, "table"), x, axis=0), to=INT64)
        multipliers = g.node(
            "Gather", wide(g, parameters["table.multiplier"][:, None], "multipliers"), x, axis=0
        )
        products = g.node("Add", g.node("Mul", rows, multipliers), g.constant(half(shift), "half"))
        return floored(g, products, shift)
    q = quantized(g, integer.input, x)
    if card.differences:
        assert count is not None
        last = g.before("last", np.int64, card.input_size)
        g.after("last", q, np.int64, card.input_size)
        first = g.node("Unsqueeze", g.node("Equal", count, number(g, 0)), g.integers(1))
        change = g.node("Sub", q, g.node("Where", first, q, last))  # nothing has changed at first
        q = g.node("Concat", q, change, axis=1)
    sums = g.node("MatMul", q, wide(g, codes.T, "input_codes"))
    products = g.node("Mul", sums, g.constant(_units(card, parameters, "input_multiplier"), "multiplier"))
    beta = bias(card, parameters)
    assert beta is not None
    total = g.node("Add", products, g.constant(beta.astype(np.int64) + half(shift), "bias"))
    v = floored(g, total, shift)
    if card.input_activation == "clip":
        bound = _units(card, parameters, "input_bound")
        return g.node("Max", g.node("Min", v, g.constant(bound, "bound")), g.constant(-bound, "bound"))
    return rectified(g, v) if card.input_activation == "relu" else v


def _pooled(
    g: StepGraph,
    card: Card,
    integer: IntegerCard,
    pool: Pool,
    parameters: Parameters,
    scale: NDArray[np.float32],
    z: str,
    steps: str | None,
) -> str:
    """The features of a pool after a step of states z, with the number of ``steps`` (B, 1) if it divides by that."""
    assert integer.blocks is not None
    blocks, j, n = integer.blocks, pool.time_constant, len(scale)
    none = np.zeros((1, n), np.int64)
    parts = []
    for theta in parameters.get("pool.thresholds", none):
        excess = rectified(g, g.node("Sub", z, g.constant(theta.astype(np.int64), "threshold")))
        parts += [excess] * pool.excess
        parts += [g.node("Min", excess, number(g, 1))] * pool.share
    kinds = ["excess"] * pool.excess + ["share"] * pool.share

    def each(excess: Any, share: Any) -> NDArray[Any]:
        """A constant of all features, (F,), of those of the excess of one threshold and of its share, (n,)."""
        one = {"excess": excess, "share": share}
        return np.concatenate([one[kinds[i % len(kinds)]] for i in range(len(parts))])

    width, fine = len(parts) * n, 16 - blocks.state_bits
    new = g.node("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]
    finer = g.constant(each(np.full(n, 1 << fine), np.full(n, 1 << 15)), "units")
    before, ones = g.before("pool", np.int64, width), np.ones(n, np.float32)
    if j is not None:
        kept = g.node("Sub", before, floored(g, before, j))
        total = g.node("Add", kept, g.node("Mul", new, finer))
        g.after("pool", total, np.int64, width)
        units = each(scale * np.float32(2.0**-fine), ones * np.float32(2.0**-15))
        return _read(g, integer, floored(g, total, j), units)
    assert steps is not None
    total = g.node("Add", before, new)
    g.after("pool", total, np.int64, width)
    if integer.logit_scale is None:
        floats = [g.node("Cast", value, to=FLOAT32) for value in (total, steps)]
        return g.node("Mul", g.node("Div", *floats), g.constant(each(scale, ones), "state_scale"))
    rounded = g.node("Add", g.node("Mul", total, finer), g.node("Div", steps, number(g, 2)))
    return g.node("Div", rounded, steps)


def _read(g: StepGraph, integer: IntegerCard, features: str, units: NDArray[np.float32]) -> str:
    """Integer features as the readout takes them: as they are or, for a float readout, in float32 times their units."""
    if integer.logit_scale is not None:
        return features
    return g.node("Mul", g.node("Cast", features, to=FLOAT32), g.constant(units, "state_scale"))


def _units(card: Card, parameters: Parameters, name: str) -> NDArray[np.int64]:
    """A constant of each block, repeated for its units (n,)."""
    repeated: NDArray[np.int64] = np.repeat(
        parameters[f"layers.0.{name}"].astype(np.int64), card.layers[0].block_size
    )
    return repeated
