"""The definition of integer models in NumPy: no float between the quantized input and the logits.

    acc  = (I_q (x) H_m) z_(t-1)                                         exact
    z_t  = sat_k(act(round_shift_F((u acc) M_h + in_t)))                 z_0 = 0,  h_t ~ s_h z_t
    in_t = ((U_codes q_t) M_x + beta) 2^s                                features, q_t = clamp(rint(x_t / s_x))
    in_t = (R_codes[token] M[token] + beta) 2^s                          tokens: a folded table
    in_t = ((B relu(z_t of the layer below)) M_x + beta) 2^s             a second layer
    y    = V relu(s_h z) + c          or          (V_codes relu(z) + c) logit_scale, c an integer
    z    = z_T, or for output "mean", with s_h smaller by 2^(16-k):  (2^(16-k) (relu(z_1) + .. + relu(z_T)) + T/2) // T

round_shift_F adds 2^(F-1) and shifts right by F; sat_k clamps to -2^(k-1) .. 2^(k-1) - 1. In a sign recurrence, z is +1 or
-1, s_h is 1, and beta already subtracts the 2^(F-1) of the rounding, so that the threshold is 0. No sum of 64-bit integers
overflows (integer/bounds.py proves it for every model), so the kernel, the order of the additions and the width of the
lanes make no difference. This code is slow and checks nothing.

Integer models of networks that forget have constants per block, which forgetting.py defines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .. import hadamard
from . import floats as golden

__all__ = [
    "Layer",
    "Network",
    "forward",
    "hidden",
    "input_codes",
    "integer_logits",
    "logits",
    "mean",
    "quantize_input",
]

Int = NDArray[np.int64]
F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """One recurrent layer. ``input_multiplier`` is M_x; it is None above a token table, which has one per token."""

    block_size: int
    signs: NDArray[np.int8]  # (n,) u
    bias: NDArray[np.int32]  # (n,) beta
    state_bits: int  # k
    fraction_bits: int  # F
    multiplier: int  # M_h
    input_multiplier: int | None  # M_x
    input_shift: int  # s
    recurrence: str = "linear"
    modrelu: NDArray[np.int32] | None = None  # (n,) thresholds in units of the state
    input_signs: NDArray[np.int8] | None = None  # (n, n_below) B of a second layer


@dataclass(frozen=True)
class Network:
    """A whole model. For features it has codes and an input scale, for tokens a table and its multipliers."""

    layers: Sequence[Layer]
    output_weight: NDArray[Any]  # (o, n) float32 V, or int8 codes
    output_bias: NDArray[Any]  # (o,) float32 c, or int32
    state_scale: np.float32  # of the state that is read: s_h of the last layer, or s_h / 2^(16-k) for "mean"
    logit_scale: np.float32 | None = None  # if given, the readout is in integers
    codes: NDArray[np.int8] | None = None  # (n, d)
    input_scale: np.float32 | None = None  # s_x
    input_range: tuple[int, int] = (0, 0)
    table: NDArray[np.int8] | None = None  # (V, n)
    table_multiplier: NDArray[np.int32] | None = None  # (V,)
    output: Literal["last", "all", "mean"] = "last"


def forward(
    net: Network, x: NDArray[Any], lengths: Int | None = None, state: Sequence[Int] | None = None
) -> F32:
    """Logits of features x (B, T, d) float32 or tokens x (B, T): (B, o) for "last" and "mean", (B, T, o) for "all".

    ``lengths`` and ``state`` (integers) as in ``golden.forward``.
    """
    top = hidden(net, x, state)[-1]
    batch, steps, _ = top.shape
    lengths = np.full(batch, steps) if lengths is None else lengths
    if net.output == "last":
        return logits(net, top[np.arange(batch), lengths - 1])
    if net.output == "mean":
        return logits(net, mean(net, top, lengths))
    past_end = np.arange(steps) >= lengths[:, None]
    return np.where(past_end[..., None], np.float32(0), logits(net, top))


def hidden(net: Network, x: NDArray[Any], state: Sequence[Int] | None = None) -> list[Int]:
    """The states z_1 .. z_T of each layer, (B, T, n) each."""
    states: list[Int] = []
    for index, layer in enumerate(net.layers):
        v = _inputs(net, x) if index == 0 else _inputs_from_below(layer, states[-1])
        z = np.zeros_like(v[:, 0]) if state is None else state[index]
        trace = np.empty_like(v)
        for t in range(v.shape[1]):
            trace[:, t] = z = _step(layer, z, v[:, t])
        states.append(trace)
    return states


def mean(net: Network, z: Int, lengths: Int) -> Int:
    """The mean (B, n) of relu(z_t) over the steps of z (B, T, n), rounded half up to 16 bits, however many z has."""
    inside = np.arange(z.shape[1]) < lengths[:, None]
    total = np.where(inside[..., None], np.maximum(z, 0), 0).sum(axis=1)
    steps = lengths[:, None]
    rounded: Int = ((total << 16 - net.layers[-1].state_bits) + steps // 2) // steps
    return rounded


def logits(net: Network, z: Int) -> F32:
    """The logits (..., o) of states (..., n)."""
    if net.logit_scale is None:
        h = z.astype(np.float32) * net.state_scale
        return golden.readout(h, net.layers[-1].block_size, net.output_weight, net.output_bias)
    return integer_logits(net, z).astype(np.float32) * net.logit_scale


def integer_logits(net: Network, z: Int) -> Int:
    """V_codes relu(z) + c of states (..., n), in integers, which is what exported code returns."""
    total: Int = np.maximum(z, 0) @ net.output_weight.astype(np.int64).T + net.output_bias
    return total


def quantize_input(net: Network, x: F32) -> Int:
    """The integers that the features x become, see ``input_codes``."""
    assert net.input_scale is not None
    return input_codes(x, net.input_scale, net.input_range)


def input_codes(x: F32, scale: np.float32, limits: tuple[int, int]) -> Int:
    """q = clamp(rint(x / s_x)), with a division in float32. Infinities saturate like large numbers; x must not be NaN."""
    with np.errstate(over="ignore"):
        low, high = map(np.float32, limits)
        q: F32 = np.clip(np.rint(x / scale), low, high)
    return q.astype(np.int64)


def _step(layer: Layer, z: Int, v: Int) -> Int:
    blocks = z.reshape(len(z), -1, layer.block_size)
    acc = hadamard.golden_transform(blocks).reshape(z.shape)
    total = layer.signs * acc * layer.multiplier + v
    rounded = (total + (1 << layer.fraction_bits - 1)) >> layer.fraction_bits
    if layer.recurrence == "sign":
        return np.where(rounded >= 0, 1, -1)
    limit = 1 << layer.state_bits - 1
    return np.clip(_activate(layer, rounded), -limit, limit - 1)


def _activate(layer: Layer, z: Int) -> Int:
    if layer.recurrence == "relu":
        return np.maximum(z, 0)
    if layer.recurrence == "modrelu":
        assert layer.modrelu is not None
        activated: Int = np.sign(z) * np.maximum(np.abs(z) + layer.modrelu, 0)
        return activated
    return z


def _inputs(net: Network, x: NDArray[Any]) -> Int:
    """in_t of the first layer, (B, T, n)."""
    layer = net.layers[0]
    if net.table is not None and net.table_multiplier is not None:
        products: Int = net.table[x].astype(np.int64) * net.table_multiplier[x][..., None]
    else:
        assert net.codes is not None
        assert layer.input_multiplier is not None
        products = quantize_input(net, x) @ net.codes.astype(np.int64).T * layer.input_multiplier
    return (products + layer.bias) << layer.input_shift


def _inputs_from_below(layer: Layer, z: Int) -> Int:
    assert layer.input_signs is not None
    assert layer.input_multiplier is not None
    sums: Int = np.maximum(z, 0) @ layer.input_signs.astype(np.int64).T
    return (sums * layer.input_multiplier + layer.bias) << layer.input_shift
