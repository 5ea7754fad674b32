"""The p-bit quantizer of U and V, with the straight-through estimator.

The values equal those of ``hadamrnn_ext.file.codes`` bit for bit in float32. They are recomputed in every forward pass,
because alpha follows the largest weight (paper, section 3.3).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..file.codes import code_range
from .ste import straight_through


def quantize(weight: Tensor, bits: int | None) -> Tensor:
    """``weight``, rounded to the uniform grid of ``bits`` bits over [-alpha, alpha] with alpha = max|weight|.

    The gradient is the identity. bits: 1 (ternary) to 8, or None, which returns ``weight`` itself. Raises InputError for
    any other value.

    Examples:
        >>> import torch
        >>> from hadamrnn_ext import nn
        >>> nn.quantize(torch.tensor([-1.0, 0.1, 0.4, 0.9]), bits=2)
        tensor([-1.0000,  0.0000,  0.5000,  0.5000])
    """
    if bits is None:
        return weight
    lowest, highest = code_range(bits)
    # alpha is a tensor, not a number: asking for its value would stop a GPU and break torch.compile.
    alpha = weight.detach().abs().max()
    levels = torch.full_like(alpha, -lowest)
    alpha = torch.where((levels / alpha).isinf(), torch.ones_like(alpha), alpha)  # a NaN makes all values NaN
    codes = (weight.detach() * (levels / alpha)).round().clamp(lowest, highest)  # round: half to even
    return straight_through(codes * (alpha / levels), weight)
