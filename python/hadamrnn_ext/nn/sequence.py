"""The whole model: embedding or input projection, HadamRNN, relu and readout."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args, overload

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ..errors import InputError
from ..file.card import Card
from ..integer.calibrate import Calibrating
from ..model import Model
from . import engines, export, hooks, packed, single
from .check import check_input, check_lengths, check_targets
from .loss import mean_loss
from .network import IN_COMMON, Network

Memory = Literal["stored", "reversible"]


class SequenceModel(Network):
    """y = V relu(h_T) + c (``output="last"``), y = V mean_t relu(h_t) + c (``"mean"``), or y_t = V relu(h_t) + c (``"all"``).

    In ``eval()``, without gradients, in float32 on the CPU it runs the native kernels, and gives bit for bit what
    ``to_native().infer`` gives.

    Args:
        input_size: features d, or with ``tokens`` the number of tokens.
        hidden_size, block_size, num_layers, recurrence, weight_bits, bias_bits, dropout, bidirectional, engine,
            freeze_signs, decays, time_constants, freeze_decays, input_activation, differences: see ``HadamRNN``. Of both
            directions "last" reads the state after the last step and, backwards, the one after the first.
        output_size: o, the number of logits.
        output: "last" for what order and distance decide, "mean" for what occurs at any time, "all" for an answer per step.
        tokens: the input is integer (B, T), one-hot, or embedded if ``embedding_size`` is given.
        embedding_size: columns of the learned float embedding; its row 0 is padding: zero, without gradient.
        output_weight_bits: bits of V; "same" for ``weight_bits``.
        embedding_bits: 8 for rows of 8 bits with a scale each, or None.
        pool: an ``nn.Pool``, what V reads instead of a state: how far and how often each unit is above K thresholds, which are
            learned, over time. With "all" it is read after every step. The gradient of an excess is exact; that of a share,
            which has none, is that of a smooth step, 1 / (2 (1 + |h - theta|)^2).
        preprocess, labels: how raw input becomes this model's input, and the names of its outputs. They go into the
            card of the native model; ``forward`` takes prepared input.

    Parameters: those of ``HadamRNN`` under ``rnn.``, ``embedding.weight`` (tokens, e), ``output_weight`` (o, D n),
    ``output_bias`` (o,); with a pool ``thresholds`` (K, n), of which the network sees 8-bit codes with a step for each row, and V
    is (o, F). The halves of V that read either direction are quantized each by itself.

    Raises HadamardOrderError, ShapeError or InputError for sizes and options that make no network.
    """

    @classmethod
    def from_card(cls, card: Card, **options: Any) -> SequenceModel:
        """The untrained network that a card describes.

        options: what a card does not say: ``dropout``, ``engine``, ``freeze_signs``, ``time_constants``,
            ``freeze_decays``, ``device``, ``dtype``; see above.

        Raises InputError for an integer model, layers that are not of one kind, or options that the card says already.

        Example:
            >>> SequenceModel.from_card(hadamrnn_ext.load("har2").card).output_size
            1
        """
        if card.integer is not None:
            raise InputError("this is an integer model; expected a float model")
        if len(set(card.layers)) > 1:
            raise InputError(
                "the layers differ in size or recurrence; a SequenceModel has layers of one kind"
            )
        layer = card.layers[0]
        said: dict[str, Any] = {
            "hidden_size": layer.hidden_size,
            "block_size": layer.block_size,
            "recurrence": layer.recurrence,
            "num_layers": len(card.layers),
            "tokens": card.input == "tokens",
            **{name: getattr(card, name) for name in IN_COMMON},
        }
        if twice := sorted(said.keys() & options.keys()):
            raise InputError(
                f"{', '.join(twice)}: given, and the card says it already; expected options that a card does not say"
            )
        return cls(**said, **options)

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
            values, ends = packed.padded(x, lengths)
            y = self.forward(values, ends)
            return packed.like(x, y, ends) if self.output == "all" else y
        if single.is_single(x, self.input_size, tokens=self.tokens):
            x, _, lengths = single.batch_of_one(x, None, lengths)
            return self.forward(x, lengths)[0]
        check_input(x, self.input_size, tokens=self.tokens)
        lengths = check_lengths(lengths, x)
        if self._is_native(x):
            native = self._packed.infer(lambda: self.card, self.tensors(), x, lengths)
            if native is not None:
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
        ``loss, state = model.loss(part, targets, h_0=state, return_state=True)``. The mean of "mean" and what a pool
        reads are then those of the part.

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

    def to_native(self, kernel: str = "auto", **provenance: Any) -> Model:
        """The native Model of these weights, ready to ``infer``, ``stream`` and ``save``; it shares no memory.

        kernel: as for ``hadamrnn_ext.load``. provenance: what the card says of the training: ``task``, ``preset``,
        ``seed``, ``epochs``, ``metrics``; other names become its free settings.

        Raises InputError for several layers in both directions. A model of both directions does not stream.
        """
        if not self.has_native:
            raise InputError(
                f"this network has {self.rnn.num_layers} layers in both directions, which natively has one alone; "
                "expected num_layers=1 or bidirectional=False"
            )
        training = export.training(provenance) if provenance else None
        return export.native(dataclasses.replace(self.card, training=training), self.tensors(), kernel)

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
        if quantized.card.forgets:
            raise InputError(
                "integers of a network that forgets cannot be simulated in training; expected no decays, input activation, differences or pool"
            )
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

    def _is_native(self, x: Tensor) -> bool:
        """Whether nobody can tell the native kernels from torch, but by their speed."""
        if self.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return False
        rnn = self.rnn
        if rnn.integer is not None or engines.derivatives.transformed() or hooks.watched(rnn, self.embedding):
            return False
        same = x.dtype == torch.float32 or not x.is_floating_point()
        return same and x.device.type == "cpu" and self.has_native
