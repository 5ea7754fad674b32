"""What a recurrence is, apart from its weights, and the torch form of its Hadamard matrix."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from ... import hadamard
from .derivatives import transformed

RECURRENCES = ("linear", "relu", "modrelu", "sign")


class Geometry(NamedTuple):
    """Sizes and activation of one recurrent layer: W = diag(u) (I_q (x) H_m) / sqrt(m), q = hidden_size / block_size.

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
