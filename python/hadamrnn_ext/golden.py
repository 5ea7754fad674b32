"""The meaning of everything: the forward pass in NumPy, one float32 operation after another.

    W(u) = (1/sqrt(m)) diag(u) (I_q (x) H_m)                     u in {-1, +1}^n, n = q m
    h_t  = act(W h_(t-1) + v_t),   v_t = U x_t + b,   h_0 = 0
    y_t  = V relu(h_t) + c                                        output "all";  "last": at the last step only
    y    = V (1/T) (relu(h_1) + .. + relu(h_T)) + c               output "mean"

Of a bidirectional network y is the sum of this and of what a second one gives of each sequence from its end, c = 0.

Every operation rounds once to float32 and comes in the order written here, so a result is defined to the last
bit. The native core gives these bits on every instruction set; this file is what it is tested against. It is
slow and checks nothing.

No comparison makes a number of NaN: relu, modrelu and sign of NaN are NaN. A unit that is NaN, by what went in or by
inf - inf in a state that overflowed, thus makes all of its block NaN at the next step, and all logits at once. (Which
of its bit patterns a NaN has is not defined.)

Source: Foucault, Mamalet and Malgouyres, HadamRNN (ICLR 2025, arXiv 2502.00047).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import hadamard

__all__ = ["Layer", "Network", "forward", "hidden", "mean", "readout", "storage_order"]

Array = NDArray[np.float32]
Signs = NDArray[np.int8]

# A sum over units of float32 values is split over this many partial sums (see ``readout``).
_LANES = 16


@dataclass(frozen=True)
class Layer:
    """One recurrent layer. ``input_signs`` (n, n_below) is the dense binary matrix of a second layer."""

    block_size: int
    signs: Signs  # (n,) u
    bias: Array  # (n,) b
    recurrence: str = "linear"
    modrelu: Array | None = None  # (n,) a
    input_signs: Signs | None = None


@dataclass(frozen=True)
class Network:
    """A whole model. With tokens and no embedding, column j of ``input_weight`` is the input of token j."""

    layers: Sequence[Layer]
    input_weight: Array  # (n, d) U
    output_weight: Array  # (o, n) V
    output_bias: Array  # (o,) c
    embedding: Array | None = None  # (vocabulary, d) E
    tokens: bool = False
    output: Literal["last", "all", "mean"] = "last"
    backwards: Network | None = None  # of a bidirectional network: what reads from the end


def forward(
    net: Network,
    x: NDArray[Any],
    lengths: NDArray[np.int64] | None = None,
    kernel: str = "fwht",
    state: Sequence[Array] | None = None,
) -> Array:
    """Logits of features x (B, T, d) float32 or tokens x (B, T): (B, o) for "last" and "mean", (B, T, o) for "all".

    ``lengths`` (B,): "last" reads each sequence's own last step, "mean" the steps up to it, "all" gives zeros past
    it. ``state``: h_0 of each layer, (B, n).
    """
    if net.backwards is not None:
        forwards = forward(replace(net, backwards=None), x, lengths, kernel)
        found = forward(net.backwards, _from_the_end(x, lengths), lengths, kernel)
        return forwards + (_from_the_end(found, lengths) if net.output == "all" else found)
    top = hidden(net, x, kernel, state)[-1]
    batch, steps, _ = top.shape
    lengths = np.full(batch, steps) if lengths is None else lengths
    block_size = net.layers[-1].block_size
    if net.output == "last":
        last = top[np.arange(batch), lengths - 1]
        return readout(last, block_size, net.output_weight, net.output_bias)
    if net.output == "mean":
        return readout(mean(top, lengths), block_size, net.output_weight, net.output_bias)
    past_end = np.arange(steps) >= lengths[:, None]
    outputs = readout(top, block_size, net.output_weight, net.output_bias)
    return np.where(past_end[..., None], np.float32(0), outputs)


def _from_the_end(x: NDArray[Any], lengths: NDArray[np.int64] | None) -> NDArray[Any]:
    """The steps of each sequence in reverse order; what is past its length stays where it is."""
    result = x.copy()
    for row, given, length in zip(
        result, x, [x.shape[1]] * len(x) if lengths is None else lengths, strict=True
    ):
        row[:length] = given[:length][::-1]
    return result


def hidden(
    net: Network, x: NDArray[Any], kernel: str = "fwht", state: Sequence[Array] | None = None
) -> list[Array]:
    """The states h_1 .. h_T of each layer, (B, T, n) each, not rectified."""
    states: list[Array] = []
    for index, layer in enumerate(net.layers):
        v = _inputs(net, x) if index == 0 else _binary_inputs(layer, net.layers[index - 1], states[-1])
        h = np.zeros_like(v[:, 0]) if state is None else state[index]
        trace = np.empty_like(v)
        for t in range(v.shape[1]):
            trace[:, t] = h = _step(layer, h, v[:, t], kernel)
        states.append(trace)
    return states


def mean(h: Array, lengths: NDArray[np.int64]) -> Array:
    """The mean of relu(h_t), (B, n) of (B, T, n): one addition a step, then one division by the length."""
    total: Array = np.zeros_like(h[:, 0])
    for t in range(h.shape[1]):
        total = np.where(t < lengths[:, None], total + _relu(h[:, t]), total)
    steps: Array = lengths[:, None].astype(np.float32)
    return np.divide(total, steps, dtype=np.float32)


def storage_order(size: int, block_size: int) -> NDArray[np.int64]:
    """The order that sums over units run in: the natural index of each unit, -1 where there is none.

    Unit i = beta m + a r + b (block beta, a < 2^k, b < r) has place b Lp + beta 2^k + a: r rows of L = q 2^k,
    padded to Lp, a multiple of 16, so that a vector register holds neighbours in a and never two rows.
    """
    r, _ = hadamard.factor(block_size)
    rows = np.arange(size).reshape(-1, r).T
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % _LANES)), constant_values=-1).reshape(-1)


def _step(layer: Layer, h: Array, v: Array, kernel: str) -> Array:
    """act(W h + v), on (B, n)."""
    su = _inverse_root(layer.block_size) * layer.signs.astype(np.float32)
    product = su * _blocks(layer.block_size, h, kernel)
    return _activate(layer, product + v)


def _blocks(block_size: int, h: Array, kernel: str) -> Array:
    """(I_q (x) H_m) h on (B, n).

    The kernels differ in the order of the additions: "fwht" is the fast transform, "dense" and "masked_add"
    add the terms of a row in storage order. On states of +1 and -1 every order is exact, "xnor" included.
    Zeros between the blocks are terms for "dense" alone, which shows where a state is not finite: 0 inf is NaN.
    """
    blocks = h.reshape(len(h), -1, block_size)
    if kernel in ("fwht", "xnor"):
        return hadamard.golden_transform(blocks).reshape(h.shape)
    matrix = hadamard.matrix(block_size).astype(np.float32)
    if kernel == "dense":
        matrix, blocks = np.kron(np.eye(blocks.shape[1], dtype=np.float32), matrix), h[:, None]
    total = np.zeros_like(blocks)
    for j in storage_order(len(matrix), block_size):
        if j >= 0:
            total = total + matrix[:, j] * blocks[..., j, None]
    return total.reshape(h.shape)


def _activate(layer: Layer, z: Array) -> Array:
    if layer.recurrence == "linear":
        return z
    if layer.recurrence == "relu":
        return _relu(z)
    if layer.recurrence == "sign":
        return np.where(z >= 0, np.float32(1), np.where(z < 0, np.float32(-1), z))
    assert layer.modrelu is not None
    magnitude = np.abs(z) + layer.modrelu
    return np.where((magnitude <= 0) | (z == 0), np.float32(0), np.copysign(magnitude, z))


def _inputs(net: Network, x: NDArray[Any]) -> Array:
    """v = U x + b at every step, (B, T, n): column by column, then the bias."""
    bias = net.layers[0].bias
    if net.tokens and net.embedding is None:
        columns: Array = net.input_weight.T[x]
        return columns + bias
    features: Array = net.embedding[x] if net.embedding is not None else x
    total = features[..., :1] * net.input_weight[:, 0]
    for j in range(1, net.input_weight.shape[1]):
        total = total + features[..., j : j + 1] * net.input_weight[:, j]
    return total + bias


def _binary_inputs(layer: Layer, below: Layer, h: Array) -> Array:
    """v = B relu(h) / sqrt(n_below) + b with h (B, T, n_below) of the layer below, in storage order."""
    assert layer.input_signs is not None
    matrix, rectified = layer.input_signs.astype(np.float32), _relu(h)
    total = np.zeros((*h.shape[:2], len(matrix)), np.float32)
    for j in storage_order(h.shape[-1], below.block_size):
        if j >= 0:
            total = total + matrix[:, j] * rectified[..., j, None]
    return _inverse_root(h.shape[-1]) * total + layer.bias


def readout(h: Array, block_size: int, output_weight: Array, output_bias: Array) -> Array:
    """V relu(h) + c on (.., n): 16 partial sums over the storage order, folded in half four times."""
    order = storage_order(h.shape[-1], block_size)
    rectified = np.where(order >= 0, _relu(h)[..., order], np.float32(0))[..., None, :]
    weight = np.where(order >= 0, output_weight[:, order], np.float32(0))
    partial = np.zeros((*h.shape[:-1], len(weight), _LANES), np.float32)
    for j in range(0, len(order), _LANES):
        partial = partial + rectified[..., j : j + _LANES] * weight[:, j : j + _LANES]
    while (half := partial.shape[-1] // 2) > 0:
        partial = partial[..., :half] + partial[..., half:]
    return partial[..., 0] + output_bias


def _relu(z: Array) -> Array:
    return np.where(z <= 0, np.float32(0), z)


def _inverse_root(n: int) -> np.float32:
    return np.float32(1 / np.sqrt(np.float64(n)))
