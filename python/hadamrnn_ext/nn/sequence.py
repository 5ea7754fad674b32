"""The whole model: embedding or input projection, HadamRNN, relu and readout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError, ShapeError
from ..model import Model
from ..preprocess import Preprocess
from ..quantize import code_range
from . import export, initialize
from .check import check_input, check_lengths
from .layers import HadamRNN, mask_past
from .quantize import quantize


class SequenceModel(nn.Module):
    """y = V relu(h_T) + c (``output="last"``) or y_t = V relu(h_t) + c at every step (``output="all"``).

    In ``eval()``, without gradients, in float32 on the CPU it runs the native kernels, and gives bit for bit what
    ``to_native().infer`` gives.

    Args:
        input_size: features d, or with ``tokens`` the number of tokens.
        hidden_size, block_size, num_layers, recurrence, weight_bits, engine, freeze_signs: see ``HadamRNN``.
        output_size: o, the number of logits.
        output: "last" or "all".
        tokens: the input is integer (B, T), one-hot, or embedded if ``embedding_size`` is given.
        embedding_size: columns of the learned float embedding; its row 0 is padding: zero, without gradient.
        output_weight_bits: bits of V; "same" for ``weight_bits``.
        preprocess, labels: how raw input becomes this model's input, and the names of its outputs. They go into the
            card of the native model; ``forward`` takes prepared input.

    Parameters: those of ``HadamRNN`` under ``rnn.``, ``embedding.weight`` (tokens, e), ``output_weight`` (o, n),
    ``output_bias`` (o,).

    Raises HadamardOrderError, ShapeError or InputError for sizes and options that make no network.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        block_size: int | None = None,
        *,
        output: Literal["last", "all"] = "last",
        tokens: bool = False,
        embedding_size: int | None = None,
        num_layers: int = 1,
        recurrence: str = "linear",
        weight_bits: int | None = 4,
        output_weight_bits: int | Literal["same"] | None = "same",
        engine: str = "auto",
        freeze_signs: bool = False,
        preprocess: Preprocess | None = None,
        labels: Sequence[str] | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if output not in ("last", "all"):
            raise InputError(f"unknown output {output!r}; expected 'last' or 'all'")
        if output == "all" and engine == "krylov":
            raise InputError("engine 'krylov' computes the last state alone, so it cannot give output 'all'")
        if embedding_size is not None and not tokens:
            raise InputError("embedding_size is given for features; only tokens have an embedding")
        if output_size < 1:
            raise ShapeError(f"output_size is {output_size}; expected at least 1")
        self.input_size, self.output_size = input_size, output_size
        self.output, self.tokens = output, tokens
        self.output_weight_bits = weight_bits if output_weight_bits == "same" else output_weight_bits
        if self.output_weight_bits is not None:
            code_range(self.output_weight_bits)
        self.preprocess, self.labels = preprocess, None if labels is None else tuple(labels)
        self.embedding = (
            None
            if embedding_size is None
            else nn.Embedding(input_size, embedding_size, padding_idx=0, device=device, dtype=dtype)
        )
        self.rnn = HadamRNN(
            embedding_size or input_size,
            hidden_size,
            block_size,
            num_layers=num_layers,
            recurrence=recurrence,
            weight_bits=weight_bits,
            engine=engine,
            freeze_signs=freeze_signs,
            device=device,
            dtype=dtype,
        )
        self.output_weight = nn.Parameter(torch.empty(output_size, hidden_size, device=device, dtype=dtype))
        self.output_bias = nn.Parameter(torch.empty(output_size, device=device, dtype=dtype))
        self._packed = export.PackedCopy()
        initialize.projection(self.output_weight)
        initialize.uniform(self.output_bias, 1 / math.sqrt(hidden_size))

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Logits: (B, o) for "last", (B, T, o) for "all", which are zero past a sequence's length.

        x: (B, T, d) features, or integer (B, T) tokens. lengths: (B,) whole numbers from 1 to T, T if None.
        Raises ShapeError or InputError; the native kernels also refuse NaN and infinity.
        """
        check_input(x, self.input_size, tokens=self.tokens)
        lengths = check_lengths(lengths, x)
        if self._is_native(x) and (native := self._packed.infer(self, x, lengths)) is not None:
            return native
        if self.embedding is not None:
            x = self.embedding(x.long())
        h = self.rnn.last_state(x, lengths) if self.output == "last" else self.rnn(x, lengths=lengths)[0]
        y = F.linear(h.relu(), quantize(self.output_weight, self.output_weight_bits), self.output_bias)
        return y if self.output == "last" else mask_past(y, lengths)

    def to_native(self, kernel: str = "auto", **provenance: object) -> Model:
        """The native Model of these weights, ready to ``infer``, ``stream`` and ``save``; it shares no memory.

        kernel: as for ``hadamrnn_ext.load``. provenance: what the card says of the training: ``task``, ``preset``,
        ``seed``, ``epochs``, ``metrics``; other names become its free settings.
        """
        return export.to_native(self, kernel, provenance)

    def engine_for(self, batch: int) -> str:
        """The engine that a training step on ``batch`` sequences runs on: what "auto" chooses."""
        return self.rnn.engine_for(batch, last=self.output == "last")

    def sign_parameters(self) -> list[Tensor]:
        """The latent weights of which the network sees the signs alone; they may want a learning rate of their own."""
        return self.rnn.sign_parameters()

    def other_parameters(self) -> list[Tensor]:
        """All parameters but ``sign_parameters()``."""
        signs = {id(p) for p in self.sign_parameters()}
        return [p for p in self.parameters() if id(p) not in signs]

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.rnn.hidden_size}, {self.output_size}, output={self.output!r}"]
        if self.tokens:
            parts.append("tokens=True")
        parts.append(f"output_weight_bits={self.output_weight_bits}")
        return ", ".join(parts)

    def _is_native(self, x: Tensor) -> bool:
        """Whether nobody can tell the native kernels from torch, but by their speed."""
        if self.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return False
        tensors = [*self.parameters(), x] if x.is_floating_point() else [*self.parameters()]
        return x.device.type == "cpu" and all(
            t.device.type == "cpu" and t.dtype == torch.float32 for t in tensors
        )
