"""The whole network, with its parameters and its computation: embedding or input projection, layers, readout."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Sequence
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError, ShapeError
from ..file.card import Card, LayerCard
from ..file.codes import code_range
from ..file.pool import Pool
from ..file.preprocess import Preprocess
from ..file.tensors import EMBEDDING, REVERSE
from ..scalars import plain, whole
from . import engines, export, hooks, initialize, integers, stack
from .embedding import embedding
from .layers import HadamRNN
from .quantize import quantize
from .structure import Described


class Network(Described):
    """The parts of ``SequenceModel``, and the checks of its arguments, which are documented there."""

    described = ("pool",)
    thresholds: Tensor | None
    pool: Pool | None = None  # the value for modules that were pickled before pools existed

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
        decays: bool | None = None,
        time_constants: tuple[float, float] | None = None,
        freeze_decays: bool = False,
        input_activation: str | None = None,
        differences: bool | None = None,
        pool: Pool | None = None,
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
        if pool is not None and not isinstance(pool, Pool):
            raise InputError(f"pool is {ascii(pool)[:40]}; expected None or a Pool, such as nn.Pool(2)")
        if (output != "last" or pool is not None) and engine == "krylov":
            what = f"output {output!r}" if pool is None else "what a pool reads"
            raise InputError(f"engine 'krylov' computes the last state alone, so it cannot give {what}")
        if pool is not None and (output == "mean" or bidirectional):
            raise InputError(
                "a pool is read of one direction, with output 'last' or 'all'; expected no pool, or these"
            )
        if differences and tokens:
            raise InputError("differences is given for tokens; only features have a change")
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
            decays=decays,
            time_constants=time_constants,
            freeze_decays=freeze_decays,
            input_activation=input_activation,
            differences=differences,
            device=device,
            dtype=dtype,
        )
        self.pool = pool
        groups = len(self.rnn.directions) if pool is None else pool.groups
        width = self.rnn.hidden_size * groups
        thresholds = None
        if pool is not None:
            thresholds = nn.Parameter(
                torch.empty(pool.thresholds, self.rnn.hidden_size, device=device, dtype=dtype)
            )
            initialize.thresholds(thresholds)
        self.register_parameter("thresholds", thresholds)
        self.output_weight = nn.Parameter(torch.empty(output_size, width, device=device, dtype=dtype))
        self.output_bias = nn.Parameter(torch.empty(output_size, device=device, dtype=dtype))
        self._packed = export.PackedCopy()
        initialize.projection(self.output_weight)
        initialize.uniform(self.output_bias, 1 / math.sqrt(width))

    @property
    def embedding_size(self) -> int | None:
        """The number of columns of the embedding, or None without an embedding."""
        return None if self.embedding is None else self.embedding.embedding_dim

    @property
    def card(self) -> Card:
        """The description of this network as it appears in the model file."""
        rnn = self.rnn
        layer = LayerCard(rnn.hidden_size, rnn.block_size, rnn.recurrence)  # type: ignore[arg-type]
        same = {name: getattr(self if hasattr(self, name) else rnn, name) for name in IN_COMMON - {"decays"}}
        same |= {"preprocess": self.preprocess or Preprocess()}
        same |= {"decays": rnn.layers()[0].decays is not None}  # on rnn this name is a parameter
        return Card(input="tokens" if self.tokens else "features", layers=(layer,) * rnn.num_layers, **same)

    def tensors(self) -> dict[str, Tensor]:
        """The latent parameters under the names of the model file, detached; ``Model.from_parameters`` quantizes them.

        They share memory with the parameters, except for a bias that is not learned.
        """
        rnn = self.rnn
        hooks.settle(self, rnn, self.embedding)
        tensors: dict[str, Tensor] = {"output.bias": self.output_bias}
        if self.embedding is not None:
            tensors[EMBEDDING] = self.embedding.weight
        if self.pool is not None and self.thresholds is not None:
            tensors["pool.thresholds"] = self.thresholds
        readouts = self.output_weight.chunk(len(rnn.directions), dim=1)
        for direction, readout, prefix in zip(rnn.directions, readouts, ("", REVERSE), strict=False):
            tensors |= {f"{prefix}input.weight": rnn.weight(direction), f"{prefix}output.weight": readout}
            for i, layer in enumerate(rnn.layers(direction)):
                bias = torch.zeros_like(layer.signs) if layer.bias is None else layer.bias
                named = layer._replace(bias=bias)._asdict()
                tensors |= {f"{prefix}layers.{i}.{name}": t for name, t in named.items() if t is not None}
        return {name: tensor.detach() for name, tensor in tensors.items()}

    @property
    def has_native(self) -> bool:
        """Whether this kind of network has a native model; several bidirectional layers do not."""
        return not self.rnn.bidirectional or self.rnn.num_layers == 1

    def run(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        h_0: Tensor | None = None,
        segment: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The logits of ``forward`` for checked input, by a training engine, and the last states (num_layers, B, n)."""
        watched = hooks.on_states(self.rnn)  # then the layers must return all states
        pooling = self.pooling()
        what: engines.What = "all" if watched or self.output == "all" else pooling or self.output
        read = partial(stack.read, what=what, embedding=self.embedding, segment=segment)
        h, h_n = self.rnn(x, h_0, lengths, read=read)
        if pooling is not None:
            return self._pooled(pooling, h, what == "all", lengths), h_n
        if watched and self.output != "all":
            n = self.rnn.hidden_size
            if self.output == "mean":
                h = engines.mean_until(h.relu(), lengths)
            else:
                h = torch.cat([engines.at_length(h[..., :n], lengths), h[:, 0, n:]], dim=1)
        y = F.linear(h if self.output == "mean" else h.relu(), self.readout(), self.output_bias)
        return (engines.mask_past(y, lengths) if self.output == "all" else y), h_n

    def _pooled(
        self, pooling: engines.Pooling, h: Tensor, all_states: bool, lengths: Tensor | None
    ) -> Tensor:
        """Logits of a pool, where h is its features or, with ``all_states``, the states to compute them from."""
        if self.output != "all":
            features = pooling.at_the_end(h, lengths) if all_states else h
            return F.linear(features, self.readout(), self.output_bias)
        assert self.pool is not None
        # V is linear, so it may be applied before the mean: then no tensor holds all features of every step.
        groups = zip(self.readout().chunk(self.pool.groups, dim=1), pooling.features(h), strict=True)
        steps = torch.stack([F.linear(feature, weight) for weight, feature in groups]).sum(0)
        return engines.mask_past(pooling.over_time(steps) + self.output_bias, lengths)

    def pooling(self) -> engines.Pooling | None:
        """The pool, with its thresholds rounded as in the file: rows of 8-bit codes. None without a pool."""
        if self.pool is None or self.thresholds is None:
            return None
        pool = self.pool
        return engines.Pooling(integers.rows(self.thresholds), pool.excess, pool.share, pool.time_constant)

    def readout(self) -> Tensor:
        """V as the network sees it: (o, D n), or (o, F) with a pool."""
        halves = self.output_weight.chunk(len(self.rnn.directions), dim=1)
        seen = [quantize(half, self.output_weight_bits) for half in halves]
        return torch.cat(seen, dim=1) if len(seen) > 1 else seen[0]

    def engine_for(self, batch: int) -> str:
        """The engine on which a training step with ``batch`` sequences runs, resolved if it is "auto"."""
        return self.choose(batch).engine

    def choose(self, batch: int) -> engines.Choice:
        """The engine of ``engine_for``, with a short reason."""
        last = self.output == "last" and self.pool is None and not self.tokens
        return self.rnn.choose(batch, last=last)

    def sign_parameters(self) -> list[Tensor]:
        """The latent weights of which the network sees only the signs; they may need their own learning rate."""
        return self.rnn.sign_parameters()

    def quantized_parameters(self) -> list[Tensor]:
        """Those of U, b and V that the network sees as codes of a few bits."""
        rnn = self.rnn
        biases = [(layer.bias, rnn.bias_bits) for layer in rnn.all_layers() if layer.bias is not None]
        inputs = [(rnn.weight(direction), rnn.weight_bits) for direction in rnn.directions]
        weights = [*inputs, *biases, (self.output_weight, self.output_weight_bits)]
        return [weight for weight, bits in weights if bits is not None]

    def other_parameters(self) -> list[Tensor]:
        """All parameters except ``sign_parameters()``."""
        signs = {id(p) for p in self.sign_parameters()}
        return [p for p in self.parameters() if id(p) not in signs]

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.rnn.hidden_size}, {self.output_size}, output={self.output!r}"]
        if self.tokens:
            parts.append("tokens=True")
        parts.append(f"output_weight_bits={self.output_weight_bits}")
        if self.pool is not None:
            parts.append(f"pool={self.pool}")
        return ", ".join(parts)


#: The names that the fields of a card and the arguments of a network have in common.
IN_COMMON = {field.name for field in dataclasses.fields(Card)} & inspect.signature(Network).parameters.keys()
