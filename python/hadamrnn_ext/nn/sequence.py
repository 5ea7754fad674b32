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

    In ``eval()`` mode, without gradients, in float32 on the CPU, it runs the native kernels and gives exactly the bits of
    ``to_native().infer``.

    Args:
        input_size: the number of features d or, with ``tokens``, of different tokens.
        hidden_size, block_size, num_layers, recurrence, weight_bits, bias_bits, dropout, bidirectional, engine,
            freeze_signs, decays, time_constants, freeze_decays, input_activation, differences: see ``HadamRNN``. With both
            directions, "last" reads the forward state after the last step and the backward state after the first step.
        output_size: o, the number of logits.
        output: "last" where the order of events matters, "mean" where it matters what occurs at any time, "all" for an answer
            per step.
        tokens: the input is integer (B, T), one-hot, or embedded if ``embedding_size`` is given.
        embedding_size: columns of the learned float embedding; its row 0 is padding, which is zero and has no gradient.
        output_weight_bits: bits of V; "same" for ``weight_bits``.
        embedding_bits: 8 for rows of 8-bit codes with one scale per row, or None for float.
        pool: an ``nn.Pool``, which V reads instead of a state: how far and how often each unit has been above K learned
            thresholds. With "all" it is read after every step. The gradient of an excess is exact; a share has no useful
            gradient of its own, so that of a smooth step is used, 1 / (2 (1 + |h - theta|)^2).
        preprocess, labels: how raw input becomes the input of this model, and the names of its outputs. They go into
            the card of the native model; ``forward`` itself takes input that is already preprocessed.

    Parameters: those of ``HadamRNN`` under ``rnn.``, ``embedding.weight`` (tokens, e), ``output_weight`` (o, D n),
    ``output_bias`` (o,); with a pool, ``thresholds`` (K, n), which the network sees as 8-bit codes with one step size per row,
    and V is (o, F). The two halves of V that read the two directions are quantized separately.

    Raises HadamardOrderError, ShapeError or InputError for sizes and options that do not make a network.

    Examples:
        >>> import torch
        >>> from hadamrnn_ext import nn
        >>> net = nn.SequenceModel(input_size=3, hidden_size=32, output_size=2, output="mean")
        >>> x, classes = torch.randn(8, 50, 3), torch.arange(8) % 2
        >>> optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
        >>> for _ in range(3):
        ...     optimizer.zero_grad()
        ...     net.loss(x, classes).backward()
        ...     optimizer.step()
        >>> net(x).shape
        torch.Size([8, 2])
        >>> model = net.eval().to_native(task="mine")
        >>> with torch.no_grad():
        ...     answers = net(x)
        >>> np.array_equal(model.infer(x), answers)
        True
        >>> net.simulate_integers(x.numpy(), state_bits=12)  # of what is trained from now on
        >>> net.to_integer(x.numpy()).card.kind
        'integer'
    """

    @classmethod
    def from_card(cls, card: Card, **options: Any) -> SequenceModel:
        """The untrained network that a card describes.

        Args:
            options: what a card does not contain: ``dropout``, ``engine``, ``freeze_signs``, ``time_constants``,
                ``freeze_decays``, ``device``, ``dtype``; see above.

        Raises InputError for an integer model, if the layers are not all of one kind, or for an option that the card fixes.

        Examples:
            >>> from hadamrnn_ext import nn
            >>> nn.SequenceModel.from_card(hr.load("har2").card).output_size
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
        """Logits: (B, o) for "last" and "mean"; (B, T, o) for "all", which are zero past the length of a sequence.

        x: (B, T, d) features or integer (B, T) tokens. It may be a PackedSequence of either, and then the logits for "all"
        are packed in the same way; or a single sequence without a batch axis, and then the logits have none either.
        lengths: (B,) whole numbers from 1 to T, or None for T.

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

        x and lengths are as for ``forward``. The targets of a single sequence have no batch axis either, and the targets of
        packed sequences may be packed in the same way. Integer targets, (B,) or for "all" (B, T), are classes; the loss is
        the cross-entropy over all of them that differ from ``ignore_index``. A single logit is that of class 1 of two. Float
        targets, (B, o) or (B, T, o), are values; the loss is the mean squared error. Steps past the length of a sequence
        have no loss.

        For "all" with one layer, engine "native", float32 and no gradient of the features, the whole network and all its
        gradients are computed in one pass, which writes nothing of size (B, T, n) or (B, T, o). Otherwise the loss is
        computed by torch from the result of ``forward``, with the same value.

        memory: "stored" keeps the states of one sequence per thread. "reversible" recomputes them from snapshots, 256 steps
        at a time, so that memory hardly grows with T; it is a fifth slower and gives the same bits. (It does not run the
        orthogonal W backwards, which would drift and would not work for relu.) Engines other than "native" store their
        states in either case.

        h_0: (num_layers, B, n), or None for zeros. Truncated back-propagation goes through a long sequence part by part:
        ``loss, state = model.loss(part, targets, h_0=state, return_state=True)``. Each part then has its own mean
        (output "mean") and its own pool.

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
        hooks.settle(self)  # a call of the module itself would have run its hooks
        loss, h_n = mean_loss(self, x, targets, lengths, h_0, ignore_index, segment)
        state = h_n[:, 0] if alone else h_n
        return (loss, state.detach()) if return_state else loss

    def to_native(self, kernel: str = "auto", **provenance: Any) -> Model:
        """The native Model of these weights, ready to ``infer``, ``stream`` and ``save``; it shares no memory with them.

        kernel: as for ``hadamrnn_ext.load``. provenance: what the card says about training: ``task``, ``preset``,
        ``seed``, ``epochs``, ``metrics``; other names go into its ``settings``.

        Raises InputError for several bidirectional layers. A bidirectional model cannot stream.

        Examples:
            >>> from hadamrnn_ext import nn
            >>> net = nn.SequenceModel(1000, 64, 2, tokens=True, embedding_size=16)
            >>> model = net.to_native(task="words", seed=1)
            >>> model.card.training.task, model.quantize_embedding().card.embedding_bits
            ('words', 8)
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
        """From now on, computes as the integer model will: with states of ``state_bits`` bits and rounded input.

        The scales are those that ``Model.quantize`` finds with these arguments for the current weights; they stay fixed.
        States are rounded and saturated in every step. Gradients go straight through the rounding, but not through
        saturated values. Up to the rounding of float32, the states are those of ``to_integer``. Works with the engines
        native and loop.

        Raises the errors of ``Model.quantize``, and InputError for a sign recurrence, whose states have 1 bit already.
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

        calibration: used only for the saturation and noise that the card reports.
        readout: as for ``Model.quantize``.
        provenance: as for ``to_native``. Raises InputError unless ``simulate_integers`` has been called.
        """
        scales = self.rnn.integer
        if scales is None:
            raise InputError("no integers are simulated; expected simulate_integers to be called before")
        input_bits = None if scales.input is None else scales.input.bits
        model = self.to_native(**provenance)
        return model.quantize(calibration, scales.layers[0].state_bits, input_bits, readout, scales=scales)

    def _is_native(self, x: Tensor) -> bool:
        """Whether the native kernels can replace torch with no difference but speed."""
        if self.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return False
        rnn = self.rnn
        if rnn.integer is not None or engines.derivatives.transformed() or hooks.watched(rnn, self.embedding):
            return False
        same = x.dtype == torch.float32 or not x.is_floating_point()
        return same and x.device.type == "cpu" and self.has_native
