"""Recurrence, readout and loss of a whole sequence in one C++ pass, with all gradients: CPU, float32.

The gradients are computed with the loss, while the states of a few steps are in cache, and only scaled in the backward
pass; to write all states and come back for them costs more than the recurrence itself.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import core
from .drive import Recurrence
from .fused import SCHEMA, Arguments, in_place

_HEAD = "Tensor weight, Tensor output_bias, Tensor targets, int ignore_index"
_COUNT = len(Arguments._fields)


def loss(
    r: Recurrence,
    lengths: Tensor | None,
    segment: int | None,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    ignore_index: int,
) -> tuple[Tensor, Tensor]:
    """The mean loss of y_t = weight relu(h_t) + bias over all steps, and the last states (B, n), detached.

    Cross-entropy with integer targets (B, T), where those equal to ``ignore_index`` have no loss; squared error with
    float targets (B, T, o).
    """
    targets = targets.to(weight.dtype if targets.is_floating_point() else torch.int64)
    arguments = Arguments.of(r, lengths, segment)
    total, count, h_n, _ = sequence_loss(*arguments, weight, bias, targets, ignore_index)
    return total / count, h_n


@torch.library.custom_op(
    "hadamrnn::sequence_loss",
    mutates_args=(),
    device_types="cpu",
    schema=f"({SCHEMA}, {_HEAD}) -> (Tensor, Tensor, Tensor, Tensor[])",
)
def sequence_loss(*args: Any) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    """Sum and number of the losses, last states, gradients of the sum: of the arguments, weight and output_bias."""
    a, (weight, output_bias, targets, ignore_index) = Arguments(*args[:_COUNT]), args[_COUNT:]
    classes = None if targets.is_floating_point() else core.array(targets)
    total, count, h_n, gradients = a.problem().sequence(
        core.array(weight),
        core.array(output_bias),
        classes=classes,
        values=core.array(targets) if classes is None else None,
        ignore_index=ignore_index,
        segment=a.segment,
        num_threads=torch.get_num_threads(),
    )
    head = [torch.from_numpy(gradients[name]) for name in ("output_weight", "output_bias")]
    return weight.new_tensor(total), torch.tensor(count), torch.from_numpy(h_n), a.gradients(gradients) + head


@sequence_loss.register_fake
def _(*args: Any) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    a, (weight, output_bias, _, _) = Arguments(*args[:_COUNT]), args[_COUNT:]
    h_n = a.signs.new_empty(a.x.shape[0], a.signs.shape[0])
    head = [torch.empty_like(weight), torch.empty_like(output_bias)]
    count = a.signs.new_empty((), dtype=torch.int64)
    return a.signs.new_empty(()), count, h_n, a.empty_gradients() + head


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor, list[Tensor]]) -> None:
    _, count, h_n, gradients = output
    ctx.mark_non_differentiable(count, h_n, *gradients)
    ctx.set_materialize_grads(False)  # else gradients of zeros are made for all of them
    ctx.save_for_backward(*gradients)


def _backward(ctx: Any, grad: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:
    if grad is None:
        return (None,) * (_COUNT + 4)
    if torch.is_grad_enabled():  # create_graph=True: what follows would take the second derivative for zero
        raise RuntimeError("the fused loss has no second derivative; engine 'loop' has one")
    *of_arguments, dweight, dbias = (gradient * grad for gradient in ctx.saved_tensors)
    return *in_place(ctx, of_arguments), dweight, dbias, None, None


sequence_loss.register_autograd(_backward, setup_context=_save)
