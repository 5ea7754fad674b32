"""Sequences backwards in time, each within its own length."""

from __future__ import annotations

import torch
from torch import Tensor


def reverse(x: Tensor, lengths: Tensor | None) -> Tensor:
    """x (B, T, ..) with the steps of each sequence in reverse order; what is past its length stays where it is."""
    if lengths is None:
        return x.flip(1)
    steps = torch.arange(x.shape[1], device=x.device)
    ends = lengths[:, None]
    order = torch.where(steps < ends, ends - 1 - steps, steps)
    order = order if x.dim() == 2 else order[..., None].expand(-1, -1, x.shape[2])
    return torch.gather(x, 1, order)
