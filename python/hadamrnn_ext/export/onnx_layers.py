"""The network of a float model as ONNX nodes. Needs the ``export`` extra (onnx).

A layer is a Scan over time. The product with H_m = H_a (x) H_c is computed with two small matrices as H_a X H_c^T, where X
is the state of a block as an (a, c) matrix. This takes (a + c) n products per step instead of the n^2 of a dense W, and the
file shrinks by the same factor. Measured in onnxruntime at n = 512, it is three times as fast as a dense W for one sequence
and six times for a hundred.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import hadamard
from ..file.card import Card, LayerCard
from ..file.preprocess import Preprocess
from ..golden.floats import decay
from ..model import Model
from .onnx_graph import Graph, declare

__all__ = ["network"]

Parameters = dict[str, NDArray[Any]]


def network(model: Model, rules: Preprocess, lengths: bool) -> Any:
    """The graph (onnx.GraphProto) of a model, which prepares its input by ``rules``."""
    card, parameters = model.card, model.parameters()
    g = Graph()
    inputs, v = _inputs(g, model, parameters, rules)
    running = None
    if lengths:
        inputs.append(declare(g.name("lengths"), np.int64, "batch"))
        running = _running(g, v)
    count = _steps_read(g, card, v, lengths)
    for i in range(len(card.layers)):
        if i > 0:
            v = _from_below(g, parameters, i, v)
        v = _layer(g, card, parameters, i, v, running)
    if count is not None:
        v = g.node("Div", v, count)
    weight = g.constant(parameters["output.weight"].T, "output_weight")
    product = g.node("MatMul", g.node("Relu", v), weight)
    logits = g.node("Add", product, g.constant(parameters["output.bias"], "output_bias"))
    if running is not None and card.output == "all":
        logits = g.node("Where", running, logits, g.constant(np.array(0, np.float32), "zero"))
    steps = (_steps(rules),) if card.output == "all" else ()
    output = declare(g.node("Identity", logits, name="logits"), np.float32, "batch", *steps, card.output_size)
    return g.finish("hadamrnn", inputs, [output])


def _steps(rules: Preprocess) -> int | str:
    """The number of time steps, or a name where no permutation fixes it."""
    return "time" if rules.permutation is None else rules.permutation.size


def _inputs(g: Graph, model: Model, parameters: Parameters, rules: Preprocess) -> tuple[list[Any], str]:
    """The declared input, and v_t = U x_t + b of the first layer, (B, T, n)."""
    card = model.card
    x = g.name("x")
    if card.input == "tokens":
        declared = declare(x, np.int64, "batch", _steps(rules))
    else:
        dtype = np.float32 if rules.uint8_scale is None else np.uint8
        declared = declare(x, dtype, "batch", _steps(rules), card.input_size)
    if rules.uint8_scale is not None:
        x = g.node(
            "Mul", g.node("Cast", x, to=1), g.constant(np.array(rules.uint8_scale, np.float32), "uint8_scale")
        )
    if rules.normalization is not None:
        x = g.node("Sub", x, g.constant(np.array(rules.normalization.offset, np.float32), "offset"))
        x = g.node("Div", x, g.constant(np.array(rules.normalization.scale, np.float32), "scale"))
    if rules.permutation is not None:
        x = g.node("Gather", x, g.constant(rules.permutation.indices(), "permutation"), axis=1)
    weight, bias = parameters["input.weight"].T, parameters["layers.0.bias"]
    if card.input == "features":
        if card.differences:
            x = g.node("Concat", x, _change(g, x), axis=2)
        product = g.node("MatMul", x, g.constant(weight, "input_weight"))
        v = g.node("Add", product, g.constant(bias, "bias"))
    else:
        rows = weight if card.embedding_size is None else parameters["embedding.weight"] @ weight
        v = g.node("Gather", g.constant(rows + bias, "token_rows"), x, axis=0)
    if card.input_activation is not None:
        v = _clip(g, v) if card.input_activation == "clip" else g.node("Relu", v)
    return [declared], v


def _change(g: Graph, x: str) -> str:
    """x_t - x_(t-1) for (B, T, d), which is zero at the first step."""
    zero, one, last, axis = (g.integers(number) for number in (0, 1, -1, 1))
    first, others = g.node("Slice", x, zero, one, axis), g.node("Slice", x, zero, last, axis)
    return g.node("Sub", x, g.node("Concat", first, others, axis=1))


def _clip(g: Graph, v: str) -> str:
    """Clips to -1 .. 1; NaN stays NaN."""
    for operator, limit in (("Greater", 1), ("Less", -1)):
        constant = g.constant(np.array(limit, np.float32), "limit")
        v = g.node("Where", g.node(operator, v, constant), constant, v)
    return v


def _from_below(g: Graph, parameters: Parameters, i: int, h: str) -> str:
    """v_t = B relu(h_t) / sqrt(n) + b for layer i, where h_t are the states of the layer below, of n units."""
    binary = parameters[f"layers.{i}.input_signs"].T.astype(np.float32)
    scaled = g.constant(binary / np.sqrt(np.float32(len(binary))), "binary_weight")
    product = g.node("MatMul", g.node("Relu", h), scaled)
    return g.node("Add", product, g.constant(parameters[f"layers.{i}.bias"], "bias"))


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


def _running(g: Graph, v: str) -> str:
    """Whether each sequence is still running at each step, (B, T, 1)."""
    steps = _steps_of(g, v)
    zero, one = (g.constant(np.array(number, np.int64), "number") for number in (0, 1))
    ended = g.node("Less", g.node("Range", zero, steps, one), g.node("Unsqueeze", "lengths", g.integers(1)))
    return g.node("Unsqueeze", ended, g.integers(2))


def _layer(g: Graph, card: Card, parameters: Parameters, i: int, v: str, running: str | None) -> str:
    """The states h_t = act(W h_(t-1) + v_t), or in the last layer the sums of its pool, if it has one.

    They are those after the last step, (B, ..), or after every step, (B, T, ..).
    """
    layer, top = card.layers[i], i == len(card.layers) - 1
    every_step = not top or card.output == "all"
    pooled = top and (card.pool is not None or card.output == "mean")
    widths = [layer.hidden_size, *([card.output_width] if pooled else [])]
    body = Graph(within=g)
    carried = [body.name(name) for name in ("state", "pool")[: len(widths)]]
    step = body.name("step")
    inputs = [declare(name, np.float32, "batch", width) for name, width in zip(carried, widths, strict=True)]
    inputs.append(declare(step, np.float32, "batch", layer.hidden_size))
    z = body.node("Add", _product(body, layer, parameters, i, carried[0]), step)
    new = [_activate(body, layer, parameters, i, z)]
    if pooled:
        new.append(_pooled(body, card, parameters, carried[1], new[0]))
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


def _pooled(body: Graph, card: Card, parameters: Parameters, before: str, h: str) -> str:
    """The sums or running means of a pool after one more step."""
    new = body.node("Relu", h) if card.pool is None else _features(body, card, parameters, h)
    if card.pool is None or card.pool.time_constant is None:
        return body.node("Add", before, new)
    part = body.constant(np.array(2.0**-card.pool.time_constant, np.float32), "part")
    return body.node("Add", before, body.node("Mul", body.node("Sub", new, before), part))


def _features(body: Graph, card: Card, parameters: Parameters, h: str) -> str:
    """Features (B, F) of states (B, n): per threshold the excess of all units, then which are above it. NaN stays NaN."""
    assert card.pool is not None
    thresholds = body.constant(parameters["pool.thresholds"], "thresholds")
    above = body.node("Sub", body.node("Unsqueeze", h, body.integers(1)), thresholds)  # (B, K, n)
    parts = []
    if card.pool.excess:
        parts.append(body.node("Relu", above))
    if card.pool.share:
        zero = body.constant(np.array(0, np.float32), "zero")
        share = body.node("Cast", body.node("Greater", above, zero), to=1)
        parts.append(body.node("Where", body.node("IsNaN", above), above, share))
    return body.node("Reshape", body.node("Concat", *parts, axis=2), body.integers(-1, card.output_width))


def _product(body: Graph, layer: LayerCard, parameters: Parameters, i: int, h: str) -> str:
    """W h = Lambda diag(u) (I_q (x) H_a (x) H_c) h / sqrt(m)."""
    m = layer.block_size
    _, log2 = hadamard.factor(m)
    a = min((2**k for k in range(log2 + 1)), key=lambda a: a + m // a)
    blocks = body.node("Reshape", h, body.integers(-1, a, m // a))
    right = hadamard.matrix(m // a).T.astype(np.float32)
    blocks = body.node("MatMul", blocks, body.constant(right, "hadamard"))
    if a > 1:
        left = body.constant(hadamard.matrix(a).astype(np.float32), "hadamard")
        blocks = body.node("MatMul", left, blocks)
    scaled = parameters[f"layers.{i}.signs"].astype(np.float32) / np.sqrt(np.float32(m))
    if (decays := parameters.get(f"layers.{i}.decays")) is not None:
        scaled = scaled * np.repeat(decay(decays), m).astype(np.float32)
    flat = body.node("Reshape", blocks, body.integers(-1, layer.hidden_size))
    return body.node("Mul", flat, body.constant(scaled, "scaled_signs"))


def _activate(body: Graph, layer: LayerCard, parameters: Parameters, i: int, z: str) -> str:
    if layer.recurrence == "relu":
        return body.node("Relu", z)
    if layer.recurrence == "sign":
        zero, one, minus = (body.constant(np.array(number, np.float32), "number") for number in (0, 1, -1))
        negative = body.node("Where", body.node("Less", z, zero), minus, z)  # NaN stays NaN
        return body.node("Where", body.node("GreaterOrEqual", z, zero), one, negative)
    if layer.recurrence == "modrelu":
        threshold = body.constant(parameters[f"layers.{i}.modrelu"], "modrelu")
        magnitude = body.node("Relu", body.node("Add", body.node("Abs", z), threshold))
        return body.node("Mul", body.node("Sign", z), magnitude)
    return z
