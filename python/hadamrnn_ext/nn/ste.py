"""Signs of latent weights, and the straight-through estimator.

A latent weight is a float that the optimizer moves; the network sees only a function of it, its sign or its
p-bit code. The gradient with respect to what the network sees is passed unchanged to the latent weight (paper, section 3).
"""

from __future__ import annotations

import torch
from torch import Tensor


def straight_through(seen: Tensor, latent: Tensor) -> Tensor:
    """Exactly the value of ``seen``, with the gradient of ``latent``; both are finite and have the same shape."""
    return seen.detach() + (latent - latent.detach())


def sign(latent: Tensor) -> Tensor:
    """+1 where ``latent >= 0``, -1 elsewhere, in the shape and dtype of ``latent``; the gradient goes straight through.

    Zero maps to +1: ``torch.sign`` gives 0 there, which would break the orthogonality of W.

    Examples:
        >>> import torch
        >>> from hadamrnn_ext import nn
        >>> nn.sign(torch.tensor([-0.3, 0.0, 2.0]))
        tensor([-1.,  1.,  1.])
    """
    return straight_through(torch.where(latent >= 0, 1.0, -1.0).to(latent.dtype), latent)
