"""Reads checkpoints of the code published with the paper into a SequenceModel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from ..errors import InputError, ShapeError
from .sequence import SequenceModel

# The latent signs are one vector registered under two names; the network does not use the (n, n) matrix.
_SIGNS = ("recurrent_layer.sign_vector", "recurrent_layer.parametrizations.weight.0.sign_vector")
_DEAD = "recurrent_layer.parametrizations.weight.original"


def from_published_state_dict(
    sd: Mapping[str, Tensor],
    *,
    block_size: int,
    weight_bits: int | None = 4,
    output: Literal["last", "all"] = "last",
    engine: str = "auto",
) -> SequenceModel:
    """The SequenceModel of a state dict of the paper's own code (one layer, with or without word embedding).

    Such a file does not contain block_size, weight_bits and output. ``weight_bits`` applies to U and V if they were
    quantized in training. Their keys show this: ``...parametrizations.weight.original`` is quantized, ``...weight`` is float.

    Raises InputError for missing or unknown keys, and ShapeError for sizes that do not fit together.

    Examples:
        >>> import torch
        >>> from hadamrnn_ext import nn
        >>> shapes = {"input_layer.weight": (16, 3), "output_layer.weight": (2, 16), "output_layer.bias": (2,)}
        >>> shapes |= {"recurrent_layer.bias": (16,), "recurrent_layer.sign_vector": (16, 1)}
        >>> checkpoint = {name: torch.randn(shape) for name, shape in shapes.items()}
        >>> nn.from_published_state_dict(checkpoint, block_size=16).to_native().card.output_size
        2
    """
    rest = dict(sd)
    rest.pop(_DEAD, None)
    weight_ih, bits = _weight(rest, "input_layer", weight_bits)
    output_weight, output_bits = _weight(rest, "output_layer", weight_bits)
    bias = _take(rest, "recurrent_layer.bias")
    output_bias = _take(rest, "output_layer.bias")
    signs = _take(rest, *_SIGNS)
    embedding = rest.pop("word_embedding.weight", None)
    if rest:
        raise InputError(f"unknown keys in a published state dict: {', '.join(sorted(rest))}")
    if weight_ih.dim() != 2 or output_weight.dim() != 2:
        raise ShapeError(
            f"U and V have shapes {tuple(weight_ih.shape)} and {tuple(output_weight.shape)}; expected (n, d) and (o, n)"
        )
    (n, d), o = weight_ih.shape, output_weight.shape[0]
    model = SequenceModel(
        d if embedding is None else len(embedding),
        n,
        o,
        block_size,
        output=output,
        tokens=embedding is not None,
        embedding_size=None if embedding is None else d,
        weight_bits=bits,
        output_weight_bits=output_bits,
        engine=engine,
    )
    parameters = {
        "rnn.weight_ih": weight_ih,
        "rnn.signs": signs.reshape(-1),
        "rnn.bias": bias,
        "output_weight": output_weight,
        "output_bias": output_bias,
    }
    if embedding is not None:
        parameters["embedding.weight"] = embedding
    for name, parameter in model.named_parameters():
        if parameters[name].shape != parameter.shape:
            met, expected = tuple(parameters[name].shape), tuple(parameter.shape)
            raise ShapeError(f"{name} of a published state dict has shape {met}; expected {expected}")
    with torch.no_grad():
        model.load_state_dict(parameters)
    return model


def _weight(rest: dict[str, Tensor], layer: str, bits: int | None) -> tuple[Tensor, int | None]:
    """U or V with its number of bits: a parametrized weight is quantized, a plain one is float."""
    quantized, plain = f"{layer}.parametrizations.weight.original", f"{layer}.weight"
    if quantized in rest:
        return rest.pop(quantized), bits
    return _take(rest, plain, quantized), None


def _take(rest: dict[str, Tensor], *keys: str) -> Tensor:
    """Removes all of ``keys``, which name the same tensor, and returns the first one that is present."""
    found = [rest.pop(key) for key in keys if key in rest]
    if not found:
        met = ", ".join(sorted(rest)) or "no other key"
        raise InputError(f"a published state dict has {' or '.join(keys)}; met {met}")
    return found[0]
