"""The engine for the last state of a linear recurrence with few inputs, on the CPU.

h_T = sum_t W^(T-t) (U x_t + b): the vectors W^k U_j and W^k b do not depend on the sequences, so they are computed once
per batch and combined with the sequences in a single matrix product.

The cost is T (d + 1) transforms instead of T B, one product of (B, T d) by (T d, n), and (d + 1) T n floats of memory.
"""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import Tensor

from . import derivatives, native, scan, threads
from .geometry import Geometry, Inputs

KEPT = 2**24  # the most bytes of workspace that a thread keeps from one training step to the next
_memory = threading.local()


def last(
    geometry: Geometry, signs: Tensor, inputs: Inputs, lengths: Tensor | None = None, twice: bool = False
) -> Tensor:
    """The state (B, n) after the last step of each sequence, starting from zeros.

    signs: (n,). inputs: features x (B, T, d). lengths: (B,) whole numbers from 1 to T. twice: see ``Recurrence``.
    """
    derivatives.refuse_transforms("krylov")
    x, weight, bias, _ = inputs
    batch, steps, _ = x.shape
    # not weight.t(): its gradient would be stored transposed, and DistributedDataParallel would warn
    columns = torch.stack([*weight.unbind(1), *([] if bias is None else [bias])])
    # row k is the input k steps before the last step
    backwards = x.flip(1) if lengths is None else _backwards(x, lengths)
    if bias is not None and lengths is not None:  # the bias enters as many times as the sequence has steps
        ones = (torch.arange(steps, device=x.device) < lengths[:, None]).to(x.dtype)
        backwards = torch.cat([backwards, ones[..., None]], dim=2)
    matrix = backwards.mT.reshape(batch, backwards.shape[2] * steps)
    h: Tensor = krylov_last(signs, columns, matrix, steps, geometry.block_size, twice)[0]
    return h


def _backwards(x: Tensor, lengths: Tensor) -> Tensor:
    """Row k is x at step length - 1 - k; zeros before the first step."""
    steps = lengths[:, None] - 1 - torch.arange(x.shape[1], device=x.device)
    # not take_along_dim, which would fix the sizes of a traced graph
    picked = torch.gather(x, 1, steps.clamp(min=0)[..., None].expand(-1, -1, x.shape[2]))
    return picked * (steps >= 0)[..., None]


@torch.library.custom_op("hadamrnn::krylov_last", mutates_args=(), device_types="cpu")
def krylov_last(
    signs: Tensor, columns: Tensor, inputs: Tensor, steps: int, block_size: int, twice: bool = False
) -> tuple[Tensor, Tensor]:
    """The last states (B, n), and the powers (C, steps, n) they are computed from, with W^k columns[c] at [c, k].

    columns: (C, n). inputs: (B, D * steps) with D = C, or D = C - 1, where the input of the last column is 1 at all steps.
    """
    derivatives.refuse_transforms("krylov")
    count, size = columns.shape
    powers = columns.new_empty(count, steps, size)
    native.core(size, block_size, "linear").powers(
        native.array(signs), native.array(columns), powers.numpy(), threads.core()
    )
    driven = inputs.shape[1] // steps
    with threads.all_for(inputs.numel() * size, threads.LARGE_PRODUCT):
        h = inputs @ powers[:driven].view(driven * steps, size)
    if driven < count:
        h += powers[driven].sum(0)
    return h, powers


@torch.library.custom_op("hadamrnn::krylov_last_backward", mutates_args=(), device_types="cpu")
def krylov_last_backward(
    grad: Tensor, signs: Tensor, inputs: Tensor, powers: Tensor, block_size: int, of_inputs: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of signs, columns and inputs (empty unless ``of_inputs``) from grad (B, n), the gradient of the last states."""
    derivatives.refuse_transforms("krylov")
    count, steps, size = powers.shape
    driven = inputs.shape[1] // steps
    grad = grad.contiguous()
    dpowers = _workspace(powers)
    with threads.all_for(inputs.numel() * size, threads.LARGE_PRODUCT):
        torch.mm(inputs.t(), grad, out=dpowers[:driven].view(driven * steps, size))
    if driven < count:
        dpowers[driven] = grad.sum(0)
    dsigns, dcolumns = signs.new_empty(size), powers.new_empty(count, size)
    native.core(size, block_size, "linear").powers_backward(
        native.array(signs),
        native.array(powers),
        dpowers.numpy(),
        dcolumns.numpy(),
        dsigns.numpy(),
        threads.core(),
    )
    rows = powers[:driven].view(driven * steps, size)
    return dsigns, dcolumns, grad @ rows.t() if of_inputs else inputs.new_empty(0)


def _workspace(like: Tensor) -> Tensor:
    """Uninitialized memory for a tensor like ``like``, which is reused: fresh pages would cost more than the computation."""
    if like.nbytes > KEPT:
        return torch.empty_like(like)
    kept: Tensor | None = getattr(_memory, "kept", None)
    if kept is None or kept.shape != like.shape or kept.dtype != like.dtype:
        kept = _memory.kept = torch.empty_like(like)
    return kept


@krylov_last.register_fake
def _(
    signs: Tensor, columns: Tensor, inputs: Tensor, steps: int, block_size: int, twice: bool = False
) -> tuple[Tensor, Tensor]:
    count, size = columns.shape
    return columns.new_empty(inputs.shape[0], size), columns.new_empty(count, steps, size)


@krylov_last_backward.register_fake
def _(
    grad: Tensor, signs: Tensor, inputs: Tensor, powers: Tensor, block_size: int, of_inputs: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    dcolumns = powers.new_empty(powers.shape[0], powers.shape[2])
    return signs.new_empty(signs.shape), dcolumns, inputs.new_empty(inputs.shape if of_inputs else 0)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    signs, columns, matrix, ctx.steps, ctx.block_size, ctx.twice = inputs
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)  # otherwise a gradient of zeros would be allocated for the powers
    ctx.save_for_backward(signs, columns, matrix, output[1])


def _backward(ctx: Any, grad: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
    if grad is None:
        return (None,) * 6
    signs, columns, matrix, powers = ctx.saved_tensors
    wanted = ctx.needs_input_grad[:3]
    if derivatives.again(ctx.twice, "krylov"):

        def run(signs: Tensor, columns: Tensor, matrix: Tensor) -> Tensor:
            return _by_scan(signs, columns, matrix, ctx.steps, ctx.block_size)

        return *derivatives.gradients(run, (signs, columns, matrix), wanted, (grad,)), None, None, None
    found = krylov_last_backward(grad, signs, matrix, powers, ctx.block_size, wanted[2])
    return (
        *(gradient if want else None for gradient, want in zip(found, wanted, strict=True)),
        None,
        None,
        None,
    )


def _by_scan(signs: Tensor, columns: Tensor, inputs: Tensor, steps: int, block_size: int) -> Tensor:
    """The last states of ``krylov_last``, computed in plain torch."""
    count, size = columns.shape
    driven = inputs.shape[1] // steps
    v = torch.einsum("bck,cn->bkn", inputs.view(-1, driven, steps), columns[:driven]).flip(1)
    v = v + columns[driven] if driven < count else v
    return scan.last(Geometry(size, block_size, "linear"), signs, v, None, None)


krylov_last.register_autograd(_backward, setup_context=_save)
