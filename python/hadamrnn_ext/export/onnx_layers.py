"""The network of a float model as ONNX nodes. Needs the ``export`` extra (onnx).

A layer is a Scan over time. Its product with H_m = H_a (x) H_c is that of two small matrices, H_a X H_c^T with the
state of a block as the (a, c) matrix X: (a + c) n products a step where a dense W takes n^2, and a file as much smaller.
Measured in onnxruntime at n = 512: three times as fast as a dense W for one sequence, six times for a hundred.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import hadamard
from ..file.card import LayerCard
from ..file.preprocess import Preprocess
from ..model import Model
from .onnx_graph import Graph, declare

__all__ = ["network"]

Parameters = dict[str, NDArray[Any]]


def network(model: Model, rules: Preprocess, lengths: bool) -> Any:
    """The graph (onnx.GraphProto) of a model whose input is still to be prepared by ``rules``."""
    card, parameters = model.card, model.parameters()
    g = Graph()
    inputs, v = _inputs(g, model, parameters, rules)
    running = None
    if lengths:
        inputs.append(declare(g.name("lengths"), np.int64, "batch"))
        running = _running(g, v)
    count = _steps_read(g, v, lengths) if card.output == "mean" else None
    for i, layer in enumerate(card.layers):
        if i > 0:
            v = _from_below(g, parameters, i, v)
        kept = card.output if i == len(card.layers) - 1 else "all"
        v = _layer(g, layer, parameters, i, v, kept, running)
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
    """The number of time steps, which a permutation fixes."""
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
        product = g.node("MatMul", x, g.constant(weight, "input_weight"))
        return [declared], g.node("Add", product, g.constant(bias, "bias"))
    rows = weight if card.embedding_size is None else parameters["embedding.weight"] @ weight
    return [declared], g.node("Gather", g.constant(rows + bias, "token_rows"), x, axis=0)


def _from_below(g: Graph, parameters: Parameters, i: int, h: str) -> str:
    """v_t = B relu(h_t) / sqrt(n) + b of layer i, from all states of the layer below."""
    binary = parameters[f"layers.{i}.input_signs"].T.astype(np.float32)
    scaled = g.constant(binary / np.sqrt(np.float32(len(binary))), "binary_weight")
    product = g.node("MatMul", g.node("Relu", h), scaled)
    return g.node("Add", product, g.constant(parameters[f"layers.{i}.bias"], "bias"))


def _steps_read(g: Graph, v: str, lengths: bool) -> str:
    """How many steps each sequence has, float32 (B, 1), or () without lengths."""
    steps = g.node("Unsqueeze", "lengths", g.integers(1)) if lengths else _steps_of(g, v)
    return g.node("Cast", steps, to=1)


def _steps_of(g: Graph, v: str) -> str:
    """T of (B, T, n)."""
    return g.node("Squeeze", g.node("Shape", v, start=1, end=2), g.integers(0))


def _running(g: Graph, v: str) -> str:
    """(B, T, 1): whether a sequence has not ended before this step."""
    steps = _steps_of(g, v)
    zero, one = (g.constant(np.array(number, np.int64), "number") for number in (0, 1))
    ended = g.node("Less", g.node("Range", zero, steps, one), g.node("Unsqueeze", "lengths", g.integers(1)))
    return g.node("Unsqueeze", ended, g.integers(2))


def _layer(
    g: Graph, layer: LayerCard, parameters: Parameters, i: int, v: str, kept: str, running: str | None
) -> str:
    """h_t = act(W h_(t-1) + v_t): the last state (B, n), or all of them (B, T, n), or for "mean" the sum of relu(h_t)."""
    n = layer.hidden_size
    body = Graph(within=g)
    state, total, step = body.name("state"), body.name("total"), body.name("step")
    carried = [state, total] if kept == "mean" else [state]
    inputs = [declare(name, np.float32, "batch", n) for name in (*carried, step)]
    h = _activate(
        body, layer, parameters, i, body.node("Add", _product(body, layer, parameters, i, state), step)
    )
    scanned = [v]
    if kept != "all" and running is not None:  # the state stays as it was when its sequence ended
        inputs.append(declare(body.name("runs"), np.bool_, "batch", 1))
        h = body.node("Where", inputs[-1].name, h, state)
        scanned.append(running)
    outputs = [declare(h, np.float32, "batch", n)]
    if kept == "all":
        outputs.append(declare(body.node("Identity", h), np.float32, "batch", n))
    if kept == "mean":
        more = body.node("Add", total, body.node("Relu", h))
        if running is not None:
            more = body.node("Where", inputs[-1].name, more, total)
        outputs.append(declare(more, np.float32, "batch", n))
    batch = g.node("Concat", g.node("Shape", v, start=0, end=1), g.integers(n), axis=0)
    zeros = g.node("ConstantOfShape", batch)
    return g.node(
        "Scan",
        *[zeros] * len(carried),
        *scanned,
        outputs=len(outputs),
        num_scan_inputs=len(scanned),
        scan_input_axes=[1] * len(scanned),
        scan_output_axes=[1] if kept == "all" else None,
        body=body.finish(f"layer_{i}", inputs, outputs),
    )


def _product(body: Graph, layer: LayerCard, parameters: Parameters, i: int, h: str) -> str:
    """W h = diag(u) (I_q (x) H_a (x) H_c) h / sqrt(m)."""
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
    flat = body.node("Reshape", blocks, body.integers(-1, layer.hidden_size))
    return body.node("Mul", flat, body.constant(scaled, "scaled_signs"))


def _activate(body: Graph, layer: LayerCard, parameters: Parameters, i: int, z: str) -> str:
    if layer.recurrence == "relu":
        return body.node("Relu", z)
    if layer.recurrence == "sign":
        zero, one, minus = (body.constant(np.array(number, np.float32), "number") for number in (0, 1, -1))
        negative = body.node("Where", body.node("Less", z, zero), minus, z)  # NaN stays what it is
        return body.node("Where", body.node("GreaterOrEqual", z, zero), one, negative)
    if layer.recurrence == "modrelu":
        threshold = body.constant(parameters[f"layers.{i}.modrelu"], "modrelu")
        magnitude = body.node("Relu", body.node("Add", body.node("Abs", z), threshold))
        return body.node("Mul", body.node("Sign", z), magnitude)
    return z
