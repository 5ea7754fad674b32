"""Signs of latent weights, with the straight-through estimator.

A latent weight is a float that the optimizer moves; the network only sees its sign. Zero maps to +1
(``torch.sign`` gives 0 there, which would break the orthogonality of W), and the gradient with respect to
the sign goes unchanged to the latent weight (paper, section 3).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Sign(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(latent: Tensor) -> Tensor:
        return torch.where(latent >= 0, 1.0, -1.0).to(latent.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


def sign(latent: Tensor) -> Tensor:
    """+1 where ``latent >= 0``, -1 elsewhere, in the shape and dtype of ``latent``; gradient: identity."""
    signs: Tensor = _Sign.apply(latent)  # type: ignore[no-untyped-call]
    return signs
