"""What drives a recurrence: the input projection, not yet computed, so that an engine may do it inside its own pass."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .derivatives import transformed
from .geometry import Geometry


class Drive(NamedTuple):
    """v_t = table x_t + bias of features x (B, T, d), table (n, d); or v_t = table[x_t] of numbers x (B, T), int32."""

    x: Tensor
    table: Tensor
    bias: Tensor | None

    @property
    def is_gathered(self) -> bool:
        return not self.x.is_floating_point()

    def values(self) -> Tensor:
        """v (B, T, n), in the dtype of the table."""
        gathered = self.is_gathered
        v = F.embedding(self.x, self.table) if gathered else F.linear(self.x, self.table, self.bias)
        return v.to(self.table.dtype)  # autocast may have narrowed it


class Recurrence(NamedTuple):
    """A layer at work: geometry, signs u (n,), what drives it, initial state (B, n) or None for zeros, modrelu (n,).

    twice: whether a second derivative is computed by plain torch where a C++ operator has none; else it is refused.
    """

    geometry: Geometry
    signs: Tensor
    drive: Drive
    h_0: Tensor | None
    modrelu: Tensor | None
    twice: bool = False


def used_tokens(tokens: Tensor, vocabulary: int) -> tuple[Tensor, Tensor | None]:
    """Numbers (B, T), int32, of rows that stand for tokens, and the tokens (rows,) they stand for; None: all of them.

    Rows need computing only for tokens that occur. To find these pays where the vocabulary is larger than a sequence,
    and not while a graph is traced or a function transformed: it would depend on the values.
    """
    if torch.compiler.is_compiling() or transformed() or vocabulary <= tokens.shape[1]:
        return tokens.to(torch.int32), None
    present = torch.zeros(vocabulary, dtype=torch.bool, device=tokens.device)
    present[tokens.long()] = True
    numbers = present.cumsum(0, dtype=torch.int32) - 1
    return F.embedding(tokens.long(), numbers[:, None]).squeeze(-1), present.nonzero().squeeze(1)
