"""The whole model: embedding or input projection, HadamRNN, relu and readout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, get_args, overload

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ..errors import InputError, ShapeError
from ..file.codes import code_range
from ..file.preprocess import Preprocess
from ..integer.calibrate import Calibrating
from ..model import Model
from ..scalars import plain, whole
from . import engines, export, hooks, initialize, packed, single, stack
from .check import check_input, check_lengths, check_targets
from .embedding import embedding
from .layers import HadamRNN
from .loss import mean_loss
from .quantize import quantize

Memory = Literal["stored", "reversible"]


class SequenceModel(nn.Module):
    """y = V relu(h_T) + c (``output="last"``), y = V mean_t relu(h_t) + c (``"mean"``), or y_t = V relu(h_t) + c (``"all"``).

    In ``eval()``, without gradients, in float32 on the CPU it runs the native kernels, and gives bit for bit what
    ``to_native().infer`` gives.

    Args:
        input_size: features d, or with ``tokens`` the number of tokens.
        hidden_size, block_size, num_layers, recurrence, weight_bits, bias_bits, dropout, bidirectional, engine,
            freeze_signs: see ``HadamRNN``. Of both directions "last" reads the state after the last step and, backwards,
            the one after the first.
        output_size: o, the number of logits.
        output: "last" for what order and distance decide, "mean" for what occurs at any time, "all" for an answer a step.
        tokens: the input is integer (B, T), one-hot, or embedded if ``embedding_size`` is given.
        embedding_size: columns of the learned float embedding; its row 0 is padding: zero, without gradient.
        output_weight_bits: bits of V; "same" for ``weight_bits``.
        embedding_bits: 8 for rows of 8 bits with a scale each, or None.
        preprocess, labels: how raw input becomes this model's input, and the names of its outputs. They go into the
            card of the native model; ``forward`` takes prepared input.

    Parameters: those of ``HadamRNN`` under ``rnn.``, ``embedding.weight`` (tokens, e), ``output_weight`` (o, D n),
    ``output_bias`` (o,). The halves of V that read either direction are quantized each by itself.

    Raises HadamardOrderError, ShapeError or InputError for sizes and options that make no network.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        block_size: int | None = None,
        *,
        output: Literal["last", "all", "mean"] = "last",
        tokens: bool = False,
        embedding_size: int | None = None,
        num_layers: int = 1,
        recurrence: str = "linear",
        weight_bits: int | None = 4,
        output_weight_bits: int | Literal["same"] | None = "same",
        bias_bits: int | None = None,
        embedding_bits: int | None = None,
        dropout: float = 0.0,
        bidirectional: bool = False,
        engine: str = "auto",
        freeze_signs: bool = False,
        preprocess: Preprocess | None = None,
        labels: Sequence[str] | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        input_size, output_size = whole("input_size", input_size), whole("output_size", output_size)
        embedding_size = None if embedding_size is None else whole("embedding_size", embedding_size)
        output, tokens, embedding_bits = plain(output), bool(tokens), plain(embedding_bits)
        weight_bits, output_weight_bits = plain(weight_bits), plain(output_weight_bits)
        if output not in ("last", "all", "mean"):
            raise InputError(f"unknown output {output!r}; expected 'last', 'all' or 'mean'")
        if output != "last" and engine == "krylov":
            raise InputError(
                f"engine 'krylov' computes the last state alone, so it cannot give output {output!r}"
            )
        if embedding_size is not None and not tokens:
            raise InputError("embedding_size is given for features; only tokens have an embedding")
        if embedding_bits is not None and (embedding_bits != 8 or embedding_size is None):
            raise InputError(
                f"embedding_bits is {embedding_bits}; expected None, or 8 with an embedding_size"
            )
        if output_size < 1:
            raise ShapeError(f"output_size is {output_size}; expected at least 1")
        self.input_size, self.output_size = input_size, output_size
        self.output, self.tokens = output, tokens
        self.output_weight_bits = weight_bits if output_weight_bits == "same" else output_weight_bits
        if self.output_weight_bits is not None:
            code_range(self.output_weight_bits)
        self.embedding_bits = embedding_bits
        self.preprocess, self.labels = preprocess, None if labels is None else tuple(labels)
        self.embedding = (
            None
            if embedding_size is None
            else embedding(embedding_bits, input_size, embedding_size, device=device, dtype=dtype)
        )
        self.rnn = HadamRNN(
            embedding_size or input_size,
            hidden_size,
            block_size=block_size,
            num_layers=num_layers,
            recurrence=recurrence,
            weight_bits=weight_bits,
            bias_bits=bias_bits,
            dropout=dropout,
            bidirectional=bidirectional,
            engine=engine,
            freeze_signs=freeze_signs,
            device=device,
            dtype=dtype,
        )
        width = self.rnn.hidden_size * len(self.rnn.directions)
        self.output_weight = nn.Parameter(torch.empty(output_size, width, device=device, dtype=dtype))
        self.output_bias = nn.Parameter(torch.empty(output_size, device=device, dtype=dtype))
        self._packed = export.PackedCopy()
        initialize.projection(self.output_weight)
        initialize.uniform(self.output_bias, 1 / math.sqrt(width))

    @overload
    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor: ...

    @overload
    def forward(self, x: PackedSequence) -> Tensor | PackedSequence: ...

    def forward(self, x: Tensor | PackedSequence, lengths: Tensor | None = None) -> Tensor | PackedSequence:
        """Logits: (B, o) for "last" and "mean", (B, T, o) for "all", which are zero past a sequence's length.

        x: (B, T, d) features, or integer (B, T) tokens. lengths: (B,) whole numbers from 1 to T, T if None. Or x is a
        PackedSequence of either, whose logits for "all" are packed likewise; or one sequence without the batch axis, and
        then the logits have none.
        Raises ShapeError or InputError; the native kernels also refuse NaN and infinity.
        """
        if isinstance(x, PackedSequence):
            return packed.logits(self, x, lengths)
        if single.is_single(x, self.input_size, tokens=self.tokens):
            x, _, lengths = single.batch_of_one(x, None, lengths)
            return self.forward(x, lengths)[0]
        check_input(x, self.input_size, tokens=self.tokens)
        lengths = check_lengths(lengths, x)
        if self._is_native(x) and (native := self._packed.infer(self, x, lengths)) is not None:
            return native
        return self.run(x, lengths)[0]

    @overload
    def loss(
        self,
        x: Tensor | PackedSequence,
        targets: Tensor | PackedSequence,
        lengths: Tensor | None = ...,
        ignore_index: int = ...,
        memory: Memory = ...,
        h_0: Tensor | None = ...,
        return_state: Literal[False] = ...,
    ) -> Tensor: ...

    @overload
    def loss(
        self,
        x: Tensor | PackedSequence,
        targets: Tensor | PackedSequence,
        lengths: Tensor | None = ...,
        ignore_index: int = ...,
        memory: Memory = ...,
        h_0: Tensor | None = ...,
        *,
        return_state: Literal[True],
    ) -> tuple[Tensor, Tensor]: ...

    def loss(
        self,
        x: Tensor | PackedSequence,
        targets: Tensor | PackedSequence,
        lengths: Tensor | None = None,
        ignore_index: int = -100,
        memory: Memory = "stored",
        h_0: Tensor | None = None,
        return_state: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """The mean loss, a scalar; with ``return_state`` also the last states (num_layers, B, n), detached.

        x and lengths are those of ``forward``; targets of one sequence have no batch axis either, and those of packed
        sequences may be packed as they are. Integer targets, (B,), or for "all" (B, T), are classes: cross-entropy over those other than
        ``ignore_index``, of two classes if there is one logit (y is the logit of class 1). Float targets, (B, o) or
        (B, T, o), are values: mean squared error. Steps past a sequence's length have no loss.

        For "all", one layer, engine "native", float32 and features without gradient, the whole network and all its
        gradients are computed in one pass, and nothing of size (B, T, n) or (B, T, o) is written. Otherwise this is
        torch's own loss of ``forward``, the same value.

        memory: "stored" keeps the states of one sequence a thread; "reversible" computes them again, 256 steps at a
        time from snapshots, so that memory hardly grows with T: a fifth slower, and the same bits. (It does not run
        the orthogonal W backwards, which would drift, and would not do for relu.) Engines other than "native" store
        their states all the same.

        h_0: (num_layers, B, n), zeros if None. Truncated back-propagation goes through a long sequence in parts:
        ``loss, state = model.loss(part, targets, h_0=state, return_state=True)``. The mean of "mean" is then that of
        the part.

        Raises ShapeError or InputError.
        """
        ends = None
        if isinstance(x, PackedSequence):
            x, ends = packed.padded(x, lengths)
            lengths = ends
        targets = packed.padded_targets(targets, ends)
        alone = single.is_single(x, self.input_size, tokens=self.tokens)
        if alone:
            x, h_0, lengths = single.batch_of_one(x, h_0, lengths)
            targets = targets[None]
        check_input(x, self.input_size, tokens=self.tokens)
        lengths = check_lengths(lengths, x)
        targets = check_targets(targets, x, lengths, self.output, self.output_size, ignore_index)
        self.rnn.check_state(h_0, x)
        if memory not in get_args(Memory):
            raise InputError(f"unknown memory {memory!r}; expected 'stored' or 'reversible'")
        segment = engines.SEGMENT if memory == "reversible" else None
        hooks.settle(self)  # who calls the module itself has its hooks called
        loss, h_n = mean_loss(self, x, targets, lengths, h_0, ignore_index, segment)
        state = h_n[:, 0] if alone else h_n
        return (loss, state.detach()) if return_state else loss

    def run(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        h_0: Tensor | None = None,
        segment: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Logits as ``forward`` gives them, of checked input by a training engine, and the last states (num_layers, B, n)."""
        h, h_n = self._read(x, lengths, h_0, segment)
        y = F.linear(h, self.readout(), self.output_bias)
        return (engines.mask_past(y, lengths) if self.output == "all" else y), h_n

    def _read(
        self, x: Tensor, lengths: Tensor | None, h_0: Tensor | None, segment: int | None
    ) -> tuple[Tensor, Tensor]:
        """What V is applied to, rectified states or their mean, and the last states."""
        if self.output == "all" or hooks.on_states(self.rnn):
            h, h_n = self.rnn(x, h_0, lengths, read=partial(stack.states, embedding=self.embedding))
            if self.output == "all":
                return h.relu(), h_n
            n = self.rnn.hidden_size
            if self.output == "mean":
                return engines.mean_until(h.relu(), lengths), h_n
            return torch.cat([engines.at_length(h[..., :n], lengths), h[:, 0, n:]], dim=1).relu(), h_n
        read = partial(
            stack.means if self.output == "mean" else stack.last, embedding=self.embedding, segment=segment
        )
        h, h_n = self.rnn(x, h_0, lengths, read=read)
        return (h if self.output == "mean" else h.relu()), h_n

    def readout(self) -> Tensor:
        """V (o, D n) as the network sees it."""
        weight: Tensor = self.output_weight
        if not self.rnn.bidirectional:
            return quantize(weight, self.output_weight_bits)
        return torch.cat([quantize(half, self.output_weight_bits) for half in weight.chunk(2, dim=1)], dim=1)

    def to_native(self, kernel: str = "auto", **provenance: Any) -> Model:
        """The native Model of these weights, ready to ``infer``, ``stream`` and ``save``; it shares no memory.

        kernel: as for ``hadamrnn_ext.load``. provenance: what the card says of the training: ``task``, ``preset``,
        ``seed``, ``epochs``, ``metrics``; other names become its free settings.

        Raises InputError for several layers in both directions. A model of both directions does not stream.
        """
        return export.to_native(self, kernel, provenance)

    def simulate_integers(
        self,
        calibration: Calibrating,
        state_bits: int,
        input_bits: int | None = None,
        *,
        percentile: float | Literal["best"] | None = None,
    ) -> None:
        """From now on compute with what the integer model will: states of ``state_bits`` bits, rounded input.

        Scales are those of ``Model.quantize`` with these arguments, as the weights now are, and stay. States round and
        saturate in every step; gradients go straight through the rounding, and not through what is saturated. Up to
        the rounding of float32 the states are those of ``to_integer``. Engines: native and loop.

        Raises what ``Model.quantize`` does; InputError for a sign recurrence, whose states have 1 bit as they are.
        """
        if self.rnn.recurrence == "sign":
            raise InputError("states of a sign recurrence have 1 bit already; expected another recurrence")
        if self.rnn.bidirectional:
            raise InputError("there are no integer models of both directions; expected bidirectional=False")
        engines.check(self.rnn.engine, f"{self.rnn.recurrence}-{state_bits}", self.rnn.num_layers)
        quantized = self.to_native().quantize(calibration, state_bits, input_bits, percentile=percentile)
        self.rnn.integer = quantized.card.integer

    def to_integer(
        self, calibration: Calibrating, readout: Literal["float", "integer"] = "float", **provenance: Any
    ) -> Model:
        """The integer Model of these weights, with the scales of ``simulate_integers``.

        calibration: only for what the card reports of saturation and noise. readout: as for ``Model.quantize``.
        provenance: as for ``to_native``. Raises InputError before ``simulate_integers``.
        """
        scales = self.rnn.integer
        if scales is None:
            raise InputError("no integers are simulated; expected simulate_integers to be called before")
        input_bits = None if scales.input is None else scales.input.bits
        model = self.to_native(**provenance)
        return model.quantize(calibration, scales.layers[0].state_bits, input_bits, readout, scales=scales)

    def engine_for(self, batch: int) -> str:
        """The engine that a training step on ``batch`` sequences runs on: what "auto" chooses."""
        return self.choose(batch).engine

    def choose(self, batch: int) -> engines.Choice:
        """``engine_for``, with the reason in a word."""
        return self.rnn.choose(batch, last=self.output == "last" and not self.tokens)

    def sign_parameters(self) -> list[Tensor]:
        """The latent weights of which the network sees the signs alone; they may want a learning rate of their own."""
        return self.rnn.sign_parameters()

    def quantized_parameters(self) -> list[Tensor]:
        """U, b and V, where the network sees codes of a few bits of them."""
        rnn = self.rnn
        biases = [(layer.bias, rnn.bias_bits) for layer in rnn.all_layers() if layer.bias is not None]
        inputs = [(rnn.weight(direction), rnn.weight_bits) for direction in rnn.directions]
        weights = [*inputs, *biases, (self.output_weight, self.output_weight_bits)]
        return [weight for weight, bits in weights if bits is not None]

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
        rnn = self.rnn
        if rnn.integer is not None or engines.derivatives.transformed() or hooks.watched(rnn, self.embedding):
            return False
        same = x.dtype == torch.float32 or not x.is_floating_point()
        return same and x.device.type == "cpu" and export.has_native(self)
