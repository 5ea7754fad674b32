"""What every engine is given: a recurrent layer at work, and the torch form of its Hadamard matrix."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ... import hadamard
from .derivatives import transformed

RECURRENCES = ("linear", "relu", "modrelu", "sign")
INPUT_ACTIVATIONS = ("relu", "clip")


class Geometry(NamedTuple):
    """Sizes and activation of one recurrent layer: W = diag(u) (I_q (x) H_m) / sqrt(m), q = hidden_size / block_size.

    u is +1 or -1, and in a layer that forgets that times the decay of its block: ``Recurrence.signs``.

    ``recurrence`` is one of ``RECURRENCES``, or with "-k" at the end (linear-8) that of an integer state of k bits.
    """

    hidden_size: int
    block_size: int
    recurrence: str

    def blocks(self, signs: Tensor) -> Tensor:
        """The q diagonal blocks of W, (q, m, m), from the signs u (n,); differentiable."""
        h = _matrix(self.block_size, signs.device, signs.dtype)
        blocks: Tensor = signs.view(-1, self.block_size, 1) * (h / math.sqrt(self.block_size))
        return blocks

    def dense(self, signs: Tensor) -> Tensor:
        """W as a dense (n, n) matrix."""
        dense: Tensor = torch.block_diag(*self.blocks(signs))  # type: ignore[no-untyped-call]
        return dense


class Inputs(NamedTuple):
    """The input of a recurrence, not yet projected, so that an engine may do that inside its own pass.

    v_t = phi(table x_t + bias) of features x (B, T, d), table (n, d); or v_t = table[x_t] of numbers x (B, T), int32.
    """

    x: Tensor
    table: Tensor
    bias: Tensor | None
    activation: str | None = None  # phi of features; rows of a table are what it gives

    @property
    def is_gathered(self) -> bool:
        return not self.x.is_floating_point()

    def values(self) -> Tensor:
        """v (B, T, n), in the dtype of the table."""
        if self.is_gathered:
            return F.embedding(self.x, self.table)
        v = F.linear(self.x, self.table, self.bias).to(self.table.dtype)  # autocast may have narrowed it
        return activated(v, self.activation)


def activated(v: Tensor, activation: str | None) -> Tensor:
    """phi(v); no gradient through what is clipped."""
    if activation is None:
        return v
    return v.relu() if activation == "relu" else F.hardtanh(v)


class Recurrence(NamedTuple):
    """A layer at work: geometry, u (n,), its input, initial state (B, n) or None for zeros, modrelu (n,).

    signs: u, times the decays of a layer that forgets; any numbers but zero.

    twice: whether a second derivative is computed by plain torch where a C++ operator has none; else it is refused.
    """

    geometry: Geometry
    signs: Tensor
    inputs: Inputs
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


def at_length(h: Tensor, lengths: Tensor | None) -> Tensor:
    """h (B, T, n) at each sequence's own last step: (B, n)."""
    if lengths is None:
        return h[:, -1]
    return h[torch.arange(h.shape[0], device=h.device), lengths - 1]


def mean_until(values: Tensor, lengths: Tensor | None) -> Tensor:
    """The mean of ``values`` (B, T, n) over each sequence's own steps: (B, n)."""
    if lengths is None:
        return values.mean(dim=1)
    return mask_past(values, lengths).sum(dim=1) / lengths[:, None]


def mask_past(values: Tensor, lengths: Tensor | None, fill: int = 0) -> Tensor:
    """``values`` (B, T) or (B, T, k) with ``fill`` past each sequence's length."""
    if lengths is None:
        return values
    inside = torch.arange(values.shape[1], device=values.device) < lengths[:, None]
    return torch.where(inside[..., None] if values.dim() == 3 else inside, values, fill)


def reverse(x: Tensor, lengths: Tensor | None) -> Tensor:
    """x (B, T, ..) with the steps of each sequence in reverse order; what is past its length stays where it is."""
    if lengths is None:
        return x.flip(1)
    steps = torch.arange(x.shape[1], device=x.device)
    ends = lengths[:, None]
    order = torch.where(steps < ends, ends - 1 - steps, steps)
    order = order if x.dim() == 2 else order[..., None].expand(-1, -1, x.shape[2])
    return torch.gather(x, 1, order)


def full_precision(tensor: Tensor) -> AbstractContextManager[object]:
    """Turns autocast off around a recurrence: an orthogonal state keeps every rounding error for all T steps."""
    kind = tensor.device.type
    if not torch.amp.is_autocast_available(kind):
        return nullcontext()
    return torch.autocast(kind, enabled=False)


_matrices: dict[tuple[int, torch.device, torch.dtype], Tensor] = {}


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _matrix(m: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """H_m, made once for each device and dtype: it is a constant, so no module needs to own, save or move it."""
    key = (m, device, dtype)
    found = _matrices.get(key)
    if found is None:
        found = torch.tensor(hadamard.matrix(m), device=device, dtype=dtype)
        if type(found) is Tensor and not transformed():  # a stand-in must not outlive its trace or transform
            _matrices[key] = found
    return found
