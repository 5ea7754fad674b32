"""The definition of the forward pass, in NumPy, one float32 operation after another.

    W(u) = (1/sqrt(m)) diag(u) Lambda (I_q (x) H_m)              u in {-1, +1}^n, n = q m, a decay in (0, 1] per block
    h_t  = act(W h_(t-1) + v_t),   v_t = phi(U x'_t + b),   h_0 = 0
    y_t  = V relu(h_t) + c                                        output "all";  "last": at the last step only
    y    = V (1/T) (relu(h_1) + .. + relu(h_T)) + c               output "mean"
    y    = V r + c,  r = mean over t of relu(h_t - theta) and of [h_t > theta]      with a pool, see ``Pool``

x'_t is x_t, or with differences x_t followed by x_t - x_(t-1). Without decays and a pool, and with a linear phi, this is the
paper's network. The y of a bidirectional network is the sum of this y and that of a second network, which reads each
sequence from its end and has c = 0.

Every operation rounds once to float32, in the order written here, so the result is defined to the last bit. The native
core returns the same bits on every instruction set, and it is tested against this file, which is slow and checks nothing.

No comparison turns NaN into a number: relu, modrelu and sign of NaN are NaN. So a unit that is NaN, because of the input or
because of inf - inf in a state that overflowed, makes its whole block NaN at the next step, and all logits at once. (The
bit pattern of a NaN is not defined.)

Source: Foucault, Mamalet and Malgouyres, HadamRNN (ICLR 2025, arXiv 2502.00047).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .. import hadamard

__all__ = ["Layer", "Network", "Pool", "decay", "forward", "hidden", "pooled", "readout", "storage_order"]

Array = NDArray[np.float32]
Signs = NDArray[np.int8]

# A sum over units of float32 values is split over this many partial sums (see ``readout``).
_LANES = 16


@dataclass(frozen=True)
class Layer:
    """One recurrent layer. ``input_signs`` (n, n_below) is the dense binary matrix of a second layer.

    ``decays`` (q,) holds a code per block, see ``decay``. Without decays, nothing is forgotten.
    """

    block_size: int
    signs: Signs  # (n,) u
    bias: Array  # (n,) b
    recurrence: str = "linear"
    modrelu: Array | None = None  # (n,) a
    input_signs: Signs | None = None
    decays: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Pool:
    """The features that are read instead of a state: how far, and how often, each unit exceeds its thresholds.

    For each threshold, the mean excess relu(h_t - theta) of all units precedes the share of steps [h_t > theta] of all units.
    With ``time_constant`` k, the means are running means of about the last 2^k steps: p += (f - p) 2^-k, from p = 0.
    """

    thresholds: Array  # (K, n) theta
    excess: bool = True
    share: bool = True
    time_constant: int | None = None


@dataclass(frozen=True)
class Network:
    """A whole model. With tokens and no embedding, column j of ``input_weight`` is the input of token j.

    With a pool, V has a column for each feature of the pool, which is read once for "last" and after every step for "all".
    """

    layers: Sequence[Layer]
    input_weight: Array  # (n, d) U
    output_weight: Array  # (o, n) V
    output_bias: Array  # (o,) c
    embedding: Array | None = None  # (vocabulary, d) E
    tokens: bool = False
    output: Literal["last", "all", "mean"] = "last"
    backwards: Network | None = None  # the second network of a bidirectional one
    input_activation: Literal["linear", "relu", "clip"] = "linear"  # phi
    differences: bool = False
    pool: Pool | None = None


def decay(codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The decay lambda = 1 - (16 + f) 2^(-5 - e) of each code 16 e + f, exactly; it lies in 0.03 .. 1 - 2^-16."""
    exponent, fraction = codes >> 4, codes & 15
    forgotten: NDArray[np.float64] = np.ldexp(16.0 + fraction, -5 - exponent.astype(np.int64))
    return 1 - forgotten


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
    pool = _MEAN if net.output == "mean" else net.pool
    read = top if pool is None else pooled(pool, top)
    if net.output != "all":
        return _logits(net, read[np.arange(batch), lengths - 1])
    past_end = np.arange(steps) >= lengths[:, None]
    outputs = _logits(net, read)
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
    """The states h_1 .. h_T of each layer, (B, T, n) each, before relu."""
    states: list[Array] = []
    for index, layer in enumerate(net.layers):
        v = _inputs(net, x) if index == 0 else _binary_inputs(layer, net.layers[index - 1], states[-1])
        h = np.zeros_like(v[:, 0]) if state is None else state[index]
        trace = np.empty_like(v)
        for t in range(v.shape[1]):
            trace[:, t] = h = _step(layer, h, v[:, t], kernel)
        states.append(trace)
    return states


#: The pool that the output "mean" reads.
_MEAN = Pool(np.zeros((1, 1), np.float32), share=False)


