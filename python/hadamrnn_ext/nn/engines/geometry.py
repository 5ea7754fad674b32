"""What every engine is given: a recurrent layer with its input, and its Hadamard matrix in torch."""

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

    u is +1 or -1; in a layer that forgets it is multiplied by the decay of its block (``Recurrence.signs``).

    ``recurrence`` is one of ``RECURRENCES``; the suffix "-k", as in linear-8, stands for an integer state of k bits.
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
    """The input of a recurrence before the projection, so that an engine may project it inside its own pass.

    For features x (B, T, d) and table (n, d), v_t = phi(table x_t + bias); for row numbers x (B, T), int32, v_t = table[x_t].
    """

    x: Tensor
    table: Tensor
    bias: Tensor | None
    activation: str | None = None  # phi, for features only; rows of a table have it applied already

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
    """phi(v); clipped values have no gradient."""
    if activation is None:
        return v
    return v.relu() if activation == "relu" else F.hardtanh(v)


class Recurrence(NamedTuple):
    """A layer with its input: geometry, u (n,), input, initial state (B, n) or None for zeros, modrelu (n,).

    signs: u, multiplied by the decays in a layer that forgets; any numbers except zero.

    twice: whether plain torch computes a second derivative, which the C++ operators lack; otherwise it is refused.
    """

    geometry: Geometry
    signs: Tensor
    inputs: Inputs
    h_0: Tensor | None
    modrelu: Tensor | None
    twice: bool = False


def used_tokens(tokens: Tensor, vocabulary: int) -> tuple[Tensor, Tensor | None]:
    """The row number (B, T), int32, of each token, and the tokens (rows,) that the rows stand for, or None for all tokens.

    Only the rows of tokens that occur need to be computed. Finding those tokens pays off if the vocabulary is larger than a
    sequence. It is not done while a graph is traced or a function transformed, because it depends on the values.
    """
    if torch.compiler.is_compiling() or transformed() or vocabulary <= tokens.shape[1]:
        return tokens.to(torch.int32), None
    present = torch.zeros(vocabulary, dtype=torch.bool, device=tokens.device)
    present[tokens.long()] = True
    numbers = present.cumsum(0, dtype=torch.int32) - 1
    return F.embedding(tokens.long(), numbers[:, None]).squeeze(-1), present.nonzero().squeeze(1)


def at_length(h: Tensor, lengths: Tensor | None) -> Tensor:
    """The state (B, n) at the last step of each sequence, from all states h (B, T, n)."""
    if lengths is None:
        return h[:, -1]
    return h[torch.arange(h.shape[0], device=h.device), lengths - 1]


def mean_until(values: Tensor, lengths: Tensor | None) -> Tensor:
    """The mean (B, n) of ``values`` (B, T, n) over the steps of each sequence."""
    if lengths is None:
        return values.mean(dim=1)
    return mask_past(values, lengths).sum(dim=1) / lengths[:, None]


def mask_past(values: Tensor, lengths: Tensor | None, fill: int = 0) -> Tensor:
    """``values`` (B, T) or (B, T, k), replaced by ``fill`` past the length of each sequence."""
    if lengths is None:
        return values
    inside = torch.arange(values.shape[1], device=values.device) < lengths[:, None]
    return torch.where(inside[..., None] if values.dim() == 3 else inside, values, fill)


def reverse(x: Tensor, lengths: Tensor | None) -> Tensor:
    """x (B, T, ..) with the steps of each sequence in reverse order; values past its length stay in place."""
    if lengths is None:
        return x.flip(1)
    steps = torch.arange(x.shape[1], device=x.device)
    ends = lengths[:, None]
    order = torch.where(steps < ends, ends - 1 - steps, steps)
    order = order if x.dim() == 2 else order[..., None].expand(-1, -1, x.shape[2])
    return torch.gather(x, 1, order)


def full_precision(tensor: Tensor) -> AbstractContextManager[object]:
    """Turns autocast off for a recurrence, because an orthogonal W carries every rounding error through all T steps."""
    kind = tensor.device.type
    if not torch.amp.is_autocast_available(kind):
        return nullcontext()
    return torch.autocast(kind, enabled=False)


_matrices: dict[tuple[int, torch.device, torch.dtype], Tensor] = {}


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _matrix(m: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """H_m, computed once per device and dtype. It is a constant, so no module needs to own, save or move it."""
    key = (m, device, dtype)
    found = _matrices.get(key)
    if found is None:
        found = torch.tensor(hadamard.matrix(m), device=device, dtype=dtype)
        if type(found) is Tensor and not transformed():  # a fake one must not outlive its trace or transform
            _matrices[key] = found
    return found
