"""An integer model as one step with its state outside, as ONNX nodes over 64-bit integers. Needs the ``export`` extra (onnx).

The states are those of golden/integers.py to the bit, and so are the logits of an integer readout.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..file.card import Card, LayerCard
from ..file.integer_card import IntegerCard, IntegerLayer
from ..file.preprocess import Preprocess
from ..file.tensors import codes_name
from ..model import Model
from .onnx_graph import Graph, StepGraph
from .onnx_nodes import Parameters, declare_input, prepared, readout, transform

__all__ = ["integer_step"]

FLOAT32, INT64 = 1, 7  # numbers of ONNX for types


def integer_step(model: Model, rules: Preprocess) -> Any:
    """The graph (onnx.GraphProto) of a step, as ``onnx_step.one_step``; parts of the state are int64.

    ``pool`` (B, n) holds the sums of the rectified states of a model with output "mean".
    """
    card, parameters, g = model.card, model.parameters(), StepGraph()
    integer = card.integer
    assert integer is not None
    declared = declare_input(g, card, rules, "batch")
    z = v = _input(g, card, integer, parameters, prepared(g, rules, declared.name))
    for i, (layer, constants) in enumerate(zip(card.layers, integer.layers, strict=True)):
        if i > 0:
            signs = _wide(g, parameters[f"layers.{i}.input_signs"].T, "binary_weight")
            v = _scaled(g, constants, parameters, i, g.node("MatMul", _rectified(g, z), signs))
        state = g.before(f"state_{i}", np.int64, layer.hidden_size)
        z = _step(g, layer, constants, parameters, i, state, v)
        g.after(f"state_{i}", z, np.int64, layer.hidden_size)
    read = _mean(g, card, integer, _rectified(g, z)) if card.output == "mean" else _rectified(g, z)
    return g.step(declared, _logits(g, card, integer, parameters, read), card.output_size)


def _input(g: Graph, card: Card, integer: IntegerCard, parameters: Parameters, x: str) -> str:
    """in_t of the first layer, (B, n)."""
    codes, first = parameters[codes_name(card)], integer.layers[0]
    if integer.input is None:
        rows = g.node("Cast", g.node("Gather", g.constant(codes, "table"), x, axis=0), to=INT64)
        multipliers = _wide(g, parameters["table.multiplier"][:, None], "multipliers")
        products = g.node("Mul", rows, g.node("Gather", multipliers, x, axis=0))
        return _shifted(g, first, parameters, 0, products)
    q = g.node(
        "Round", g.node("Div", x, g.constant(np.array(integer.input.scale, np.float32), "input_scale"))
    )
    limits = (g.constant(np.array(limit, np.float32), "limit") for limit in integer.input.range)
    q = g.node("Cast", g.node("Clip", q, *limits), to=INT64)
    return _scaled(g, first, parameters, 0, g.node("MatMul", q, _wide(g, codes.T, "input_codes")))


def _scaled(g: Graph, c: IntegerLayer, parameters: Parameters, i: int, sums: str) -> str:
    """(sums M_x + beta) 2^s"""
    assert c.input_multiplier is not None
    return _shifted(g, c, parameters, i, g.node("Mul", sums, _number(g, c.input_multiplier)))


def _shifted(g: Graph, c: IntegerLayer, parameters: Parameters, i: int, products: str) -> str:
    """(products + beta) 2^s"""
    bias = _wide(g, parameters[f"layers.{i}.bias"], "bias")
    return g.node("Mul", g.node("Add", products, bias), _number(g, 1 << c.input_shift))


def _step(g: Graph, layer: LayerCard, c: IntegerLayer, parameters: Parameters, i: int, z: str, v: str) -> str:
    """z_t = sat(act((u H z M_h + v + 2^(F-1)) >> F))"""
    factors = _wide(g, parameters[f"layers.{i}.signs"].astype(np.int64) * c.multiplier, "signed_multiplier")
    total = g.node("Add", g.node("Mul", transform(g, layer, z, np.int64), factors), v)
    total = g.node("Add", total, _number(g, 1 << c.fraction_bits - 1))
    unit, zero = _number(g, 1 << c.fraction_bits), _number(g, 0)
    # ONNX divides towards zero, so what is left over goes first.
    rounded = g.node("Div", g.node("Sub", total, g.node("Mod", total, unit)), unit)
    if layer.recurrence == "sign":
        return g.node("Where", g.node("Less", rounded, zero), _number(g, -1), _number(g, 1))
    if layer.recurrence == "relu":
        rounded = _rectified(g, rounded)
    if layer.recurrence == "modrelu":
        threshold = _wide(g, parameters[f"layers.{i}.modrelu"], "modrelu")
        magnitude = _rectified(g, g.node("Add", g.node("Abs", rounded), threshold))
        rounded = g.node("Mul", g.node("Sign", rounded), magnitude)
    limit = 1 << c.state_bits - 1
    return g.node("Clip", rounded, _number(g, -limit), _number(g, limit - 1))


def _mean(g: StepGraph, card: Card, integer: IntegerCard, rectified: str) -> str:
    """The mean of the rectified states so far, rounded half up to 16 bits."""
    n = card.layers[-1].hidden_size
    count = g.node("Add", g.before("count", np.int64), _number(g, 1))
    total = g.node("Add", g.before("pool", np.int64, n), rectified)
    g.after("count", count, np.int64)
    g.after("pool", total, np.int64, n)
    steps = g.node("Unsqueeze", count, g.integers(1))
    bits, _ = integer.layers[-1].readout("mean")
    fine = g.node("Mul", total, _number(g, 1 << bits - integer.layers[-1].state_bits))
    return g.node("Div", g.node("Add", fine, g.node("Div", steps, _number(g, 2))), steps)


def _logits(g: Graph, card: Card, integer: IntegerCard, parameters: Parameters, read: str) -> str:
    if integer.logit_scale is None:
        _, scale = integer.layers[-1].readout(card.output)
        step = g.constant(np.array(scale, np.float32), "state_scale")
        return readout(g, parameters, g.node("Mul", g.node("Cast", read, to=FLOAT32), step))
    total = g.node("MatMul", read, _wide(g, parameters["output.codes"].T, "output_codes"))
    total = g.node("Add", total, _wide(g, parameters["output.bias"], "output_bias"))
    scale_of_logits = g.constant(np.array(integer.logit_scale, np.float32), "logit_scale")
    return g.node("Mul", g.node("Cast", total, to=FLOAT32), scale_of_logits)


def _rectified(g: Graph, z: str) -> str:
    return g.node("Max", z, _number(g, 0))


def _number(g: Graph, value: int) -> str:
    return g.constant(np.array(value, np.int64), "number")


def _wide(g: Graph, values: Any, name: str) -> str:
    """Integers, which the file holds in their own width, as int64."""
    return g.node("Cast", g.constant(values, name), to=INT64)
