"""Sequences of different lengths in one batch."""

from __future__ import annotations

import torch
from torch import Tensor


def at_length(h: Tensor, lengths: Tensor | None) -> Tensor:
    """h (B, T, n) at each sequence's own last step: (B, n)."""
    if lengths is None:
        return h[:, -1]
    return h[torch.arange(h.shape[0], device=h.device), lengths - 1]


def mean_and_last(h: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """The mean of relu(h_t) over each sequence's own steps, and the state after its last one, (B, n) each."""
    return mean_until(h.relu(), lengths), at_length(h, lengths)


def mean_until(values: Tensor, lengths: Tensor | None) -> Tensor:
    """The mean of ``values`` (B, T, n) over each sequence's own steps: (B, n)."""
    if lengths is None:
        return values.mean(dim=1)
    return mask_past(values, lengths).sum(dim=1) / lengths[:, None]


def mask_past(values: Tensor, lengths: Tensor | None, fill: int = 0) -> Tensor:
    """``values`` (B, T) or (B, T, k) with ``fill`` past each sequence's length."""
    if lengths is None:
        return values
    inside = torch.arange(values.shape[1], device=values.device) < lengths[:, None]
    return torch.where(inside[..., None] if values.dim() == 3 else inside, values, fill)
