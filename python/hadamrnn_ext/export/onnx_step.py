"""A float model as one step with its state outside, as ONNX nodes. Needs the ``export`` extra (onnx)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..file.preprocess import Preprocess
from ..model import Model
from .onnx_graph import StepGraph
from .onnx_nodes import activate, declare_input, from_below, input_of, pooled, prepared, product, readout

__all__ = ["one_step"]


def one_step(model: Model, rules: Preprocess) -> Any:
    """The graph (onnx.GraphProto) of a step: ``x`` and a state to ``logits`` and the next state.

    The state is ``state_0``, ``state_1``, .. of each layer (B, n), and as far as the model has them ``pool`` (B, F), the
    sums or running means of its features, ``last`` (B, d), the prepared input of the step before, and ``count`` (B,), the
    number of steps so far. All of it is zero before the first step.
    """
    card, parameters, g = model.card, model.parameters(), StepGraph()
    declared = declare_input(g, card, rules, "batch")
    x = prepared(g, rules, declared.name)
    counted = card.output == "mean" or (card.pool is not None and card.pool.time_constant is None)
    count = g.before("count", np.int64) if counted or card.differences else None
    if card.differences:
        assert count is not None
        last = g.before("last", np.float32, card.input_size)
        g.after("last", x, np.float32, card.input_size)
        first = g.node("Equal", count, g.constant(np.array(0, np.int64), "number"))
        last = g.node(
            "Where", g.node("Unsqueeze", first, g.integers(1)), x, last
        )  # nothing has changed at first
        x = g.node("Concat", x, g.node("Sub", x, last), axis=1)
    h = v = input_of(g, card, parameters, x)
    for i, layer in enumerate(card.layers):
        if i > 0:
            v = from_below(g, parameters, i, h)
        state = g.before(f"state_{i}", np.float32, layer.hidden_size)
        z = g.node("Add", product(g, layer, parameters, i, state), v)
        h = activate(g, layer, parameters, i, z)
        g.after(f"state_{i}", h, np.float32, layer.hidden_size)
    if count is not None:
        now = g.node("Add", count, g.constant(np.array(1, np.int64), "number"))
        g.after("count", now, np.int64)
    if card.pool is not None or card.output == "mean":
        h = pooled(g, card, parameters, g.before("pool", np.float32, card.output_width), h)
        g.after("pool", h, np.float32, card.output_width)
        if counted:
            h = g.node("Div", h, g.node("Cast", g.node("Unsqueeze", now, g.integers(1)), to=1))
    return g.step(declared, readout(g, parameters, h), card.output_size)
