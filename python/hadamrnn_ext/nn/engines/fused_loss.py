"""Recurrence, readout and loss of a whole sequence in one C++ pass, with all gradients: CPU, float32.

The gradients are computed with the loss, while the states of a few steps are in cache, and only scaled in the backward
pass; to write all states and come back for them costs more than the recurrence itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from . import core, derivatives, plain
from .fused import COUNT, SCHEMA, Arguments, in_place, save, saved, wanted
from .inputs import Recurrence
from .lengths import mask_past

_HEAD = "Tensor weight, Tensor output_bias, Tensor targets, int ignore_index"


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
    derivatives.refuse_transforms()
    targets = targets.to(weight.dtype if targets.is_floating_point() else torch.int64)
    arguments = Arguments.of(r, lengths, segment)
    total, count, h_n, _ = sequence_loss(*arguments, weight, bias, targets, ignore_index, r.twice)
    return total / count, h_n


@torch.library.custom_op(
    "hadamrnn::sequence_loss",
    mutates_args=(),
    device_types="cpu",
    schema=f"({SCHEMA}, {_HEAD}, bool twice=False) -> (Tensor, Tensor, Tensor, Tensor[])",
)
def sequence_loss(*args: Any) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    """Sum and number of the losses, last states, gradients of the sum: of the arguments, weight and output_bias."""
    derivatives.refuse_transforms()
    a, (weight, output_bias, targets, ignore_index) = Arguments(*args[:COUNT]), args[COUNT : COUNT + 4]
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
    return (
        weight.new_tensor(total),
        torch.tensor(count),
        torch.from_numpy(h_n),
        [*a.gradients(gradients), *head],
    )


@sequence_loss.register_fake
def _(*args: Any) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    a, (weight, output_bias) = Arguments(*args[:COUNT]), args[COUNT : COUNT + 2]
    h_n = a.signs.new_empty(a.x.shape[0], a.signs.shape[0])
    head = [torch.empty_like(weight), torch.empty_like(output_bias)]
    count = a.signs.new_empty((), dtype=torch.int64)
    return a.signs.new_empty(()), count, h_n, [*a.empty_gradients(), *head]


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor, list[Tensor]]) -> None:
    _, count, h_n, gradients = output
    ctx.mark_non_differentiable(count, h_n, *gradients)
    ctx.set_materialize_grads(False)  # else gradients of zeros are made for all of them
    weight, output_bias, targets, ctx.ignore_index = inputs[COUNT : COUNT + 4]
    if ctx.needs_input_grad[COUNT + 2]:
        raise derivatives.refused("no gradient of targets")
    save(ctx, inputs, weight, output_bias, targets, *gradients)


def _backward(ctx: Any, grad: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:
    count = len(ctx.needs_input_grad)  # the dispatcher leaves out a last argument that has its default
    if grad is None:
        return (None,) * count
    a, (weight, output_bias, targets, *gradients) = saved(ctx)
    found: Sequence[Tensor | None]
    if derivatives.again(ctx.twice):  # or the gradients at hand would be taken for constants

        def run(*places: Tensor) -> Tensor:
            h = plain.states(*a.by_plain_torch(*places[:-2]))
            return _total(h, a.lengths, places[-2], places[-1], targets, ctx.ignore_index)

        needs = (*wanted(ctx), *ctx.needs_input_grad[COUNT : COUNT + 2])
        found = derivatives.gradients(run, (*a.places, weight, output_bias), needs, (grad,))
    else:
        found = [gradient * grad for gradient in gradients]
    return (*in_place(ctx, found[:-2]), *found[-2:], None, None, None)[:count]


def _total(
    h: Tensor, lengths: Tensor | None, weight: Tensor, bias: Tensor, targets: Tensor, ignore_index: int
) -> Tensor:
    """The sum of the losses, in plain torch."""
    y = mask_past(F.linear(h.relu(), weight, bias), lengths)
    if targets.is_floating_point():
        return (y - targets).square().sum()
    return F.cross_entropy(y.flatten(0, 1), targets.flatten(), ignore_index=ignore_index, reduction="sum")


sequence_loss.register_autograd(_backward, setup_context=_save)
