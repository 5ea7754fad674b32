"""The meaning of integer models of networks that forget, in NumPy: one layer, and constants of each block.

    q_t  = clamp(rint(x_t / s_x)), with differences (q_t, q_t - q_(t-1)), the second half 0 at the first step
    v_t  = phi(((U_codes q_t) M_x + beta + half(r)) >> r)           features; clip is to -C .. C
    v_t  = (R_codes[token] M[token] + half(r)) >> r                 tokens: a table into which phi and b are folded
    acc  = (I_q (x) H_m) z_(t-1)                                    exact, z_0 = 0, h_t ~ s z_t
    z_t  = sat(act((floor(u acc M_h / 2^g) + v_t + half(f)) >> f))  sat: to -(2^(k-1) - 1) .. 2^(k-1) - 1

half(r) is 2^(r-1), or 0 for r = 0. s, M_h, M_x, r and C are numbers of a block, written here as one per unit; f and g are
those of the layer. Blocks do not mix, so each counts its states in a unit s of its own; M_h = round(2^(f+g) lambda / sqrt(m))
has their decays. Between the two shifts everything is in units of 2^-f s: a few fraction bits are enough there, since what
the product loses when it is rounded down lies below the bits that the last shift rounds. So where 16 bits hold
acc 2^(16-g) and M_h, the whole step fits lanes of 16 bits, and the state is odd: no -2^(k-1), which one lane too many would
need.

What is read: of a state s relu(z); of a pool, with thresholds theta in units of the state, for T steps

    E = sum max(z - theta, 0)      excess = s (E / T)               C = sum [z > theta]      share = C / T

in float32, one operation after the other; the output "mean" is the excess over theta = 0. Running means of time constant j
are integers, P += f - (P >> j) of f = max(z - theta, 0) 2^(16-k) and f = [z > theta] 2^15; excess = (P >> j) (s 2^(k-16)) and
share = (P >> j) 2^-15. Then y = V r + c as in floats.py. With an integer readout its features are relu(z), or of a pool
(E 2^(16-k) + T/2) // T and (C 2^15 + T/2) // T, or P >> j, all below 2^16, and y = (V_codes r + c) logit_scale; the scales of
the features are folded into V before it is rounded to codes.

All values fit 32 bits, sums over time and those of the integer readout 64 (integer/block_bounds.py proves it for every model).
Slow, and checks nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .. import hadamard
from . import floats as golden
from .integers import input_codes

__all__ = ["Layer", "Network", "features", "forward", "hidden", "integer_features", "quantize_input"]

Int = NDArray[np.int64]
F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """Arrays are (n,) integers: what belongs to a block is repeated for its units."""

    block_size: int
    signs: Int  # u
    state_bits: int  # k
    fraction_bits: int  # f
    product_shift: int  # g
    multiplier: Int  # M_h
    scale: F32  # s
    input_shift: Int  # r
    recurrence: Literal["linear", "relu"] = "linear"


@dataclass(frozen=True)
class Network:
    """A whole model: features have codes, tokens a table. Without ``bound`` phi is linear, or relu with ``rectified``."""

    layer: Layer
    output_weight: NDArray[Any]  # (o, F) float32 V, or int8 codes
    output_bias: NDArray[Any]  # (o,) float32 c, or int32
    logit_scale: np.float32 | None = None  # given: the readout is in integers
    codes: Int | None = None  # (n, d), or (n, 2 d) with differences
    input_multiplier: Int | None = None  # (n,) M_x
    bias: Int | None = None  # (n,) beta
    bound: Int | None = None  # (n,) C
    rectified: bool = False
    differences: bool = False
    input_scale: np.float32 | None = None  # s_x
    input_range: tuple[int, int] = (0, 0)
    table: Int | None = None  # (V, n)
    table_multiplier: Int | None = None  # (V,)
    pool: golden.Pool | None = None  # whose thresholds are integers
    output: Literal["last", "all", "mean"] = "last"


def forward(net: Network, x: NDArray[Any], lengths: Int | None = None) -> F32:
    """Logits of features x (B, T, d) float32 or tokens x (B, T): (B, o) for "last" and "mean", (B, T, o) for "all"."""
    z = hidden(net, x)
    batch, steps, _ = z.shape
    lengths = np.full(batch, steps) if lengths is None else lengths
    if net.logit_scale is None:
        top = net.layer
        rows = golden.readout(
            features(net, z), top.block_size, net.output_weight, net.output_bias, len(top.signs)
        )
    else:
        sums = integer_features(net, z) @ net.output_weight.astype(np.int64).T + net.output_bias
        rows = sums.astype(np.float32) * net.logit_scale
    if net.output != "all":
        return rows[np.arange(batch), lengths - 1]
    past_end = np.arange(steps) >= lengths[:, None]
    return np.where(past_end[..., None], np.float32(0), rows)


def hidden(net: Network, x: NDArray[Any], state: Int | None = None) -> Int:
    """The states z_1 .. z_T, (B, T, n)."""
    layer, v = net.layer, _inputs(net, x)
    limit = (1 << layer.state_bits - 1) - 1
    z = np.zeros_like(v[:, 0]) if state is None else state
    trace = np.empty_like(v)
    for t in range(v.shape[1]):
        acc = hadamard.golden_transform(z.reshape(len(z), -1, layer.block_size)).reshape(z.shape)
        product = layer.signs * acc * layer.multiplier >> layer.product_shift
        z = product + v[:, t] + _half(layer.fraction_bits) >> layer.fraction_bits
        trace[:, t] = z = np.clip(z, 0 if layer.recurrence == "relu" else -limit, limit)
    return trace


def features(net: Network, z: Int) -> F32:
    """What a float readout multiplies after each step, (B, T, F) of states (B, T, n)."""
    layer, pool = net.layer, _pool(net)
    if pool is None:
        rectified: F32 = np.maximum(z, 0).astype(np.float32) * layer.scale
        return rectified
    unit = layer.scale
    if pool.time_constant is None:
        steps = np.arange(1, z.shape[1] + 1).astype(np.float32)[:, None]
        values = [sums.astype(np.float32) / steps for sums in _sums(pool, z)]
        one = np.float32(1)
    else:
        unit = unit * np.float32(2.0 ** (layer.state_bits - 16))
        one = np.float32(2.0**-15)
        values = [mean.astype(np.float32) for mean in _running(layer, pool, z)]
    units = [unit] * pool.excess + [one] * pool.share
    scaled = [value * units[i % len(units)] for i, value in enumerate(values)]
    return np.concatenate(scaled, axis=-1)


def integer_features(net: Network, z: Int) -> Int:
    """What an integer readout multiplies after each step, (B, T, F)."""
    layer, pool = net.layer, _pool(net)
    if pool is None:
        return np.maximum(z, 0)
    if pool.time_constant is not None:
        return np.concatenate(_running(layer, pool, z), axis=-1)
    steps = np.arange(1, z.shape[1] + 1)[:, None]
    shifts = [16 - layer.state_bits] * pool.excess + [15] * pool.share
    means = [
        ((sums << shifts[i % len(shifts)]) + steps // 2) // steps for i, sums in enumerate(_sums(pool, z))
    ]
    return np.concatenate(means, axis=-1)


def quantize_input(net: Network, x: F32) -> Int:
    """The integers that the features x become, as in other integer models: ``integers.input_codes``."""
    assert net.input_scale is not None
    return input_codes(x, net.input_scale, net.input_range)


def _inputs(net: Network, x: NDArray[Any]) -> Int:
    """v_t at every step, (B, T, n)."""
    shift = net.layer.input_shift
    if net.table is not None and net.table_multiplier is not None:
        rows: Int = net.table[x] * net.table_multiplier[x][..., None] + _half(shift) >> shift
        return rows
    assert net.codes is not None
    assert net.input_multiplier is not None
    q = quantize_input(net, x)
    if net.differences:
        q = np.concatenate([q, np.diff(q, axis=1, prepend=q[:, :1])], axis=-1)
    assert net.bias is not None
    v: Int = q @ net.codes.T * net.input_multiplier + net.bias + _half(shift) >> shift
    if net.bound is not None:
        return np.clip(v, -net.bound, net.bound)
    return np.maximum(v, 0) if net.rectified else v


def _pool(net: Network) -> golden.Pool | None:
    return golden.Pool(np.zeros((1, 1)), share=False) if net.output == "mean" else net.pool  # type: ignore[arg-type]


def _parts(pool: golden.Pool, z: Int) -> list[Int]:
    """max(z - theta, 0) and [z > theta] in the order of the features, each of the shape of z."""
    parts: list[Int] = []
    for theta in pool.thresholds.astype(np.int64):
        excess = np.maximum(z - theta, 0)
        parts += [excess] * pool.excess + [np.minimum(excess, 1)] * pool.share
    return parts


def _sums(pool: golden.Pool, z: Int) -> list[Int]:
    """E and C after each step, (B, T, n) each."""
    return [np.cumsum(part, axis=1) for part in _parts(pool, z)]


def _running(layer: Layer, pool: golden.Pool, z: Int) -> list[Int]:
    """P >> j after each step, (B, T, n) each."""
    shifts = [16 - layer.state_bits] * pool.excess + [15] * pool.share
    j = pool.time_constant
    assert j is not None
    means = []
    for i, part in enumerate(_parts(pool, z)):
        total, rows = np.zeros_like(part[:, 0]), np.empty_like(part)
        for t in range(part.shape[1]):
            total = total + (part[:, t] << shifts[i % len(shifts)]) - (total >> j)
            rows[:, t] = total >> j
        means.append(rows)
    return means


def _half(shift: Any) -> Any:
    """Half of 2^shift, rounded down."""
    return 1 << np.asarray(shift, np.int64) >> 1
