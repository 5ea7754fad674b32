"""The engine that is parallel over time: recursive doubling with powers of W in plain torch, on any device.

For the linear recurrence h_t = W h_{t-1} + v_t, two steps together form a recurrence of the same kind, of half
the length and with W squared: h_t = W^2 h_{t-2} + (W v_{t-1} + v_t). So T small products, one after another, become
2 log2(T) large ones. The powers of W are q blocks of (m, m). (G. Blelloch, Prefix sums and their applications, 1990.)
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .geometry import Geometry


def states(
    geometry: Geometry, signs: Tensor, v: Tensor, h_0: Tensor | None, modrelu: Tensor | None
) -> Tensor:
    """All states h_t = W h_{t-1} + v_t, (B, T, n), from v (B, T, n) and h_0 (B, n) or None for zeros."""
    w = geometry.blocks(signs)
    return _scan(w, _absorb(w, v, h_0))


def last(geometry: Geometry, signs: Tensor, v: Tensor, h_0: Tensor | None, modrelu: Tensor | None) -> Tensor:
    """Only h_T, (B, n), which takes the first half of the scan, log2(T) products."""
    w = geometry.blocks(signs)
    v = _absorb(w, v, h_0)
    while v.shape[1] > 1:
        if v.shape[1] % 2:
            v = F.pad(v, (0, 0, 1, 0))  # a step of zeros in front, which leaves the state at zero
        v = v[:, 1::2] + _apply(w, v[:, 0::2])
        w = w @ w
    return v[:, 0]


def _scan(w: Tensor, v: Tensor) -> Tensor:
    steps = v.shape[1]
    if steps == 1:
        return v
    first, second = v[:, 0::2], v[:, 1::2]
    second = _scan(w @ w, second + _apply(w, first[:, : second.shape[1]]))
    first = torch.cat([first[:, :1], first[:, 1:] + _apply(w, second[:, : first.shape[1] - 1])], dim=1)
    pairs = torch.stack([first[:, : second.shape[1]], second], dim=2).flatten(1, 2)
    return pairs if steps % 2 == 0 else torch.cat([pairs, first[:, -1:]], dim=1)


def _apply(w: Tensor, h: Tensor) -> Tensor:
    """W h for every row of h (B, T, n), where w are the (q, m, m) blocks of W."""
    blocks, order, _ = w.shape
    batch, steps, size = h.shape
    rows = h.reshape(batch * steps, blocks, order).transpose(0, 1)
    return torch.bmm(rows, w.mT).transpose(0, 1).reshape(batch, steps, size)


def _absorb(w: Tensor, v: Tensor, h_0: Tensor | None) -> Tensor:
    """v with the contribution of the initial state added to the input of the first step."""
    if h_0 is None:
        if v.shape[1] > 1:
            return v
        h_0 = torch.zeros_like(
            v[:, 0]
        )  # a single step does not involve W, but its signs still need a gradient, which is zero
    return torch.cat([v[:, :1] + _apply(w, h_0[:, None]), v[:, 1:]], dim=1)
