"""The mean loss of a network: fused with the whole pass where possible, otherwise composed from functions of torch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from . import engines, hooks, stack
from .network import Network
from .parameters import LayerParameters


def mean_loss(
    model: Network,
    x: Tensor,
    targets: Tensor,
    lengths: Tensor | None,
    h_0: Tensor | None,
    ignore_index: int,
    segment: int | None,
) -> tuple[Tensor, Tensor]:
    """The loss of ``SequenceModel.loss`` for arguments that have been checked, and the last states (num_layers, B, n)."""
    classes = not targets.is_floating_point()
    if _is_fused(model, x, targets):
        return _fused(model, x, targets, lengths, h_0, ignore_index, segment)
    y, h_n = model.run(x, lengths, h_0, segment)
    y = y.to(model.output_bias.dtype)  # autocast may have narrowed it
    if classes:
        logits = F.pad(y, (1, 0)) if model.output_size == 1 else y
        return F.cross_entropy(
            logits.flatten(0, -2), targets.flatten().long(), ignore_index=ignore_index
        ), h_n
    errors = (y - targets).square().sum()
    if model.output != "all":
        return errors / (x.shape[0] * model.output_size), h_n
    count = x.shape[0] * x.shape[1] if lengths is None else lengths.sum()
    return errors / (count * model.output_size), h_n


def _is_fused(model: Network, x: Tensor, targets: Tensor) -> bool:
    """Whether one fused pass can compute this loss."""
    rnn = model.rnn
    if model.output != "all" or rnn.num_layers > 1 or rnn.bidirectional or hooks.on_states(rnn):
        return False
    if model.pool is not None:
        return False
    if not torch.is_grad_enabled() or targets.requires_grad:
        return False
    u = rnn.weight()
    if u.device.type != "cpu" or u.dtype != torch.float32 or x.requires_grad:
        return False
    return rnn.choose(x.shape[0], last=False).engine == "native"


def _fused(
    model: Network,
    x: Tensor,
    targets: Tensor,
    lengths: Tensor | None,
    h_0: Tensor | None,
    ignore_index: int,
    segment: int | None,
) -> tuple[Tensor, Tensor]:
    def read(
        rnn: LayerParameters, x: Tensor, h_0: Tensor | None, lengths: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        r = stack.Run(rnn, "native", h_0, lengths, model.embedding).layer(0, x)
        weight = model.readout()
        bias: Tensor = model.output_bias
        if model.output_size == 1 and not targets.is_floating_point():
            weight, bias = F.pad(weight, (0, 0, 1, 0)), F.pad(bias, (1, 0))
        weight = stack.out_of_units(
            rnn, 0, weight
        )  # V (s_h z) = (s_h V) z, and this pass never sees s_h z itself
        loss, h_n = engines.sequence_loss(r, lengths, segment, weight, bias, targets, ignore_index)
        return loss, stack.out_of_units(rnn, 0, h_n[None])

    found: tuple[Tensor, Tensor] = model.rnn(x, h_0, lengths, read=read)
    return found
