"""PackedSequence as input, and as output where there is one answer per step; as in torch.nn.RNN, in any order of sequences."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ..errors import InputError


def padded(x: PackedSequence, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """Sequences (B, T, ..) in the original order, and their lengths. Raises InputError if ``lengths`` is given too."""
    if lengths is not None:
        raise InputError("a PackedSequence has lengths of its own; lengths beside it are not understood")
    return pad_packed_sequence(x, batch_first=True)


def padded_targets(targets: Tensor | PackedSequence, lengths: Tensor | None) -> Tensor:
    """Targets, padded with zeros if they are packed. Raises InputError unless they are packed like the input."""
    if not isinstance(targets, PackedSequence):
        return targets
    if lengths is None:
        raise InputError("targets are packed and x is not; expected both packed, or neither")
    values, theirs = pad_packed_sequence(targets, batch_first=True)
    if not torch.equal(theirs, lengths):
        met = f"x has lengths {lengths.tolist()} and targets have {theirs.tolist()}"
        raise InputError(f"{met[:200]}; expected the same")
    return values


def like(x: PackedSequence, values: Tensor, lengths: Tensor) -> PackedSequence:
    """``values`` (B, T, k), whose sequences are in the original order, packed in exactly the order of ``x``."""
    if x.sorted_indices is not None:
        order = x.sorted_indices
        values, lengths = values[order], lengths[order.cpu()]
    data = pack_padded_sequence(values, lengths, batch_first=True).data
    return PackedSequence(data, x.batch_sizes, x.sorted_indices, x.unsorted_indices)
