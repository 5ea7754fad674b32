"""The engine for the last state of a linear recurrence with few inputs, on the CPU.

h_T = sum_t W^(T-t) (U x_t + b): the vectors W^k U_j and W^k b do not depend on the sequences, so they are computed once
a batch, and the sequences only meet them in one matrix product.

Cost: T (d + 1) transforms instead of T B, one product of (B, T d) by (T d, n), and (d + 1) T n floats of memory.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import core
from .geometry import Geometry


def last(
    geometry: Geometry,
    signs: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    x: Tensor,
    lengths: Tensor | None = None,
) -> Tensor:
    """The state (B, n) after each sequence's own last step, from zeros.

    signs (n,), weight U (n, d), bias b (n,) or None, x (B, T, d), lengths (B,) whole numbers from 1 to T.
    """
    batch, steps, inputs = x.shape
    columns = weight.t() if bias is None else torch.cat([weight.t(), bias[None]])
    krylov: Tensor = powers(signs, columns, steps, geometry.block_size)
    # row k: the input k steps before the last
    backwards = x.flip(1) if lengths is None else _backwards(x, lengths)
    h = backwards.mT.reshape(batch, inputs * steps) @ krylov[:inputs].flatten(0, 1)
    if bias is None:
        return h
    if lengths is None:
        return h + krylov[inputs].sum(0)
    return h + krylov[inputs].cumsum(0)[lengths - 1]


def _backwards(x: Tensor, lengths: Tensor) -> Tensor:
    """Row k is x at step length - 1 - k; zeros before the first step."""
    steps = lengths[:, None] - 1 - torch.arange(x.shape[1], device=x.device)
    picked = torch.take_along_dim(x, steps.clamp(min=0)[..., None], dim=1)
    return picked * (steps >= 0)[..., None]


@torch.library.custom_op("hadamrnn::powers", mutates_args=(), device_types="cpu")
def powers(signs: Tensor, columns: Tensor, steps: int, block_size: int) -> Tensor:
    """W^k columns[c] at [c, k]: (C, steps, n) from columns (C, n)."""
    out = columns.new_empty(columns.shape[0], steps, columns.shape[1])
    core.recurrence(len(signs), block_size, "linear").powers(
        core.array(signs), core.array(columns), out.numpy(), torch.get_num_threads()
    )
    return out


@torch.library.custom_op("hadamrnn::powers_backward", mutates_args=(), device_types="cpu")
def powers_backward(grad: Tensor, signs: Tensor, out: Tensor, block_size: int) -> tuple[Tensor, Tensor]:
    """Gradients of signs and columns, from the powers themselves and their gradient, both (C, steps, n)."""
    dsigns, dcolumns = signs.new_empty(signs.shape), out.new_empty(out.shape[0], out.shape[2])
    core.recurrence(len(signs), block_size, "linear").powers_backward(
        core.array(signs),
        core.array(out),
        core.array(grad),
        dcolumns.numpy(),
        dsigns.numpy(),
        torch.get_num_threads(),
    )
    return dsigns, dcolumns


@powers.register_fake
def _(signs: Tensor, columns: Tensor, steps: int, block_size: int) -> Tensor:
    return columns.new_empty(columns.shape[0], steps, columns.shape[1])


@powers_backward.register_fake
def _(grad: Tensor, signs: Tensor, out: Tensor, block_size: int) -> tuple[Tensor, Tensor]:
    return signs.new_empty(signs.shape), out.new_empty(out.shape[0], out.shape[2])


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    signs, _, _, ctx.block_size = inputs
    ctx.save_for_backward(signs, output)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    signs, out = ctx.saved_tensors
    dsigns, dcolumns = powers_backward(grad, signs, out, ctx.block_size)
    return dsigns, dcolumns, None, None


powers.register_autograd(_backward, setup_context=_save)
