"""The C++ pass for the mean of relu(h_t), which keeps nothing of size (B, T, n) either: CPU, float32. See ``fused``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import core, derivatives, plain
from .fused import COUNT, GRADIENTS, SCHEMA, Arguments, in_place, save, saved, wanted
from .inputs import Recurrence
from .lengths import mean_and_last


def means(r: Recurrence, lengths: Tensor | None, segment: int | None) -> tuple[Tensor, Tensor]:
    """The mean of relu(h_t) over each sequence's own steps, and the state after its last one, (B, n) each."""
    derivatives.refuse_transforms()
    mean, last = mean_state(*Arguments.of(r, lengths, segment), r.twice)
    return mean, last


@torch.library.custom_op(
    "hadamrnn::mean_state",
    mutates_args=(),
    device_types="cpu",
    schema=f"({SCHEMA}, bool twice=False) -> (Tensor, Tensor)",
)
def mean_state(*args: Any) -> tuple[Tensor, Tensor]:
    derivatives.refuse_transforms()
    a = Arguments(*args[:COUNT])
    mean, last = map(torch.from_numpy, a.problem().mean(torch.get_num_threads()))
    return mean, last


@torch.library.custom_op(
    "hadamrnn::mean_state_backward",
    mutates_args=(),
    device_types="cpu",
    schema=f"(Tensor grad_mean, Tensor grad_last, {SCHEMA}) -> {GRADIENTS}",
)
def mean_state_backward(grad_mean: Tensor, grad_last: Tensor, *args: Any) -> tuple[Tensor, ...]:
    derivatives.refuse_transforms()
    a = Arguments(*args)
    return a.gradients(
        a.problem().last_backward(
            core.array(grad_last), core.array(grad_mean), a.segment, torch.get_num_threads()
        )
    )


@mean_state.register_fake
def _(*args: Any) -> tuple[Tensor, Tensor]:
    a = Arguments(*args[:COUNT])
    shape = a.x.shape[0], a.signs.shape[0]
    return a.signs.new_empty(shape), a.signs.new_empty(shape)


@mean_state_backward.register_fake
def _(grad_mean: Tensor, grad_last: Tensor, *args: Any) -> tuple[Tensor, ...]:
    return Arguments(*args).empty_gradients()


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    save(ctx, inputs)


def _backward(ctx: Any, grad_mean: Tensor, grad_last: Tensor) -> tuple[Tensor | None, ...]:
    a, _ = saved(ctx)
    if not derivatives.again(ctx.twice):
        return *in_place(ctx, mean_state_backward(grad_mean, grad_last, *a)), None

    def run(*places: Tensor | None) -> tuple[Tensor, Tensor]:
        return mean_and_last(plain.states(*a.by_plain_torch(*places)), a.lengths)

    found = derivatives.gradients(run, a.places, wanted(ctx), (grad_mean, grad_last))
    return *in_place(ctx, found), None


mean_state.register_autograd(_backward, setup_context=_save)
