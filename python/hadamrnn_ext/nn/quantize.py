"""The p-bit quantizer of U and V, with the straight-through estimator.

The values are those of ``hadamrnn_ext.quantize``, bit for bit in float32; recomputed at every forward
pass, because alpha follows the largest weight (paper, section 3.3).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..quantize import code_range


class _Quantize(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(weight: Tensor, bits: int) -> Tensor:
        lowest, highest = code_range(bits)
        alpha = weight.abs().max()
        levels = torch.full_like(alpha, -lowest)
        # A tensor, not a number: asking for its value would stop a GPU and break torch.compile.
        alpha = torch.where((levels / alpha).isfinite(), alpha, torch.ones_like(alpha))
        codes = (weight * (levels / alpha)).round().clamp(lowest, highest)  # round: half to even
        return codes * (alpha / levels)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None


def quantize(weight: Tensor, bits: int | None) -> Tensor:
    """``weight`` on the uniform grid of ``bits`` bits over [-alpha, alpha], alpha = max|weight|; gradient: identity.

    bits: 1 (ternary) to 8, or None, which gives ``weight`` itself. Raises InputError for any other.
    """
    if bits is None:
        return weight
    quantized: Tensor = _Quantize.apply(weight, bits)  # type: ignore[no-untyped-call]
    return quantized