def pooled(pool: Pool, h: Array) -> Array:
    """The features r (B, T, F) after every step of states (B, T, n): one addition per step, and one division by t."""
    total = np.zeros_like(_features(pool, h[:, 0]))
    rows = np.empty((*h.shape[:2], total.shape[-1]), np.float32)
    for t in range(h.shape[1]):
        new = _features(pool, h[:, t])
        if pool.time_constant is None:
            total = total + new
            rows[:, t] = np.divide(total, np.float32(t + 1), dtype=np.float32)
        else:
            total = total + (new - total) * np.float32(2.0**-pool.time_constant)
            rows[:, t] = total
    return rows


def _features(pool: Pool, h: Array) -> Array:
    """The features (B, F) of the states (B, n) of one step. NaN stays NaN."""
    parts = []
    for theta in pool.thresholds:
        above = h - theta
        if pool.excess:
            parts.append(_relu(above))
        if pool.share:
            parts.append(np.where(np.isnan(above), above, (above > 0).astype(np.float32)))
    return np.concatenate(parts, axis=-1)


def storage_order(size: int, block_size: int) -> NDArray[np.int64]:
    """The order of sums over units: the natural index of the unit at each place, or -1 for padding.

    Unit i = beta m + a r + b (block beta, a < 2^k, b < r) has the place b Lp + beta 2^k + a. There are r rows of L = q 2^k
    units, padded to Lp, a multiple of 16, so that a vector register holds neighbours in a and never units of two rows.
    """
    r, _ = hadamard.factor(block_size)
    rows = np.arange(size).reshape(-1, r).T
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % _LANES)), constant_values=-1).reshape(-1)


def _step(layer: Layer, h: Array, v: Array, kernel: str) -> Array:
    """act(W h + v), on (B, n)."""
    product = _scaled_signs(layer) * _blocks(layer.block_size, h, kernel)
    return _activate(layer, product + v)


def _scaled_signs(layer: Layer) -> Array:
    """The factor of each unit's product: its sign times 1/sqrt(m) in float32, with its decay, rounded once."""
    scale: Array = np.repeat(_inverse_root(layer.block_size), len(layer.signs))
    if layer.decays is not None:
        scale = (np.repeat(decay(layer.decays), layer.block_size) * scale).astype(np.float32)
    return layer.signs * scale


def _blocks(block_size: int, h: Array, kernel: str) -> Array:
    """(I_q (x) H_m) h on (B, n).

    The kernels differ in the order of the additions: "fwht" is the fast transform, and "dense" and "masked_add" add the
    terms of a row in storage order. For states of +1 and -1 every order is exact, including that of "xnor". Only "dense"
    also adds the zeros between the blocks, which shows if a state is not finite, since 0 inf is NaN.
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
    """v = phi(U x' + b) at every step, (B, T, n): added column by column, then the bias, then phi."""
    bias = net.layers[0].bias
    if net.tokens and net.embedding is None:
        columns: Array = net.input_weight.T[x]
        return _input_activation(net, columns + bias)
    features: Array = net.embedding[x] if net.embedding is not None else x
    if net.differences:
        before = np.concatenate([features[:, :1], features[:, :-1]], axis=1)
        features = np.concatenate([features, features - before], axis=-1)
    total = features[..., :1] * net.input_weight[:, 0]
    for j in range(1, net.input_weight.shape[1]):
        total = total + features[..., j : j + 1] * net.input_weight[:, j]
    return _input_activation(net, total + bias)


def _input_activation(net: Network, v: Array) -> Array:
    """phi(v). NaN stays NaN."""
    if net.input_activation == "relu":
        return _relu(v)
    return np.maximum(np.float32(-1), np.minimum(np.float32(1), v)) if net.input_activation == "clip" else v


def _binary_inputs(layer: Layer, below: Layer, h: Array) -> Array:
    """v = B relu(h) / sqrt(n_below) + b for h (B, T, n_below) of the layer below, added in storage order."""
    assert layer.input_signs is not None
    matrix, rectified = layer.input_signs.astype(np.float32), _relu(h)
    total = np.zeros((*h.shape[:2], len(matrix)), np.float32)
    for j in storage_order(h.shape[-1], below.block_size):
        if j >= 0:
            total = total + matrix[:, j] * rectified[..., j, None]
    return _inverse_root(h.shape[-1]) * total + layer.bias


def _logits(net: Network, read: Array) -> Array:
    top = net.layers[-1]
    return readout(read, top.block_size, net.output_weight, net.output_bias, len(top.signs))


def readout(
    h: Array, block_size: int, output_weight: Array, output_bias: Array, units: int | None = None
) -> Array:
    """V relu(h) + c of h (.., n): 16 partial sums over the storage order, folded in half four times.

    The features of a pool, (.., F) with F = G n, are G groups of n = ``units``, each in storage order.
    """
    units = units or h.shape[-1]
    group = storage_order(units, block_size)
    order = np.concatenate([np.where(group >= 0, group + i, -1) for i in range(0, h.shape[-1], units)])
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
