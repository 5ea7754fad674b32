"""The recurrent layer: input projection, learned signs times a Hadamard matrix, bias."""

from __future__ import annotations

from typing import overload

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ..errors import InputError, ShapeError
from . import engines, packed, single, stack
from .check import check_input, check_lengths
from .parameters import LayerParameters


class HadamRNN(LayerParameters):
    """h_t = act(W h_{t-1} + U x_t + b) with W = diag(u) (I_q (x) H_m) / sqrt(m), which is orthogonal (paper, section 3).

    It is called as torch.nn.RNN is with ``batch_first=True``, and returns what that returns.

    Args:
        input_size: features d; integer input (B, T) is one-hot, and then this is the number of tokens.
        hidden_size: n, a multiple of ``block_size``.
        block_size: m, the order of the Hadamard block; None for n (HadamRNN), smaller for Block-HadamRNN.
        num_layers: layer i >= 1 reads relu of the layer below through a dense binary matrix sign(latent)/sqrt(n).
        recurrence: act: "linear" (the paper's choice), "relu", "modrelu" or "sign" (a 1-bit state).
        weight_bits, bias_bits: bits of U and of b, 1 (ternary) to 8, or None for float.
        bias: whether b is learned; otherwise it is zero.
        batch_first: must be True, because no other layout is supported.
        dropout: probability in training that a unit is set to zero on its way to the next layer.
        bidirectional: a second recurrence with weights of its own reads each sequence from its end to its beginning, and
            D = 2 in the shapes below (otherwise 1). The states of both directions lie side by side.
        engine: "auto", "loop", "native", "krylov" or "scan": see ``hadamrnn_ext.nn.engines``.
        freeze_signs: keep u as it was drawn.
        decays: whether each block of every layer forgets: its part of W is multiplied by a decay lambda, 0 < lambda < 1. The
            file stores one byte per decay; training computes with the value of that byte, and the gradient goes straight
            through the rounding.
        time_constants: the shortest and the longest tau = -1/ln(lambda), in steps; they are drawn log-uniformly in between.
            None stands for (1, 100).
        freeze_decays: keep the decays as they were drawn.
        input_activation: phi in the input phi(U x_t + b) of the first layer: "relu", "clip" (to -1 .. 1), or None for none.
        differences: the first layer reads x_t together with x_t - x_{t-1}, which is zero at the first step (also at the first
            step of a part that continues a sequence from ``h_0``). U then has 2 d columns.

    Parameters: ``weight_ih`` (n, d); ``signs`` (n,), latent: u is their sign; ``bias`` (n,); ``modrelu`` (n,); ``decays``
    (q,), latent: the logits of lambda of the q = n / m blocks; for layer i >= 1 ``signs_l{i}``, ``bias_l{i}``,
    ``modrelu_l{i}``, ``decays_l{i}`` and ``input_signs_l{i}`` (n, D n), latent; and, for the other direction, all of these
    again with the suffix ``_reverse``.

    Raises HadamardOrderError, ShapeError or InputError for sizes and options that do not make a network.

    Examples:
        >>> import torch
        >>> from hadamrnn_ext import nn
        >>> rnn, x = nn.HadamRNN(3, 64, block_size=16), torch.randn(8, 100, 3)
        >>> h, h_n = rnn(x)
        >>> h.shape, h_n.shape, rnn.last_state(x).shape
        (torch.Size([8, 100, 64]), torch.Size([1, 8, 64]), torch.Size([8, 64]))
    """

    @overload
    def forward(
        self,
        x: Tensor,
        h_0: Tensor | None = None,
        lengths: Tensor | None = None,
        *,
        read: stack.Read | None = None,
    ) -> tuple[Tensor, Tensor]: ...

    @overload
    def forward(self, x: PackedSequence, h_0: Tensor | None = None) -> tuple[PackedSequence, Tensor]: ...

    def forward(
        self,
        x: Tensor | PackedSequence,
        h_0: Tensor | None = None,
        lengths: Tensor | None = None,
        *,
        read: stack.Read | None = None,
    ) -> tuple[Tensor | PackedSequence, Tensor]:
        """All states of the top layer, (B, T, D n), not rectified, and the last state of each layer, (D num_layers, B, n).

        All of this follows torch.nn.RNN, including the order of the last states: layer by layer, forwards first.

        x: (B, T, d) features, or integer (B, T) one-hot tokens. If x is packed, the states are packed in the same way. If x
        is a single sequence, (T, d) or (T,), then no argument and no result has a batch axis.
        h_0: (D num_layers, B, n), or None for zeros. To continue a sequence, pass the last states of its previous part;
        passing them detached (``h_n.detach()``) truncates back-propagation.
        lengths: (B,) whole numbers from 1 to T. States past the length of a sequence are zero, and its last state is the
        one at its length, or backwards the one at its first step.

        read: for an enclosing network that has checked the input: computes what is returned in place of all states.

        Raises ShapeError or InputError.
        """
        if isinstance(x, PackedSequence):
            values, ends = packed.padded(x, lengths)
            h, h_n = self.forward(values, h_0, ends)
            return packed.like(x, h, ends), h_n
        if read is not None:
            return read(self, x, h_0, lengths)
        if single.is_single(x, self.input_size, tokens=not x.is_floating_point()):
            h, h_n = self.forward(*single.batch_of_one(x, h_0, lengths))
            return h[0], h_n[:, 0]
        lengths = self.check(x, h_0, lengths)
        h, h_n = stack.read(self, x, h_0, lengths)
        return engines.mask_past(h, lengths), h_n

    def last_state(self, x: Tensor, lengths: Tensor | None = None, h_0: Tensor | None = None) -> Tensor:
        """The state (B, D n) of the top layer after the last step of each sequence; this is faster than ``forward``."""
        if single.is_single(x, self.input_size, tokens=not x.is_floating_point()):
            x, h_0, lengths = single.batch_of_one(x, h_0, lengths)
            return self.last_state(x, lengths, h_0)[0]
        lengths = self.check(x, h_0, lengths)
        state: Tensor = self(x, h_0, lengths, read=stack.last)[0]
        return state

    def check(self, x: Tensor, h_0: Tensor | None, lengths: Tensor | None) -> Tensor | None:
        """``lengths`` as int64; raises unless x, h_0 and lengths fit together.

        Examples:
            >>> import torch
            >>> from hadamrnn_ext import nn
            >>> nn.HadamRNN(3, 64).check(torch.zeros(2, 5, 3), None, torch.tensor([5, 2]))
            tensor([5, 2])
        """
        check_input(x, self.input_size, tokens=not x.is_floating_point())
        self.check_state(h_0, x)
        return check_lengths(lengths, x)

    def check_state(self, h_0: Tensor | None, x: Tensor) -> None:
        """Raises ShapeError or InputError unless ``h_0`` fits the network and the batch x (B, T, ..).

        Examples:
            >>> import torch
            >>> from hadamrnn_ext import nn
            >>> nn.HadamRNN(3, 64).check_state(torch.zeros(1, 2, 16), torch.zeros(2, 5, 3))
            Traceback (most recent call last):
                ...
            hadamrnn_ext.errors.ShapeError: h_0 has shape (1, 2, 16); expected (1, 2, 64) (num_layers, B, n)
        """
        if h_0 is None:
            return
        expected = (self.num_layers * len(self.directions), x.shape[0], self.hidden_size)
        if h_0.shape != expected:
            layers = "2 num_layers" if self.bidirectional else "num_layers"
            raise ShapeError(f"h_0 has shape {tuple(h_0.shape)}; expected {expected} ({layers}, B, n)")
        if h_0.is_complex() or h_0.dtype == torch.bool:
            raise InputError(f"h_0 has dtype {h_0.dtype}; expected real numbers")
