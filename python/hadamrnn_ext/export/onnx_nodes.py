"""The parts of a network's step as ONNX nodes, for whole sequences and for single steps. Needs the ``export`` extra (onnx).

The product with H_m = H_a (x) H_c is computed with two small matrices as H_a X H_c^T, where X is the state of a block as an
(a, c) matrix. This takes (a + c) n products per step instead of the n^2 of a dense W, and the file shrinks by the same
factor. Measured in onnxruntime at n = 512, it is three times as fast as a dense W for one sequence and six times for a
hundred.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import hadamard
from ..file.card import Card, LayerCard
from ..file.preprocess import Preprocess
from ..golden.floats import decay
from .onnx_graph import Graph, declare

__all__ = [
    "Parameters",
    "activate",
    "declare_input",
    "from_below",
    "input_of",
    "pooled",
    "prepared",
    "product",
    "readout",
    "transform",
]

Parameters = dict[str, NDArray[Any]]


def declare_input(g: Graph, card: Card, rules: Preprocess, *leading: int | str) -> Any:
    """The declared raw input ``x``, (*leading, d) features or (*leading,) tokens."""
    if card.input == "tokens":
        return declare(g.name("x"), np.int64, *leading)
    dtype = np.float32 if rules.uint8_scale is None else np.uint8
    return declare(g.name("x"), dtype, *leading, card.input_size)


def prepared(g: Graph, rules: Preprocess, x: str) -> str:
    """Raw features, scaled and normalized; tokens as they are."""
    if rules.uint8_scale is not None:
        x = g.node(
            "Mul", g.node("Cast", x, to=1), g.constant(np.array(rules.uint8_scale, np.float32), "uint8_scale")
        )
    if rules.normalization is not None:
        x = g.node("Sub", x, g.constant(np.array(rules.normalization.offset, np.float32), "offset"))
        x = g.node("Div", x, g.constant(np.array(rules.normalization.scale, np.float32), "scale"))
    return x


def input_of(g: Graph, card: Card, parameters: Parameters, x: str) -> str:
    """v = phi(U x + b) of the first layer, (.., n), for prepared features, with their changes if U reads those, or tokens."""
    weight, bias = parameters["input.weight"].T, parameters["layers.0.bias"]
    if card.input == "features":
        v = g.node("Add", g.node("MatMul", x, g.constant(weight, "input_weight")), g.constant(bias, "bias"))
    else:
        rows = weight if card.embedding_size is None else parameters["embedding.weight"] @ weight
        v = g.node("Gather", g.constant(rows + bias, "token_rows"), x, axis=0)
    if card.input_activation is not None:
        v = _clip(g, v) if card.input_activation == "clip" else g.node("Relu", v)
    return v


def _clip(g: Graph, v: str) -> str:
    """Clips to -1 .. 1; NaN stays NaN."""
    for operator, limit in (("Greater", 1), ("Less", -1)):
        constant = g.constant(np.array(limit, np.float32), "limit")
        v = g.node("Where", g.node(operator, v, constant), constant, v)
    return v


def from_below(g: Graph, parameters: Parameters, i: int, h: str) -> str:
    """v_t = B relu(h_t) / sqrt(n) + b for layer i, where h_t are the states of the layer below, of n units."""
    binary = parameters[f"layers.{i}.input_signs"].T.astype(np.float32)
    scaled = g.constant(binary / np.sqrt(np.float32(len(binary))), "binary_weight")
    product = g.node("MatMul", g.node("Relu", h), scaled)
    return g.node("Add", product, g.constant(parameters[f"layers.{i}.bias"], "bias"))


def pooled(body: Graph, card: Card, parameters: Parameters, before: str, h: str) -> str:
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


def transform(g: Graph, layer: LayerCard, h: str, dtype: type[np.number[Any]]) -> str:
    """(I_q (x) H_a (x) H_c) h, (B, n), in numbers of this type."""
    m = layer.block_size
    _, log2 = hadamard.factor(m)
    a = min((2**k for k in range(log2 + 1)), key=lambda a: a + m // a)
    blocks = g.node("Reshape", h, g.integers(-1, a, m // a))
    right = hadamard.matrix(m // a).T.astype(dtype)
    blocks = g.node("MatMul", blocks, g.constant(right, "hadamard"))
    if a > 1:
        left = g.constant(hadamard.matrix(a).astype(dtype), "hadamard")
        blocks = g.node("MatMul", left, blocks)
    return g.node("Reshape", blocks, g.integers(-1, layer.hidden_size))


def product(g: Graph, layer: LayerCard, parameters: Parameters, i: int, h: str) -> str:
    """W h = Lambda diag(u) H h / sqrt(m)."""
    scaled = parameters[f"layers.{i}.signs"].astype(np.float32) / np.sqrt(np.float32(layer.block_size))
    if (decays := parameters.get(f"layers.{i}.decays")) is not None:
        scaled = scaled * np.repeat(decay(decays), layer.block_size).astype(np.float32)
    return g.node("Mul", transform(g, layer, h, np.float32), g.constant(scaled, "scaled_signs"))


def activate(body: Graph, layer: LayerCard, parameters: Parameters, i: int, z: str) -> str:
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


def readout(g: Graph, parameters: Parameters, read: str) -> str:
    """V relu(h) + c, or of the features of a pool."""
    weight = g.constant(parameters["output.weight"].T, "output_weight")
    product = g.node("MatMul", g.node("Relu", read), weight)
    return g.node("Add", product, g.constant(parameters["output.bias"], "output_bias"))
