"""A single sequence without a batch axis, as torch.nn.RNN takes it: it gets a batch axis of one, which the result loses."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import ShapeError


def is_single(x: Tensor, input_size: int, *, tokens: bool) -> bool:
    """Whether x is a single sequence: features (T, input_size) or, with ``tokens``, token numbers (T,)."""
    return x.dim() == 1 if tokens else x.dim() == 2 and x.shape[1] == input_size


def batch_of_one(
    x: Tensor, h_0: Tensor | None, lengths: Tensor | None
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """x (T, ..), h_0 (layers, n) and a single length with a batch axis of one. Raises ShapeError."""
    if h_0 is not None:
        if h_0.dim() != 2:
            raise ShapeError(
                f"h_0 has shape {tuple(h_0.shape)}; expected 2 dimensions, since x has no batch axis"
            )
        h_0 = h_0[:, None]
    if lengths is not None:
        lengths = torch.as_tensor(lengths)
        lengths = lengths[None] if lengths.dim() == 0 else lengths
    return x[None], h_0, lengths
