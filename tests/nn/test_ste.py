from __future__ import annotations

import pytest
import torch

from hadamrnn_ext import nn


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_zero_maps_to_plus_one(dtype: torch.dtype) -> None:
    latent = torch.tensor([0.0, -0.0, 1e-30, -1e-30, 3.0, -2.0], dtype=dtype)
    signs = nn.sign(latent)
    assert signs.dtype == dtype
    assert signs.tolist() == [1, 1, 1, -1, 1, -1]


def test_gradient_passes_unchanged() -> None:
    latent = torch.randn(3, 4, requires_grad=True)
    grad = torch.randn(3, 4)
    nn.sign(latent).backward(grad)
    assert torch.equal(latent.grad, grad)


def test_vmap_and_second_use_in_a_graph() -> None:
    latent = torch.randn(5, 4)
    assert torch.equal(torch.func.vmap(nn.sign)(latent), nn.sign(latent))
    assert torch.equal(torch.func.grad(lambda z: (nn.sign(z) * 3).sum())(latent), torch.full((5, 4), 3.0))
