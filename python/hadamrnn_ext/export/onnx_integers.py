"""An integer model as ONNX nodes over 64-bit integers: a step, or that step in a Scan. Needs the ``export`` extra (onnx).

The states are those of golden/integers.py and golden/forgetting.py to the bit, and so are the logits of an integer readout.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..file.card import Card, LayerCard
from ..file.integer_card import IntegerCard, IntegerLayer
from ..file.preprocess import Preprocess
from ..file.tensors import codes_name
from ..model import Model
from .onnx_forgetting import forgetting
from .onnx_graph import Graph, StepGraph, declare
from .onnx_integer_nodes import FLOAT32, INT64, floored, number, quantized, rectified, wide
from .onnx_layers import answers, whole_input, with_lengths
from .onnx_nodes import Parameters, declare_input, prepared, readout, transform

__all__ = ["integer_network", "integer_step"]


def integer_step(model: Model, rules: Preprocess) -> Any:
    """The graph (onnx.GraphProto) of a step, as ``onnx_step.one_step``; parts of the state are int64.

    ``pool`` (B, n) holds the sums of the rectified states of a model with output "mean".
    """
    card, parameters, g = model.card, model.parameters(), StepGraph()
    declared = declare_input(g, card, rules, "batch")
    read = _advanced(g, card, parameters, prepared(g, rules, declared.name))
    return g.step(declared, _logits(g, card, parameters, read), card.output_size)


def integer_network(model: Model, rules: Preprocess, lengths: bool) -> Any:
    """The graph (onnx.GraphProto) over whole sequences, as ``onnx_layers.network``."""
    card, parameters, g = model.card, model.parameters(), Graph()
    inputs, x = whole_input(g, card, rules)
    running = with_lengths(g, inputs, x) if lengths else None
    over, step = [x], StepGraph(within=g)
    size = () if card.input == "tokens" else (card.input_size,)
    taken = [declare(step.name("now"), np.int64 if card.input == "tokens" else np.float32, "batch", *size)]
    read = _advanced(step, card, parameters, taken[0].name)
    if card.output == "all":
        return answers(
            g, card, rules, inputs, _logits(g, card, parameters, step.repeated(g, taken, over, read)), running
        )
    kind = np.float32 if _reads_floats(card) else np.int64
    before = step.before("read", kind, card.output_width)
    if running is not None:  # what is read stays when its sequence has ended
        over.append(running)
        taken.append(declare(step.name("runs"), np.bool_, "batch", 1))
        read = step.node("Where", taken[1].name, read, before)
    step.after("read", read, kind, card.output_width)
    return answers(g, card, rules, inputs, _logits(g, card, parameters, step.repeated(g, taken, over)), None)


def _advanced(g: StepGraph, card: Card, parameters: Parameters, x: str) -> str:
    """What is read after a step of prepared input x, (B, F)."""
    integer = card.integer
    assert integer is not None
    if integer.blocks is not None:
        return forgetting(g, card, integer, parameters, x)
    z = v = _input(g, card, integer, parameters, x)
    for i, (layer, constants) in enumerate(zip(card.layers, integer.layers, strict=True)):
        if i > 0:
            signs = wide(g, parameters[f"layers.{i}.input_signs"].T, "binary_weight")
            v = _scaled(g, constants, parameters, i, g.node("MatMul", rectified(g, z), signs))
        state = g.before(f"state_{i}", np.int64, layer.hidden_size)
        z = _step(g, layer, constants, parameters, i, state, v)
        g.after(f"state_{i}", z, np.int64, layer.hidden_size)
    return _mean(g, card, integer, rectified(g, z)) if card.output == "mean" else rectified(g, z)


def _input(g: Graph, card: Card, integer: IntegerCard, parameters: Parameters, x: str) -> str:
    """in_t of the first layer, (B, n)."""
    codes, first = parameters[codes_name(card)], integer.layers[0]
    if integer.input is None:
        rows = g.node("Cast", g.node("Gather", g.constant(codes, "table"), x, axis=0), to=INT64)
        multipliers = wide(g, parameters["table.multiplier"][:, None], "multipliers")
        products = g.node("Mul", rows, g.node("Gather", multipliers, x, axis=0))
        return _shifted(g, first, parameters, 0, products)
    q = quantized(g, integer.input, x)
    return _scaled(g, first, parameters, 0, g.node("MatMul", q, wide(g, codes.T, "input_codes")))


def _scaled(g: Graph, c: IntegerLayer, parameters: Parameters, i: int, sums: str) -> str:
    """(sums M_x + beta) 2^s"""
    assert c.input_multiplier is not None
    return _shifted(g, c, parameters, i, g.node("Mul", sums, number(g, c.input_multiplier)))


def _shifted(g: Graph, c: IntegerLayer, parameters: Parameters, i: int, products: str) -> str:
    """(products + beta) 2^s"""
    bias = wide(g, parameters[f"layers.{i}.bias"], "bias")
    return g.node("Mul", g.node("Add", products, bias), number(g, 1 << c.input_shift))


def _step(g: Graph, layer: LayerCard, c: IntegerLayer, parameters: Parameters, i: int, z: str, v: str) -> str:
    """z_t = sat(act((u H z M_h + v + 2^(F-1)) >> F))"""
    factors = wide(g, parameters[f"layers.{i}.signs"].astype(np.int64) * c.multiplier, "signed_multiplier")
    total = g.node("Add", g.node("Mul", transform(g, layer, z, np.int64), factors), v)
    total = g.node("Add", total, number(g, 1 << c.fraction_bits - 1))
    rounded = floored(g, total, c.fraction_bits)
    if layer.recurrence == "sign":
        return g.node("Where", g.node("Less", rounded, number(g, 0)), number(g, -1), number(g, 1))
    if layer.recurrence == "relu":
        rounded = rectified(g, rounded)
    if layer.recurrence == "modrelu":
        threshold = wide(g, parameters[f"layers.{i}.modrelu"], "modrelu")
        magnitude = rectified(g, g.node("Add", g.node("Abs", rounded), threshold))
        rounded = g.node("Mul", g.node("Sign", rounded), magnitude)
    limit = 1 << c.state_bits - 1
    return g.node("Clip", rounded, number(g, -limit), number(g, limit - 1))


def _mean(g: StepGraph, card: Card, integer: IntegerCard, rectified: str) -> str:
    """The mean of the rectified states so far, rounded half up to 16 bits."""
    n = card.layers[-1].hidden_size
    count = g.node("Add", g.before("count", np.int64), number(g, 1))
    total = g.node("Add", g.before("pool", np.int64, n), rectified)
    g.after("count", count, np.int64)
    g.after("pool", total, np.int64, n)
    steps = g.node("Unsqueeze", count, g.integers(1))
    bits, _ = integer.layers[-1].readout("mean")
    fine = g.node("Mul", total, number(g, 1 << bits - integer.layers[-1].state_bits))
    return g.node("Div", g.node("Add", fine, g.node("Div", steps, number(g, 2))), steps)


def _reads_floats(card: Card) -> bool:
    """Whether what is read comes in the units of the readout already."""
    return card.forgets and card.integer is not None and card.integer.logit_scale is None


def _logits(g: Graph, card: Card, parameters: Parameters, read: str) -> str:
    """The logits (.., o) of what is read, (.., F)."""
    integer = card.integer
    assert integer is not None
    if integer.logit_scale is None:
        if not _reads_floats(card):
            _, scale = integer.layers[-1].readout(card.output)
            step = g.constant(np.array(scale, np.float32), "state_scale")
            read = g.node("Mul", g.node("Cast", read, to=FLOAT32), step)
        return readout(g, parameters, read)
    total = g.node("MatMul", read, wide(g, parameters["output.codes"].T, "output_codes"))
    total = g.node("Add", total, wide(g, parameters["output.bias"], "output_bias"))
    scale_of_logits = g.constant(np.array(integer.logit_scale, np.float32), "logit_scale")
    return g.node("Mul", g.node("Cast", total, to=FLOAT32), scale_of_logits)
