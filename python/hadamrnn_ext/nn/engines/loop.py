"""The readable engine, against which the others are tested: plain torch, a dense W, one matrix product per step.

The cost is T products of (B, n) by (n, n), one after another; the input is projected beforehand, for all steps at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import ste
from .geometry import Geometry


def states(
    geometry: Geometry, signs: Tensor, v: Tensor, h_0: Tensor | None, modrelu: Tensor | None
) -> Tensor:
    """All states h_t = act(W h_{t-1} + v_t), (B, T, n), from v (B, T, n) and h_0 (B, n) or None for zeros."""
    return torch.stack(list(_steps(geometry, signs, v, h_0, modrelu)), dim=1)


def last(geometry: Geometry, signs: Tensor, v: Tensor, h_0: Tensor | None, modrelu: Tensor | None) -> Tensor:
    """Only h_T, (B, n), without writing anything of size (B, T, n) besides v."""
    for h in _steps(geometry, signs, v, h_0, modrelu):
        state = h
    return state


def _steps(
    geometry: Geometry, signs: Tensor, v: Tensor, h_0: Tensor | None, modrelu: Tensor | None
) -> Iterator[Tensor]:
    w = geometry.dense(signs)
    h = torch.zeros_like(v[:, 0]) if h_0 is None else h_0
    for v_t in v.unbind(dim=1):
        h = activate(F.linear(h, w) + v_t, geometry.recurrence, modrelu)
        yield h


def gradients(
    geometry: Geometry,
    signs: Tensor,
    h: Tensor,
    h_0: Tensor | None,
    modrelu: Tensor | None,
    grad: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Gradients of signs, v, h_0 and modrelu from ``grad`` (B, T, n), the gradient of all states h; differentiable themselves.

    With z_t = W h_{t-1} + v_t:  dL/dz_t = act'(z_t) (dL/dh_t + W^T dL/dz_{t+1}),  dL/du = sum_t dL/dz_t o H h_{t-1}/sqrt(m).
    act' is computed from the states. It is piecewise constant, so it has no gradient of its own.
    """
    w, transform = geometry.dense(signs), geometry.dense(torch.ones_like(signs))
    slope = _slope(h.detach(), geometry.recurrence)
    carry, backwards = torch.zeros_like(h[:, 0]), []
    for t in reversed(range(h.shape[1])):
        dz_t = slope[:, t] * (grad[:, t] + carry)
        carry = dz_t @ w
        backwards.append(dz_t)
    dz = torch.stack(backwards[::-1], dim=1)
    first = torch.zeros_like(carry) if h_0 is None else h_0
    before = torch.cat([first[:, None], h[:, :-1]], dim=1)
    dsigns = (dz * F.linear(before, transform)).sum(dim=(0, 1))
    dmodrelu = None if modrelu is None else (dz * h.detach().sgn()).sum(dim=(0, 1))
    return dsigns, dz, carry, dmodrelu


def _slope(h: Tensor, recurrence: str) -> Tensor:
    """act'(z) for the z with act(z) = h, where act is ``activate``."""
    recurrence, _, bits = recurrence.partition("-")
    slope = {"relu": h > 0, "modrelu": h != 0}.get(recurrence, torch.ones_like(h, dtype=torch.bool))
    if bits:
        limit = 1 << int(bits) - 1
        slope = slope & (h > -limit) & (h < limit - 1)
    return slope.to(h.dtype)


def activate(z: Tensor, recurrence: str, modrelu: Tensor | None) -> Tensor:
    """The activation inside the recurrence; modrelu (n,) is its learned offset a: sgn(z) relu(|z| + a), sgn(0) = 0.

    With the suffix "-k", for integer states of k bits, z is rounded first and act(z) saturates, without gradient at the limits.
    """
    recurrence, _, bits = recurrence.partition("-")
    if bits:
        limit = 1 << int(bits) - 1
        h = activate(ste.straight_through(torch.floor(z + 0.5), z), recurrence, modrelu).clamp(
            -limit, limit - 1
        )
        return torch.where((h > -limit) & (h < limit - 1), h, h.detach())
    if recurrence == "relu":
        return z.relu()
    if recurrence == "modrelu":
        assert modrelu is not None
        return z.sgn() * (z.abs() + modrelu).relu()
    if recurrence == "sign":
        return ste.sign(z)
    return z
