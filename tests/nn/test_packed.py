"""HadamRNN takes a PackedSequence as torch.nn.RNN does."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from hadamrnn_ext import nn
from hadamrnn_ext.errors import InputError

LENGTHS = torch.tensor([2, 5, 1, 5])


@pytest.mark.parametrize("num_layers", [1, 2])
def test_packed_in_any_order(num_layers: int) -> None:
    rnn = nn.HadamRNN(3, 8, num_layers=num_layers)
    x, h_0 = torch.randn(4, 5, 3), torch.randn(num_layers, 4, 8)
    h, h_n = rnn(x, h_0, LENGTHS)
    packed = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    met, met_n = rnn(packed, h_0)
    assert torch.equal(met.batch_sizes, packed.batch_sizes)
    assert torch.equal(met.sorted_indices, packed.sorted_indices)
    padded, lengths = pad_packed_sequence(met, batch_first=True)
    assert torch.equal(lengths, LENGTHS)
    torch.testing.assert_close(padded, h)
    torch.testing.assert_close(met_n, h_n)


def test_the_interface_is_that_of_torch() -> None:
    x = torch.randn(3, 4, 2)
    packed = pack_padded_sequence(x, torch.tensor([4, 3, 1]), batch_first=True)
    h, h_n = nn.HadamRNN(2, 8)(packed)
    theirs, theirs_n = torch.nn.RNN(2, 8, batch_first=True)(packed)
    assert h.data.shape == theirs.data.shape
    assert h_n.shape == theirs_n.shape
    assert h.sorted_indices is None
    assert torch.equal(h.batch_sizes, theirs.batch_sizes)


def test_packed_tokens_and_gradients() -> None:
    rnn = nn.HadamRNN(6, 8)
    tokens = torch.randint(0, 6, (4, 5))
    packed = pack_padded_sequence(tokens, LENGTHS, batch_first=True, enforce_sorted=False)
    grads = []
    for out in (rnn(packed)[0].data, rnn(tokens, lengths=LENGTHS)[0]):
        rnn.zero_grad()
        (out**2).sum().backward()
        grads.append([p.grad for p in rnn.parameters()])
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b)


def test_lengths_beside_a_packed_sequence_are_refused() -> None:
    packed = pack_padded_sequence(torch.randn(2, 3, 2), torch.tensor([3, 1]), batch_first=True)
    with pytest.raises(InputError, match="lengths of its own"):
        nn.HadamRNN(2, 8)(packed, None, torch.tensor([3, 1]))
