"""The layers at work: what drives each, on which engine it runs, what goes up to the next.

Backwards in time a layer runs as it does forwards, on sequences that are reversed (``engines.reverse``).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..file.codes import code_range
from ..file.integer_card import IntegerCard
from ..integer.source import TABLE_BITS
from . import engines, integers, ste
from .quantize import quantize

if TYPE_CHECKING:
    from .layers import HadamRNN


def states(
    rnn: HadamRNN,
    x: Tensor,
    h_0: Tensor | None,
    lengths: Tensor | None,
    embedding: nn.Embedding | None = None,
) -> tuple[Tensor, Tensor]:
    """All states of the top layer, (B, T, D n), and the last state of each layer, (D num_layers, B, n).

    x is checked input; ``embedding`` makes features of tokens. States past a sequence's length are of no meaning.
    """
    engine = rnn.choose(x.shape[0], last=False).engine
    last: list[Tensor] = []
    for i in range(rnn.num_layers):
        x = _layer(rnn, i, x, h_0, lengths, embedding, engine, last)
    return x, torch.stack(last)


def last(
    rnn: HadamRNN,
    x: Tensor,
    h_0: Tensor | None,
    lengths: Tensor | None,
    embedding: nn.Embedding | None = None,
    segment: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The last states of the top layer, (B, D n), and of each layer as of ``states``; segment: see ``engines.last``."""
    engine = rnn.choose(x.shape[0], last=h_0 is None and x.is_floating_point()).engine
    top, below = _climb(rnn, x, h_0, lengths, embedding, engine)
    ends = [out_of_units(rnn, -1, engines.last(engine, r, lengths, segment)) for r in top]
    return _side_by_side(ends), torch.stack([*below, *ends])


