"""The recurrent layer: input projection, learned signs times a Hadamard matrix, bias."""

from __future__ import annotations

import math
import sys
from typing import Any, NamedTuple, cast, overload

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from .. import hadamard
from ..errors import InputError, ShapeError
from ..integer.card import IntegerCard
from ..quantize import code_range
from . import engines, initialize, packed, stack
from .check import check_input, check_lengths


class Layer(NamedTuple):
    """The parameters of one layer of the stack."""

    signs: Tensor
    bias: Tensor | None
    modrelu: Tensor | None
    input_signs: Tensor | None


class HadamRNN(nn.Module):
    """h_t = act(W h_{t-1} + U x_t + b) with W = diag(u) (I_q (x) H_m) / sqrt(m), which is orthogonal (paper, section 3).

    Args:
        input_size: features d; integer input (B, T) is one-hot, and then this is the number of tokens.
        hidden_size: n, a multiple of ``block_size``.
        block_size: m, the order of the Hadamard block; None for n (HadamRNN), smaller for Block-HadamRNN.
        num_layers: layer i >= 1 reads relu of the layer below through a dense binary matrix sign(latent)/sqrt(n).
        recurrence: act: "linear" (the paper's choice), "relu", "modrelu" or "sign" (a 1-bit state).
        weight_bits, bias_bits: bits of U and of b, 1 (ternary) to 8, or None for float.
        bias: whether b is learned; zero otherwise.
        engine: "auto", "loop", "native", "krylov" or "scan": see ``hadamrnn_ext.nn.engines``.
        freeze_signs: keep u as it is drawn.

    Parameters: ``weight_ih`` (n, d); ``signs`` (n,), latent: u is their sign; ``bias`` (n,); ``modrelu`` (n,);
    for layer i >= 1 ``signs_l{i}``, ``bias_l{i}``, ``modrelu_l{i}`` and ``input_signs_l{i}`` (n, n), latent.

    Raises HadamardOrderError, ShapeError or InputError for sizes and options that make no network.
    """

    weight_ih: Tensor
    signs: Tensor
    bias: Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        block_size: int | None = None,
        *,
        num_layers: int = 1,
        recurrence: str = "linear",
        weight_bits: int | None = 4,
        bias_bits: int | None = None,
        bias: bool = True,
        engine: str = "auto",
        freeze_signs: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        block_size = hidden_size if block_size is None else block_size
        if min(input_size, hidden_size, num_layers) < 1:
            sizes = f"input_size {input_size}, hidden_size {hidden_size}, num_layers {num_layers}"
            raise ShapeError(f"{sizes}: expected at least 1 each")
        hadamard.factor(block_size)
        if hidden_size % block_size:
            raise ShapeError(f"hidden_size {hidden_size} is not a multiple of block_size {block_size}")
        if recurrence not in engines.RECURRENCES:
            known = ", ".join(engines.RECURRENCES)
            raise InputError(f"unknown recurrence {recurrence!r}; expected one of {known}")
        engines.check(engine, recurrence, num_layers)
        for bits in (weight_bits, bias_bits):
            if bits is not None:
                code_range(bits)
        self.input_size, self.hidden_size, self.block_size = input_size, hidden_size, block_size
        self.num_layers, self.recurrence, self.weight_bits = num_layers, recurrence, weight_bits
        self.bias_bits, self.engine = bias_bits, engine
        self.integer: IntegerCard | None = None

        def parameter(*shape: int, learned: bool = True) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype), requires_grad=learned)

        n = hidden_size
        self.weight_ih = parameter(n, input_size)
        for i, suffix in enumerate(self._suffixes()):
            self.register_parameter(f"signs{suffix}", parameter(n, learned=not freeze_signs))
            self.register_parameter(f"bias{suffix}", parameter(n) if bias else None)
            self.register_parameter(f"modrelu{suffix}", parameter(n) if recurrence == "modrelu" else None)
            if i > 0:
                self.register_parameter(f"input_signs{suffix}", parameter(n, n))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The published initialization: Xavier-uniform u (as a 1 x n matrix) and U (orthogonal when square)."""
        initialize.projection(self.weight_ih)
        for layer in self.layers():
            initialize.signs(layer.signs)
            if layer.input_signs is not None:
                initialize.signs(layer.input_signs)
            if layer.bias is not None:
                # that of the n x n linear layer which the recurrence is
                initialize.uniform(layer.bias, 1 / math.sqrt(self.hidden_size))
            if layer.modrelu is not None:
                initialize.uniform(layer.modrelu, 0.01)

    @overload
    def forward(
        self, x: Tensor, h_0: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]: ...

    @overload
    def forward(self, x: PackedSequence, h_0: Tensor | None = None) -> tuple[PackedSequence, Tensor]: ...

    def forward(
        self, x: Tensor | PackedSequence, h_0: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor | PackedSequence, Tensor]:
        """All states of the top layer, (B, T, n), not rectified, and the last state of each layer, (num_layers, B, n).

        x: (B, T, d) features, or integer (B, T) one-hot tokens; or either of them packed, and then the states are
        packed likewise, as torch.nn.RNN does. h_0: (num_layers, B, n), zeros if None; the last states of the part
        before go on with a sequence, detached (``h_n.detach()``) they truncate back-propagation. lengths: (B,) whole
        numbers from 1 to T; states past a sequence's length are zero, and the last state is the one at its length.
        Raises ShapeError or InputError.
        """
        if isinstance(x, PackedSequence):
            if lengths is not None:
                raise InputError(
                    "a PackedSequence has lengths of its own; lengths beside it are not understood"
                )
            return packed.run(self, x, h_0)
        lengths = self.check(x, h_0, lengths)
        h, h_n = stack.states(self, x, h_0, lengths)
        return engines.mask_past(h, lengths), h_n

    def last_state(self, x: Tensor, lengths: Tensor | None = None, h_0: Tensor | None = None) -> Tensor:
        """The top layer's state (B, n) after each sequence's own last step: faster than ``forward``."""
        lengths = self.check(x, h_0, lengths)
        return stack.last_states(self, x, h_0, lengths)[-1]

    def engine_for(self, batch: int, *, last: bool) -> str:
        """The engine that runs the top layer on ``batch`` sequences.

        last: of features, from zeros, the last state alone is wanted; else all states, or there are tokens.
        """
        return self.choose(batch, last=last).engine

    def choose(self, batch: int, *, last: bool) -> engines.Choice:
        """``engine_for``, with the reason in a word."""
        features = self.input_size if last and self.num_layers == 1 else None
        return engines.choose(
            self.engine, self.geometry.recurrence, self.weight_ih, batch=batch, features=features
        )

    @property
    def geometry(self) -> engines.Geometry:
        """With the integers that training simulates, if any: ``SequenceModel.simulate_integers``."""
        bits = "" if self.integer is None else f"-{self.integer.layers[0].state_bits}"
        return engines.Geometry(self.hidden_size, self.block_size, self.recurrence + bits)

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if self.block_size != self.hidden_size:
            parts.append(f"block_size={self.block_size}")
        if self.num_layers > 1:
            parts.append(f"num_layers={self.num_layers}")
        parts += [
            f"recurrence={self.recurrence!r}, weight_bits={self.weight_bits}, engine={self._engine_repr()}"
        ]
        if self.bias is None:
            parts.append("bias=False")
        elif self.bias_bits is not None:
            parts.append(f"bias_bits={self.bias_bits}")
        if self.integer is not None:
            parts.append(f"state_bits={self.integer.layers[0].state_bits}")
        if not self.signs.requires_grad:
            parts.append("freeze_signs=True")
        return ", ".join(parts)

    def _engine_repr(self) -> str:
        """The engine as given, and for "auto" what it comes to."""
        if self.engine != "auto":
            return repr(self.engine)
        usual = self.choose(0, last=False).engine
        least = engines.krylov_from(self.input_size)
        if self.choose(sys.maxsize, last=True).engine != "krylov":
            return f"'auto' ({usual})"
        return f"'auto' ({usual}; krylov for the last states of {math.ceil(least)} sequences or more)"

    def _suffixes(self) -> list[str]:
        return [f"_l{i}" if i else "" for i in range(self.num_layers)]

    def layers(self) -> list[Layer]:
        """The parameters layer by layer, from the input up."""
        return [
            Layer(*(cast(Any, getattr(self, name + suffix, None)) for name in Layer._fields))
            for suffix in self._suffixes()
        ]

    def check(self, x: Tensor, h_0: Tensor | None, lengths: Tensor | None) -> Tensor | None:
        """``lengths`` as int64; raises unless all three fit together."""
        check_input(x, self.input_size, tokens=not x.is_floating_point())
        self.check_state(h_0, x)
        return check_lengths(lengths, x)

    def check_state(self, h_0: Tensor | None, x: Tensor) -> None:
        """Raises ShapeError unless ``h_0`` fits the network and the batch x (B, T, ..)."""
        expected = (self.num_layers, x.shape[0], self.hidden_size)
        if h_0 is not None and h_0.shape != expected:
            raise ShapeError(f"h_0 has shape {tuple(h_0.shape)}; expected {expected} (num_layers, B, n)")

    def sign_parameters(self) -> list[Tensor]:
        """The latent weights of which the network sees the signs alone: u of each layer and the binary matrices."""
        return [p for name, p in self.named_parameters() if name.startswith(("signs", "input_signs"))]
