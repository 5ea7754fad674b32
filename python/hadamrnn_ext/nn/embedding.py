"""The embedding of tokens: the one of torch, or one whose rows the network sees in 8 bits."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from . import integers

__all__ = ["embedding"]


class _Coded(nn.Embedding):
    """An embedding whose rows are seen as 8-bit codes with one step size per row, as in the model file.

    The gradient goes straight through the rounding. Rows are rounded when they are read, because a batch reads few of them.
    """

    def forward(self, input: Tensor) -> Tensor:
        return integers.rows(super().forward(input))


def embedding(bits: int | None, num_embeddings: int, embedding_dim: int, **options: Any) -> nn.Embedding:
    """An embedding with rows of ``bits`` bits: 8, or None for float. Row 0 is padding: it is zero and has no gradient."""
    kind = nn.Embedding if bits is None else _Coded
    return kind(num_embeddings, embedding_dim, padding_idx=0, **options)
