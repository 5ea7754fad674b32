"""A float model over whole sequences as ONNX nodes; a layer is a Scan over time. Needs the ``export`` extra (onnx)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..file.card import Card
from ..file.preprocess import Preprocess
from ..model import Model
from .onnx_graph import Graph, declare
from .onnx_nodes import (
    Parameters,
    activate,
    declare_input,
    from_below,
    input_of,
    pooled,
    prepared,
    product,
    readout,
)

__all__ = ["answers", "network", "whole_input", "with_lengths"]


def network(model: Model, rules: Preprocess, lengths: bool) -> Any:
    """The graph (onnx.GraphProto) of a model, which prepares its input by ``rules``."""
    card, parameters = model.card, model.parameters()
    g = Graph()
    inputs, x = whole_input(g, card, rules)
    if card.differences:
        x = g.node("Concat", x, _change(g, x), axis=2)
    v = input_of(g, card, parameters, x)
    running = with_lengths(g, inputs, v) if lengths else None
    count = _steps_read(g, card, v, lengths)
    for i in range(len(card.layers)):
        if i > 0:
            v = from_below(g, parameters, i, v)
        v = _layer(g, card, parameters, i, v, running)
    if count is not None:
        v = g.node("Div", v, count)
    return answers(g, card, rules, inputs, readout(g, parameters, v), running)


def whole_input(g: Graph, card: Card, rules: Preprocess) -> tuple[list[Any], str]:
    """The declared input, and the prepared features (B, T, d) or tokens (B, T) in the order in which they are read."""
    declared = declare_input(g, card, rules, "batch", _steps(rules))
    x = prepared(g, rules, declared.name)
    if rules.permutation is not None:
        x = g.node("Gather", x, g.constant(rules.permutation.indices(), "permutation"), axis=1)
    return [declared], x


def with_lengths(g: Graph, inputs: list[Any], v: str) -> str:
    """Adds ``lengths`` to the inputs; whether each sequence of v (B, T, ..) is still running at each step, (B, T, 1)."""
    inputs.append(declare(g.name("lengths"), np.int64, "batch"))
    steps = _steps_of(g, v)
    zero, one = (g.constant(np.array(number, np.int64), "number") for number in (0, 1))
    ended = g.node("Less", g.node("Range", zero, steps, one), g.node("Unsqueeze", "lengths", g.integers(1)))
    return g.node("Unsqueeze", ended, g.integers(2))


def answers(
    g: Graph, card: Card, rules: Preprocess, inputs: list[Any], logits: str, running: str | None
) -> Any:
    """The finished graph, whose logits at every step are zero where a sequence is no longer ``running``."""
    if running is not None and card.output == "all":
        logits = g.node("Where", running, logits, g.constant(np.array(0, np.float32), "zero"))
    steps = (_steps(rules),) if card.output == "all" else ()
    output = declare(g.node("Identity", logits, name="logits"), np.float32, "batch", *steps, card.output_size)
    return g.finish("hadamrnn", inputs, [output])


def _steps(rules: Preprocess) -> int | str:
    """The number of time steps, or a name where no permutation fixes it."""
    return "time" if rules.permutation is None else rules.permutation.size


def _change(g: Graph, x: str) -> str:
    """x_t - x_(t-1) for (B, T, d), which is zero at the first step."""
    zero, one, last, axis = (g.integers(number) for number in (0, 1, -1, 1))
    first, others = g.node("Slice", x, zero, one, axis), g.node("Slice", x, zero, last, axis)
    return g.node("Sub", x, g.node("Concat", first, others, axis=1))


def _steps_read(g: Graph, card: Card, v: str, lengths: bool) -> str | None:
    """The number of steps so far, float32, by which the sums of a pool are divided; None if nothing is divided."""
    if card.output != "mean" and (card.pool is None or card.pool.time_constant is not None):
        return None
    if card.output == "all":
        one = g.constant(np.array(1, np.int64), "number")
        upto = g.node("Range", one, g.node("Add", _steps_of(g, v), one), one)
        steps = g.node("Unsqueeze", upto, g.integers(1))  # (T, 1)
    elif lengths:
        steps = g.node("Unsqueeze", "lengths", g.integers(1))  # (B, 1)
    else:
        steps = _steps_of(g, v)
    return g.node("Cast", steps, to=1)


def _steps_of(g: Graph, v: str) -> str:
    """T of (B, T, n)."""
    return g.node("Squeeze", g.node("Shape", v, start=1, end=2), g.integers(0))


def _layer(g: Graph, card: Card, parameters: Parameters, i: int, v: str, running: str | None) -> str:
    """The states h_t = act(W h_(t-1) + v_t), or in the last layer the sums of its pool, if it has one.

    They are those after the last step, (B, ..), or after every step, (B, T, ..).
    """
    layer, top = card.layers[i], i == len(card.layers) - 1
    every_step = not top or card.output == "all"
    has_pool = top and (card.pool is not None or card.output == "mean")
    widths = [layer.hidden_size, *([card.output_width] if has_pool else [])]
    body = Graph(within=g)
    carried = [body.name(name) for name in ("state", "pool")[: len(widths)]]
    step = body.name("step")
    inputs = [declare(name, np.float32, "batch", width) for name, width in zip(carried, widths, strict=True)]
    inputs.append(declare(step, np.float32, "batch", layer.hidden_size))
    z = body.node("Add", product(body, layer, parameters, i, carried[0]), step)
    new = [activate(body, layer, parameters, i, z)]
    if has_pool:
        new.append(pooled(body, card, parameters, carried[1], new[0]))
    scanned = [v]
    if not every_step and running is not None:  # everything keeps the value it had when its sequence ended
        inputs.append(declare(body.name("runs"), np.bool_, "batch", 1))
        new = [body.node("Where", inputs[-1].name, *pair) for pair in zip(new, carried, strict=True)]
        scanned.append(running)
    outputs = [declare(name, np.float32, "batch", width) for name, width in zip(new, widths, strict=True)]
    if every_step:
        outputs.append(declare(body.node("Identity", new[-1]), np.float32, "batch", widths[-1]))
    batch = g.node("Shape", v, start=0, end=1)
    return g.node(
        "Scan",
        *(g.node("ConstantOfShape", g.node("Concat", batch, g.integers(width), axis=0)) for width in widths),
        *scanned,
        outputs=len(outputs),
        num_scan_inputs=len(scanned),
        scan_input_axes=[1] * len(scanned),
        scan_output_axes=[1] if every_step else None,
        body=body.finish(f"layer_{i}", inputs, outputs),
    )
