"""The initialization of the published code."""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.no_grad()
def projection(weight: Tensor) -> None:
    """U or V: Xavier-uniform, orthogonal when square."""
    if weight.shape[0] == weight.shape[1]:
        nn.init.orthogonal_(weight)
    else:
        nn.init.xavier_uniform_(weight)


@torch.no_grad()
def signs(latent: Tensor) -> None:
    """Latent signs: Xavier-uniform, the vector u as a 1 x n matrix."""
    nn.init.xavier_uniform_(latent if latent.dim() == 2 else latent[None])


@torch.no_grad()
def uniform(values: Tensor, bound: float) -> None:
    """Uniform in (-bound, bound): a bias of torch.nn.Linear has bound 1/sqrt(fan_in)."""
    nn.init.uniform_(values, -bound, bound)


@torch.no_grad()
def thresholds(values: Tensor) -> None:
    """Thresholds (K, n) of each unit: the K quantiles that divide a standard normal distribution evenly; a single one is zero."""
    shares = torch.arange(1, len(values) + 1, device=values.device, dtype=values.dtype) / (len(values) + 1)
    values.copy_(torch.special.ndtri(shares)[:, None].expand_as(values))
