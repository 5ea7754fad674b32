"""The layers at work: what drives each, on which engine it runs, what goes up to the next."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..integer.card import IntegerCard
from ..integer.source import TABLE_BITS
from ..quantize import code_range
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
    """All states of the top layer, (B, T, n), and the last state of each layer, (num_layers, B, n).

    x is checked input; ``embedding`` makes features of tokens. States past a sequence's length are of no meaning.
    """
    engine = rnn.choose(x.shape[0], last=False).engine
    top, below = _climb(rnn, x, h_0, lengths, embedding, engine)
    h = out_of_units(rnn, -1, engines.states(engine, top))
    return h, torch.stack([*below, engines.at_length(h, lengths)])


def last_states(
    rnn: HadamRNN,
    x: Tensor,
    h_0: Tensor | None,
    lengths: Tensor | None,
    embedding: nn.Embedding | None = None,
    segment: int | None = None,
) -> Tensor:
    """The last state of each layer alone, (num_layers, B, n); segment: see ``engines.last``."""
    engine = rnn.choose(x.shape[0], last=h_0 is None and x.is_floating_point()).engine
    top, below = _climb(rnn, x, h_0, lengths, embedding, engine)
    return torch.stack([*below, out_of_units(rnn, -1, engines.last(engine, top, lengths, segment))])


def means(
    rnn: HadamRNN,
    x: Tensor,
    h_0: Tensor | None,
    lengths: Tensor | None,
    embedding: nn.Embedding | None = None,
    segment: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The mean of relu(h_t) of the top layer over each sequence's own steps, (B, n), and last states as of ``states``."""
    engine = rnn.choose(x.shape[0], last=False).engine
    top, below = _climb(rnn, x, h_0, lengths, embedding, engine)
    mean, last = engines.means(engine, top, lengths, segment)
    return out_of_units(rnn, -1, mean), torch.stack([*below, out_of_units(rnn, -1, last)])


def recurrence(
    rnn: HadamRNN, i: int, x: Tensor, h_0: Tensor | None, embedding: nn.Embedding | None, engine: str
) -> engines.Recurrence:
    """Layer ``i`` at work on the input of the network, or on the states of the layer below."""
    layer = rnn.layers()[i]
    if layer.input_signs is None:
        drive = _drive(rnn, x, embedding, engine)
    else:
        binary = ste.sign(layer.input_signs) / math.sqrt(rnn.hidden_size)
        if rnn.integer is not None:
            below, constants = rnn.integer.layers[i - 1 : i + 1]
            step = torch.tensor(below.state_scale / math.sqrt(rnn.hidden_size), device=x.device)
            binary = integers.weights(binary, step, constants)
        drive = engines.Drive(x.relu(), binary, _bias(rnn, i))
    start = None if h_0 is None else h_0[i].to(layer.signs.dtype)
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
) -> tuple[engines.Recurrence, list[Tensor]]:
    """The top layer, ready to run on ``engine``, and the last states of the layers below it, which have run."""
    below: list[Tensor] = []
    for i in range(rnn.num_layers - 1):
        x = out_of_units(rnn, i, engines.states(engine, recurrence(rnn, i, x, h_0, embedding, engine)))
        below.append(engines.at_length(x, lengths))
    return recurrence(rnn, rnn.num_layers - 1, x, h_0, embedding, engine), below


def _drive(rnn: HadamRNN, x: Tensor, embedding: nn.Embedding | None, engine: str) -> engines.Drive:
    """Features go through U. Tokens are numbers of rows, U times an embedding or a column of U, bias included."""
    u, bias = quantize(rnn.weight_ih, rnn.weight_bits), _bias(rnn, 0)
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


def _bias(rnn: HadamRNN, i: int) -> Tensor | None:
    bias = rnn.layers()[i].bias
    if bias is None:
        return None
    bias = quantize(bias, rnn.bias_bits)
    return bias if rnn.integer is None else integers.bias(bias, rnn.integer.layers[i])
