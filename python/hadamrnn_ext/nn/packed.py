"""PackedSequence in, PackedSequence out, as torch.nn.RNN does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

if TYPE_CHECKING:
    from .layers import HadamRNN


def run(rnn: HadamRNN, x: PackedSequence, h_0: Tensor | None) -> tuple[PackedSequence, Tensor]:
    """``rnn`` on sequences packed in any order; the states come in the very order of ``x``, h_n in the original one."""
    padded, lengths = pad_packed_sequence(x, batch_first=True)
    h, h_n = rnn(padded, h_0, lengths)
    if x.sorted_indices is not None:
        order = x.sorted_indices
        h, lengths = h[order], lengths[order.cpu()]
    data = pack_padded_sequence(h, lengths, batch_first=True).data
    return PackedSequence(data, x.batch_sizes, x.sorted_indices, x.unsorted_indices), h_n
