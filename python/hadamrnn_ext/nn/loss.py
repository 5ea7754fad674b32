"""The mean loss of a SequenceModel: fused with the whole network where that can be, else composed of torch's parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from . import engines, stack
from .quantize import quantize

if TYPE_CHECKING:
    from .sequence import SequenceModel


def mean_loss(
    model: SequenceModel,
    x: Tensor,
    targets: Tensor,
    lengths: Tensor | None,
    h_0: Tensor | None,
    ignore_index: int,
    segment: int | None,
) -> tuple[Tensor, Tensor]:
    """See ``SequenceModel.loss``, with checked arguments: the loss, and the last states (num_layers, B, n)."""
    classes = not targets.is_floating_point()
    if (fused := _fused(model, x, targets, lengths, h_0, ignore_index, segment)) is not None:
        total, h_n = fused
        return total / _count(targets, lengths, ignore_index), h_n
    y, h_n = model.run(x, lengths, h_0, segment)
    y = y.to(model.output_bias.dtype)  # autocast may have narrowed it
    if classes:
        logits = F.pad(y, (1, 0)) if model.output_size == 1 else y
        return F.cross_entropy(
            logits.flatten(0, -2), targets.flatten().long(), ignore_index=ignore_index
        ), h_n
    total = (y - targets).square().sum()
    return total / _count(targets, lengths, ignore_index), h_n


def _fused(
    model: SequenceModel,
    x: Tensor,
    targets: Tensor,
    lengths: Tensor | None,
    h_0: Tensor | None,
    ignore_index: int,
    segment: int | None,
) -> tuple[Tensor, Tensor] | None:
    """The sum of the losses and the last states from one pass; None where it cannot be had."""
    rnn = model.rnn
    if model.output == "last" or rnn.num_layers > 1 or not torch.is_grad_enabled():
        return None
    if rnn.choose(len(x), last=False).engine != "native":
        return None
    r = stack.recurrence(rnn, 0, x, h_0, model.embedding, "native")
    if not engines.fused.runs(r.drive):
        return None
    weight = quantize(model.output_weight, model.output_weight_bits)
    bias: Tensor = model.output_bias
    if model.output_size == 1 and not targets.is_floating_point():
        weight, bias = F.pad(weight, (0, 0, 1, 0)), F.pad(bias, (1, 0))
    if rnn.integer is not None:  # the states of this pass are in units of s_h
        scale = rnn.integer.layers[-1].state_scale
        total, h_n = engines.sequence_loss(r, lengths, segment, weight * scale, bias, targets, ignore_index)
        return total, h_n[None] * scale
    total, h_n = engines.sequence_loss(r, lengths, segment, weight, bias, targets, ignore_index)
    return total, h_n[None]


def _count(targets: Tensor, lengths: Tensor | None, ignore_index: int) -> Tensor:
    """What the sum of the losses is divided by."""
    if not targets.is_floating_point():
        return torch.count_nonzero(targets != ignore_index)
    if lengths is None or targets.dim() == 2:
        return torch.tensor(targets.numel(), device=targets.device)
    return lengths.sum() * targets.shape[2]
