"""The initialization that the published code uses."""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.no_grad()
def projection(weight: Tensor) -> None:
    """Initializes U or V: orthogonal if it is square, otherwise Xavier-uniform."""
    if weight.shape[0] == weight.shape[1]:
        nn.init.orthogonal_(weight)
    else:
        nn.init.xavier_uniform_(weight)


@torch.no_grad()
def signs(latent: Tensor) -> None:
    """Initializes latent signs Xavier-uniformly; the vector u counts as a 1 x n matrix."""
    nn.init.xavier_uniform_(latent if latent.dim() == 2 else latent[None])


@torch.no_grad()
def uniform(values: Tensor, bound: float) -> None:
    """Initializes uniformly in (-bound, bound); the bias of torch.nn.Linear has bound 1/sqrt(fan_in)."""
    nn.init.uniform_(values, -bound, bound)


@torch.no_grad()
def thresholds(values: Tensor) -> None:
    """Sets the thresholds (K, n) of each unit to the K quantiles that divide a standard normal distribution evenly."""
    shares = torch.arange(1, len(values) + 1, device=values.device, dtype=values.dtype) / (len(values) + 1)
    values.copy_(torch.special.ndtri(shares)[:, None].expand_as(values))