def means(
    rnn: HadamRNN,
    x: Tensor,
    h_0: Tensor | None,
    lengths: Tensor | None,
    embedding: nn.Embedding | None = None,
    segment: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The means of relu(h_t) of the top layer over each sequence's own steps, (B, D n), and last states as of ``states``."""
    engine = rnn.choose(x.shape[0], last=False).engine
    top, below = _climb(rnn, x, h_0, lengths, embedding, engine)
    found = [engines.means(engine, r, lengths, segment) for r in top]
    read, ends = ([out_of_units(rnn, -1, part) for part in parts] for parts in zip(*found, strict=True))
    return _side_by_side(read), torch.stack([*below, *ends])


def recurrence(
    rnn: HadamRNN,
    i: int,
    x: Tensor,
    h_0: Tensor | None,
    embedding: nn.Embedding | None,
    engine: str,
    direction: str = "",
) -> engines.Recurrence:
    """Layer ``i`` at work on the input of the network, or on the states of the layer below; in time as ``direction`` goes."""
    layer = rnn.layers(direction)[i]
    if layer.input_signs is None:
        drive = _drive(rnn, x, embedding, engine, direction)
    else:
        binary = ste.sign(layer.input_signs) / math.sqrt(layer.input_signs.shape[1])
        if rnn.integer is not None:
            below, constants = rnn.integer.layers[i - 1 : i + 1]
            step = torch.tensor(below.state_scale / math.sqrt(rnn.hidden_size), device=x.device)
            binary = integers.weights(binary, step, constants)
        drive = engines.Drive(x.relu(), binary, _bias(rnn, i, direction))
    place = i * len(rnn.directions) + rnn.directions.index(direction)
    start = None if h_0 is None else h_0[place].to(layer.signs.dtype)
    twice = rnn.engine == "auto"
    r = engines.Recurrence(rnn.geometry, ste.sign(layer.signs), drive, start, layer.modrelu, twice)
    return r if rnn.integer is None else integers.in_units(r, rnn.integer.layers[i].state_scale)


def _climb(
    rnn: HadamRNN,
    x: Tensor,
    h_0: Tensor | None,
    lengths: Tensor | None,
    embedding: nn.Embedding | None,
    engine: str,
) -> tuple[list[engines.Recurrence], list[Tensor]]:
    """The top layer, ready to run on ``engine`` in each direction, and the last states of the layers below, which have run."""
    below: list[Tensor] = []
    for i in range(rnn.num_layers - 1):
        x = _layer(rnn, i, x, h_0, lengths, embedding, engine, below)
    return _directions(rnn, rnn.num_layers - 1, x, h_0, lengths, embedding, engine), below


def _layer(
    rnn: HadamRNN,
    i: int,
    x: Tensor,
    h_0: Tensor | None,
    lengths: Tensor | None,
    embedding: nn.Embedding | None,
    engine: str,
    last: list[Tensor],
) -> Tensor:
    """All states of layer ``i``, (B, T, D n); its last ones go to the end of ``last``."""
    sides = []
    for r, direction in zip(
        _directions(rnn, i, x, h_0, lengths, embedding, engine), rnn.directions, strict=True
    ):
        h = out_of_units(rnn, i, engines.states(engine, r))
        last.append(engines.at_length(h, lengths))
        sides.append(engines.reverse(h, lengths) if direction else h)
    return _side_by_side(sides)


def _side_by_side(parts: list[Tensor]) -> Tensor:
    """(.., n) of each direction as (.., D n)."""
    return torch.cat(parts, dim=-1) if len(parts) > 1 else parts[0]


def _directions(
    rnn: HadamRNN,
    i: int,
    x: Tensor,
    h_0: Tensor | None,
    lengths: Tensor | None,
    embedding: nn.Embedding | None,
    engine: str,
) -> list[engines.Recurrence]:
    """Layer ``i`` at work in each direction."""
    if i > 0:
        x = F.dropout(x, rnn.dropout, rnn.training)
    return [
        recurrence(rnn, i, engines.reverse(x, lengths) if direction else x, h_0, embedding, engine, direction)
        for direction in rnn.directions
    ]


def _drive(
    rnn: HadamRNN, x: Tensor, embedding: nn.Embedding | None, engine: str, direction: str
) -> engines.Drive:
    """Features go through U. Tokens are numbers of rows, U times an embedding or a column of U, bias included."""
    u, bias = quantize(rnn.weight(direction), rnn.weight_bits), _bias(rnn, 0, direction)
    if rnn.integer is not None and embedding is None:
        u = _codes(rnn, rnn.integer)
        if x.is_floating_point():
            x = integers.features(x, rnn.integer)
    # The readable way, which every transform knows; krylov has columns for features. Integers round the rows of the
    # table, and so need it.
    plain = engine in ("loop", "krylov") or engines.derivatives.transformed()
    if embedding is not None and plain and rnn.integer is None:
        x = embedding(x.long())
    elif engine == "krylov" and not x.is_floating_point():
        x = F.one_hot(x.long(), rnn.input_size)
        return engines.Drive(x.to(u.dtype), u, bias)
    if x.is_floating_point():
        return engines.Drive(x.to(u.dtype), u, bias)
    ids, used = engines.used_tokens(x, rnn.input_size if embedding is None else embedding.num_embeddings)
    if embedding is None:
        rows = u.t() if used is None else u.t()[used]
    else:
        tokens = torch.arange(embedding.num_embeddings, device=x.device) if used is None else used
        rows = F.linear(embedding(tokens), u)
        rows = rows if rnn.integer is None else integers.rows(rows, rnn.integer.layers[0])
    rows = rows if bias is None else rows + bias
    return engines.Drive(ids, rows.to(u.dtype), None)


def _codes(rnn: HadamRNN, integer: IntegerCard) -> Tensor:
    """U (n, d) of an integer model; float weights become codes there."""
    bits = TABLE_BITS if rnn.weight_bits is None else rnn.weight_bits
    step = rnn.weight_ih.detach().abs().max() / -code_range(bits)[0]
    if integer.input is not None:
        step = step * integer.input.scale
    return integers.weights(quantize(rnn.weight_ih, bits), step, integer.layers[0])


def out_of_units(rnn: HadamRNN, i: int, h: Tensor) -> Tensor:
    """What is in units of the states of layer ``i`` (integers.py), as it is without them."""
    return h if rnn.integer is None else h * rnn.integer.layers[i].state_scale


def _bias(rnn: HadamRNN, i: int, direction: str) -> Tensor | None:
    bias = rnn.layers(direction)[i].bias
    if bias is None:
        return None
    bias = quantize(bias, rnn.bias_bits)
    return bias if rnn.integer is None else integers.bias(bias, rnn.integer.layers[i])
