"""The C++ engine for the CPU in float32 and float64: fast transform, threads over the batch, any recurrence.

With g_t = dL/dh_t, the backward recurrence of the linear case is G_t = g_t + W^T G_{t+1}, with dL/dv_t = G_t and
dL/du = sum_t G_t o u o (h_t - v_t). From the forward pass it needs only the states, and so does its counterpart in plain
torch (``loop.gradients``), which computes second derivatives. Because they are operators of torch.library, both passes work
under torch.compile and torch.export.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ... import _core, hadamard, isa
from . import derivatives, loop, threads
from .geometry import Geometry, Recurrence, full_precision


@functools.cache
def core(hidden_size: int, block_size: int, name: str) -> _core.Recurrence:
    """The C++ recurrence of this geometry, which is immutable and shared by all modules and threads.

    Raises IsaError if HADAMRNN_ISA names an instruction set that this machine cannot run.
    """
    isa.active()
    r, _ = hadamard.factor(block_size)
    matrix = np.ascontiguousarray(hadamard.core_matrix(r))
    return _core.Recurrence(hidden_size=hidden_size, block_size=block_size, core=matrix, recurrence=name)


def array(tensor: Tensor) -> NDArray[Any]:
    """The values of a CPU tensor as a C-contiguous array, which shares the memory of a contiguous tensor."""
    values: NDArray[Any] = tensor.detach().contiguous().numpy()
    return values


def optional(tensor: Tensor | None) -> NDArray[Any] | None:
    return None if tensor is None else array(tensor)


def states(r: Recurrence) -> Tensor:
    """All states (B, T, n) of h_t = act(W h_{t-1} + v_t)."""
    derivatives.refuse_transforms()
    _, block_size, name = r.geometry
    v = r.inputs.values()
    with full_precision(v):
        h: Tensor = recurrence(r.signs, v, r.h_0, r.modrelu, block_size, name, r.twice)
    return h


@torch.library.custom_op("hadamrnn::recurrence", mutates_args=(), device_types="cpu")
def recurrence(
    signs: Tensor,
    v: Tensor,
    h_0: Tensor | None,
    modrelu: Tensor | None,
    block_size: int,
    name: str,
    twice: bool = False,
) -> Tensor:
    derivatives.refuse_transforms()
    h = v.new_empty(v.shape)
    core(signs.shape[0], block_size, name).forward(
        array(signs),
        array(v),
        optional(h_0),
        optional(modrelu),
        h.numpy(),
        threads.core(),
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
    """Gradients of signs, v, h_0 and modrelu. An operator cannot return None, so an absent input has an empty gradient."""
    derivatives.refuse_transforms()
    dsigns, dv, dh_0, dmodrelu = _gradients(signs, h, h_0, modrelu)
    core(signs.shape[0], block_size, name).backward(
        array(signs),
        array(h),
        optional(h_0),
        optional(modrelu),
        array(grad),
        dv.numpy(),
        None if h_0 is None else dh_0.numpy(),
        dsigns.numpy(),
        None if modrelu is None else dmodrelu.numpy(),
        threads.core(),
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
    signs: Tensor,
    v: Tensor,
    h_0: Tensor | None,
    modrelu: Tensor | None,
    block_size: int,
    name: str,
    twice: bool = False,
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
    signs, _, h_0, modrelu, ctx.block_size, ctx.name, ctx.twice = inputs
    ctx.save_for_backward(signs, output, h_0, modrelu)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    signs, h, h_0, modrelu = ctx.saved_tensors
    if derivatives.again(ctx.twice):
        geometry = Geometry(signs.shape[0], ctx.block_size, ctx.name)
        found = loop.gradients(geometry, signs, h, h_0, modrelu, grad)
    else:
        found = recurrence_backward(grad, signs, h, h_0, modrelu, ctx.block_size, ctx.name)
    dsigns, dv, dh_0, dmodrelu = found
    return dsigns, dv, None if h_0 is None else dh_0, None if modrelu is None else dmodrelu, None, None, None


recurrence.register_autograd(_backward, setup_context=_save)
