"""Running the layers: the input of each one, the engine it runs on, and what it passes to the next one.

A backward layer runs like a forward one, on reversed sequences (``engines.reverse``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from ..file.codes import code_range
from ..file.integer_card import IntegerCard
from ..integer.source import TABLE_BITS
from . import decays, engines, integers, ste
from .parameters import LayerParameters
from .quantize import quantize

#: Takes the layers and checked x, h_0 and lengths; returns what is read of the states, and the last state of each layer.
Read = Callable[[LayerParameters, Tensor, "Tensor | None", "Tensor | None"], tuple[Tensor, Tensor]]


def read(
    rnn: LayerParameters,
    x: Tensor,
    h_0: Tensor | None,
    lengths: Tensor | None,
    what: engines.What = "all",
    embedding: nn.Embedding | None = None,
    segment: int | None = None,
) -> tuple[Tensor, Tensor]:
    """What is read of the states of the top layer, (.., D n), and the last state of each layer, (D num_layers, B, n).

    x is checked input; ``embedding`` turns tokens into features; for what and segment see ``engines.read``.
    """
    few = what == "last" and h_0 is None and x.is_floating_point()
    run = Run(rnn, rnn.choose(x.shape[0], last=few).engine, h_0, lengths, embedding)
    ends: list[Tensor] = []
    for i in range(rnn.num_layers):
        wanted: engines.What = what if i == rnn.num_layers - 1 else "all"
        sides = []
        for direction in rnn.directions:
            r = run.layer(i, x, direction)
            found, last = (
                out_of_units(rnn, i, part) for part in engines.read(run.engine, r, wanted, lengths, segment)
            )
            ends.append(last)
            sides.append(engines.reverse(found, lengths) if direction and wanted == "all" else found)
        x = torch.cat(sides, dim=-1) if len(sides) > 1 else sides[0]
        if i < rnn.num_layers - 1:
            x = F.dropout(x, rnn.dropout, rnn.training)
    return x, torch.stack(ends)


def last(
    rnn: LayerParameters, x: Tensor, h_0: Tensor | None, lengths: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The last state of the top layer, (B, D n), and the last state of each layer."""
    return read(rnn, x, h_0, lengths, "last")


class Run(NamedTuple):
    """What all layers share in one pass through them."""

    rnn: LayerParameters
    engine: str
    h_0: Tensor | None
    lengths: Tensor | None
    embedding: nn.Embedding | None

    def layer(self, i: int, x: Tensor, direction: str = "") -> engines.Recurrence:
        """The recurrence of layer ``i`` in this direction; x is the input of the network or the states of the layer below."""
        rnn = self.rnn
        if direction:
            x = engines.reverse(x, self.lengths)
        layer = rnn.layers(direction)[i]
        if layer.input_signs is None:
            inputs = self._inputs(x, direction)
        else:
            binary = ste.sign(layer.input_signs) / math.sqrt(layer.input_signs.shape[1])
            if rnn.integer is not None:
                below, constants = rnn.integer.layers[i - 1 : i + 1]
                step = torch.tensor(below.state_scale / math.sqrt(rnn.hidden_size), device=x.device)
                binary = integers.weights(binary, step, constants)
            inputs = engines.Inputs(x.relu(), binary, _bias(rnn, i, direction))
        place = i * len(rnn.directions) + rnn.directions.index(direction)
        start = None if self.h_0 is None else self.h_0[place].to(layer.signs.dtype)
        twice = rnn.engine == "auto"
        signs = ste.sign(layer.signs)
        if layer.decays is not None:
            signs = signs * decays.seen(layer.decays).repeat_interleave(rnn.block_size)
        r = engines.Recurrence(rnn.geometry, signs, inputs, start, layer.modrelu, twice)
        return r if rnn.integer is None else integers.in_units(r, rnn.integer.layers[i].state_scale)

    def _inputs(self, x: Tensor, direction: str) -> engines.Inputs:
        """The input of the first layer. Features go through U; tokens select rows of a table of U, embedded, plus the bias."""
        rnn, embedding = self.rnn, self.embedding
        u, bias = quantize(rnn.weight(direction), rnn.weight_bits), _bias(rnn, 0, direction)
        if rnn.integer is not None and embedding is None:
            u = _codes(rnn, rnn.integer)
            if x.is_floating_point():
                x = integers.features(x, rnn.integer)
        if rnn.differences:
            x = _beside_its_change(x)
        # The direct way works under every torch.func transform, and krylov needs features for its columns. Integers round
        # the rows of the table, and so need the table.
        plain = self.engine in ("loop", "krylov") or engines.derivatives.transformed()
        if embedding is not None and plain and rnn.integer is None:
            x = embedding(x.long())
        elif self.engine == "krylov" and not x.is_floating_point():
            x = F.one_hot(x.long(), rnn.input_size)
            return engines.Inputs(x.to(u.dtype), u, bias, rnn.input_activation)
        if x.is_floating_point():
            return engines.Inputs(x.to(u.dtype), u, bias, rnn.input_activation)
        ids, used = engines.used_tokens(x, rnn.input_size if embedding is None else embedding.num_embeddings)
        if embedding is None:
            rows = u.t() if used is None else u.t()[used]
        else:
            tokens = torch.arange(embedding.num_embeddings, device=x.device) if used is None else used
            rows = engines.threads.linear(embedding(tokens), u)
            rows = rows if rnn.integer is None else integers.rows(rows, rnn.integer.layers[0])
        rows = rows if bias is None else rows + bias
        return engines.Inputs(ids, engines.activated(rows.to(u.dtype), rnn.input_activation), None)


def _beside_its_change(x: Tensor) -> Tensor:
    """Features (B, T, d) with their differences from the previous step appended, zero at the first step: (B, T, 2 d)."""
    if not x.is_floating_point():
        raise InputError("differences are for features, and the input is tokens; expected real numbers")
    before = torch.cat([x[:, :1], x[:, :-1]], dim=1)
    return torch.cat([x, x - before], dim=-1)


def _codes(rnn: LayerParameters, integer: IntegerCard) -> Tensor:
    """U (n, d) as the integer model has it, in which float weights become 8-bit codes."""
    bits = TABLE_BITS if rnn.weight_bits is None else rnn.weight_bits
    step = rnn.weight_ih.detach().abs().max() / -code_range(bits)[0]
    if integer.input is not None:
        step = step * integer.input.scale
    return integers.weights(quantize(rnn.weight_ih, bits), step, integer.layers[0])


def out_of_units(rnn: LayerParameters, i: int, h: Tensor) -> Tensor:
    """Converts h from the integer units of layer ``i`` (integers.py) to plain values."""
    return h if rnn.integer is None else h * rnn.integer.layers[i].state_scale


def _bias(rnn: LayerParameters, i: int, direction: str) -> Tensor | None:
    bias = rnn.layers(direction)[i].bias
    if bias is None:
        return None
    bias = quantize(bias, rnn.bias_bits)
    return bias if rnn.integer is None else integers.bias(bias, rnn.integer.layers[i])
