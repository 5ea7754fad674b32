"""The C++ pass for the mean of relu(h_t), which keeps nothing of size (B, T, n) either: CPU, float32. See ``fused``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import core
from .drive import Recurrence
from .fused import SCHEMA, Arguments, in_place


def means(r: Recurrence, lengths: Tensor | None, segment: int | None) -> tuple[Tensor, Tensor]:
    """The mean of relu(h_t) over each sequence's own steps, and the state after its last one, (B, n) each."""
    mean, last = mean_state(*Arguments.of(r, lengths, segment))
    return mean, last


@torch.library.custom_op(
    "hadamrnn::mean_state", mutates_args=(), device_types="cpu", schema=f"({SCHEMA}) -> (Tensor, Tensor)"
)
def mean_state(*args: Any) -> tuple[Tensor, Tensor]:
    mean, last = map(torch.from_numpy, Arguments(*args).problem().mean(torch.get_num_threads()))
    return mean, last


@torch.library.custom_op(
    "hadamrnn::mean_state_backward",
    mutates_args=(),
    device_types="cpu",
    schema=f"(Tensor grad_mean, Tensor grad_last, {SCHEMA}) -> Tensor[]",
)
def mean_state_backward(grad_mean: Tensor, grad_last: Tensor, *args: Any) -> list[Tensor]:
    a = Arguments(*args)
    return a.gradients(
        a.problem().last_backward(
            core.array(grad_last), core.array(grad_mean), a.segment, torch.get_num_threads()
        )
    )


@mean_state.register_fake
def _(*args: Any) -> tuple[Tensor, Tensor]:
    a = Arguments(*args)
    shape = a.x.shape[0], a.signs.shape[0]
    return a.signs.new_empty(shape), a.signs.new_empty(shape)


@mean_state_backward.register_fake
def _(grad_mean: Tensor, grad_last: Tensor, *args: Any) -> list[Tensor]:
    return Arguments(*args).empty_gradients()


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *tensors, ctx.recurrence, ctx.block_size, ctx.segment = inputs
    ctx.save_for_backward(*tensors)


def _backward(ctx: Any, grad_mean: Tensor, grad_last: Tensor) -> tuple[Tensor | None, ...]:
    a = Arguments._make((*ctx.saved_tensors, ctx.recurrence, ctx.block_size, ctx.segment))
    return tuple(in_place(ctx, mean_state_backward(grad_mean, grad_last, *a)))


mean_state.register_autograd(_backward, setup_context=_save)
