"""The recurrent layer: input projection, learned signs times a Hadamard matrix, bias."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import hadamard
from ..errors import InputError, ShapeError
from ..quantize import code_range
from . import engines, initialize, ste
from .check import check_input, check_lengths
from .quantize import quantize


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
        weight_bits: bits of U, 1 (ternary) to 8, or None for float.
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
        if weight_bits is not None:
            code_range(weight_bits)
        self.input_size, self.hidden_size, self.block_size = input_size, hidden_size, block_size
        self.num_layers, self.recurrence, self.weight_bits = num_layers, recurrence, weight_bits
        self.engine = engine

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
        for layer in self.stack():
            initialize.signs(layer.signs)
            if layer.input_signs is not None:
                initialize.signs(layer.input_signs)
            if layer.bias is not None:
                # that of the n x n linear layer which the recurrence is
                initialize.uniform(layer.bias, 1 / math.sqrt(self.hidden_size))
            if layer.modrelu is not None:
                initialize.uniform(layer.modrelu, 0.01)

    def forward(
        self, x: Tensor, h_0: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """All states of the top layer, (B, T, n), not rectified, and the last state of each layer, (num_layers, B, n).

        x: (B, T, d) features, or integer (B, T) one-hot tokens. h_0: (num_layers, B, n), zeros if None.
        lengths: (B,) whole numbers from 1 to T; states past a sequence's length are zero, and the last state is
        the one at its length. Raises ShapeError or InputError.
        """
        lengths = self._check(x, h_0, lengths)
        h, last = x, []
        for i, layer in enumerate(self.stack()):
            v = self._project(h, layer)
            engine = engines.choose(self.engine, self.recurrence, v)
            if engine == "krylov":
                raise InputError("engine 'krylov' computes the last state alone: call last_state instead")
            start = None if h_0 is None else h_0[i].to(v.dtype)
            h = engines.states(engine, self.geometry, ste.sign(layer.signs), v, start, layer.modrelu)
            last.append(engines.at_length(h, lengths))
        return mask_past(h, lengths), torch.stack(last)

    def last_state(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The top layer's state (B, n) after each sequence's own last step, from zeros: faster than ``forward``."""
        lengths = self._check(x, None, lengths)
        *below, top = self.stack()
        h = x
        for layer in below:
            v = self._project(h, layer)
            engine = engines.choose(self.engine, self.recurrence, v)
            h = engines.states(engine, self.geometry, ste.sign(layer.signs), v, None, layer.modrelu)
        signs, engine = ste.sign(top.signs), self.engine_for(len(x), last=True)
        if engine == "krylov":
            x = x if x.is_floating_point() else F.one_hot(x.long(), self.input_size)
            weight = quantize(self.weight_ih, self.weight_bits)
            with engines.full_precision(x):
                return engines.krylov.last(
                    self.geometry, signs, weight, top.bias, x.to(weight.dtype), lengths
                )
        return engines.last(engine, self.geometry, signs, self._project(h, top), None, top.modrelu, lengths)

    def engine_for(self, batch: int, *, last: bool) -> str:
        """The engine that runs the top layer on ``batch`` sequences when all states, or the last one alone, are wanted.

        At each step krylov makes d + 1 transforms a batch, the other engines one a sequence.
        """
        pays = last and self.num_layers == 1 and self.input_size < batch
        return engines.choose(self.engine, self.recurrence, self.weight_ih, krylov_pays=pays)

    @property
    def geometry(self) -> engines.Geometry:
        return engines.Geometry(self.hidden_size, self.block_size, self.recurrence)

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if self.block_size != self.hidden_size:
            parts.append(f"block_size={self.block_size}")
        if self.num_layers > 1:
            parts.append(f"num_layers={self.num_layers}")
        parts += [f"recurrence={self.recurrence!r}, weight_bits={self.weight_bits}, engine={self.engine!r}"]
        if self.bias is None:
            parts.append("bias=False")
        if not self.signs.requires_grad:
            parts.append("freeze_signs=True")
        return ", ".join(parts)

    def _suffixes(self) -> list[str]:
        return [f"_l{i}" if i else "" for i in range(self.num_layers)]

    def stack(self) -> list[Layer]:
        """The parameters layer by layer, from the input up."""
        return [
            Layer(*(cast(Any, getattr(self, name + suffix, None)) for name in Layer._fields))
            for suffix in self._suffixes()
        ]

    def _project(self, x: Tensor, layer: Layer) -> Tensor:
        """v (B, T, n): what enters the recurrence at each step, bias included, in the parameters' dtype."""
        if layer.input_signs is not None:
            b = ste.sign(layer.input_signs)
            v = F.linear(x.relu(), b) / math.sqrt(self.hidden_size)
            v = v if layer.bias is None else v + layer.bias
        else:
            u = quantize(self.weight_ih, self.weight_bits)
            if x.is_floating_point():
                v = F.linear(x, u, layer.bias)
            else:
                v = F.embedding(x.long(), u.t())
                v = v if layer.bias is None else v + layer.bias
        return v.to(layer.signs.dtype)  # autocast may have narrowed it

    def _check(self, x: Tensor, h_0: Tensor | None, lengths: Tensor | None) -> Tensor | None:
        check_input(x, self.input_size, tokens=not x.is_floating_point())
        expected = (self.num_layers, x.shape[0], self.hidden_size)
        if h_0 is not None and h_0.shape != expected:
            raise ShapeError(f"h_0 has shape {tuple(h_0.shape)}; expected {expected} (num_layers, B, n)")
        return check_lengths(lengths, x)

    def sign_parameters(self) -> list[Tensor]:
        """The latent weights of which the network sees the signs alone: u of each layer and the binary matrices."""
        return [p for name, p in self.named_parameters() if name.startswith(("signs", "input_signs"))]


def mask_past(values: Tensor, lengths: Tensor | None) -> Tensor:
    """``values`` (B, T, ..) with zeros past each sequence's length."""
    if lengths is None:
        return values
    inside = torch.arange(values.shape[1], device=values.device) < lengths[:, None]
    return torch.where(inside[..., None], values, 0)
