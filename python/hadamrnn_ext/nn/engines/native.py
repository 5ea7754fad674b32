"""The C++ engine for the CPU, float32 and float64: fast transform, threads over the batch, any recurrence.

With g_t = dL/dh_t, the backward recurrence is G_t = g_t + W^T G_{t+1}, dL/dv_t = G_t and
dL/du = sum_t G_t o u o (h_t - v_t) (for the linear one); of the forward pass it needs the states alone.
As operators of torch.library they pass through torch.compile and torch.export.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import core
from .geometry import Geometry


def states(
    geometry: Geometry, signs: Tensor, v: Tensor, h_0: Tensor | None, modrelu: Tensor | None
) -> Tensor:
    """h_t = act(W h_{t-1} + v_t), all of them: (B, T, n) from v (B, T, n), h_0 (B, n) or None for zeros."""
    h: Tensor = recurrence(signs, v, h_0, modrelu, geometry.block_size, geometry.recurrence)
    return h


@torch.library.custom_op("hadamrnn::recurrence", mutates_args=(), device_types="cpu")
def recurrence(
    signs: Tensor, v: Tensor, h_0: Tensor | None, modrelu: Tensor | None, block_size: int, name: str
) -> Tensor:
    h = v.new_empty(v.shape)
    core.recurrence(len(signs), block_size, name).forward(
        core.array(signs),
        core.array(v),
        core.optional(h_0),
        core.optional(modrelu),
        h.numpy(),
        torch.get_num_threads(),
    )
    return h


@torch.library.custom_op("hadamrnn::recurrence_backward", mutates_args=(), device_types="cpu")
def recurrence_backward(
    grad: Tensor,
    signs: Tensor,
    h: Tensor,
    h_0: Tensor | None,
    modrelu: Tensor | None,
    block_size: int,
    name: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of signs, v, h_0 and modrelu; an operator cannot return None, so those of absent inputs are empty."""
    dsigns, dv, dh_0, dmodrelu = _gradients(signs, h, h_0, modrelu)
    core.recurrence(len(signs), block_size, name).backward(
        core.array(signs),
        core.array(h),
        core.optional(h_0),
        core.optional(modrelu),
        core.array(grad),
        dv.numpy(),
        None if h_0 is None else dh_0.numpy(),
        dsigns.numpy(),
        None if modrelu is None else dmodrelu.numpy(),
        torch.get_num_threads(),
    )
    return dsigns, dv, dh_0, dmodrelu


def _gradients(
    signs: Tensor, h: Tensor, h_0: Tensor | None, modrelu: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return (
        signs.new_empty(signs.shape),
        h.new_empty(h.shape),
        h.new_empty(0 if h_0 is None else h_0.shape),
        h.new_empty(0 if modrelu is None else modrelu.shape),
    )


@recurrence.register_fake
def _(
    signs: Tensor, v: Tensor, h_0: Tensor | None, modrelu: Tensor | None, block_size: int, name: str
) -> Tensor:
    return v.new_empty(v.shape)


@recurrence_backward.register_fake
def _(
    grad: Tensor,
    signs: Tensor,
    h: Tensor,
    h_0: Tensor | None,
    modrelu: Tensor | None,
    block_size: int,
    name: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return _gradients(signs, h, h_0, modrelu)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    signs, _, h_0, modrelu, ctx.block_size, ctx.name = inputs
    ctx.save_for_backward(signs, output, h_0, modrelu)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    signs, h, h_0, modrelu = ctx.saved_tensors
    dsigns, dv, dh_0, dmodrelu = recurrence_backward(grad, signs, h, h_0, modrelu, ctx.block_size, ctx.name)
    return dsigns, dv, None if h_0 is None else dh_0, None if modrelu is None else dmodrelu, None, None


recurrence.register_autograd(_backward, setup_context=_save)
