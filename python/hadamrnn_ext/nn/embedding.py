"""The embedding of tokens: torch's, or with rows that are seen in 8 bits."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from . import integers

__all__ = ["embedding"]


class _Coded(nn.Embedding):
    """An embedding whose rows are seen as 8-bit codes with a step each, those of the model file (quantize_rows).

    The gradient goes straight through. Rows are coded when they are read: a batch reads few of them.
    """

    def forward(self, input: Tensor) -> Tensor:
        return integers.rows(super().forward(input))


def embedding(bits: int | None, num_embeddings: int, embedding_dim: int, **options: Any) -> nn.Embedding:
    """That of ``bits`` 8, or None for float; row 0 is padding: zero, without gradient."""
    kind = nn.Embedding if bits is None else _Coded
    return kind(num_embeddings, embedding_dim, padding_idx=0, **options)
