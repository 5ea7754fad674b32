"""From a native float Model back to a SequenceModel, to train on."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..file.codes import code_range, dequantize
from ..file.tensors import EMBEDDING, REVERSE, coded
from ..model import Model
from .sequence import SequenceModel


def from_native(model: Model, *, engine: str = "auto", freeze_signs: bool = False) -> SequenceModel:
    """The SequenceModel that ``to_native`` makes ``model`` of, to train on.

    A file holds codes and signs, not the latent weights behind them. A latent weight is put where its code stands, the
    largest of them at alpha; a latent sign at plus or minus the bound it would be drawn within, sqrt(6 / (n + 1)).

    Raises InputError for an integer model, one that forgets, or layers that are not of one kind.
    """
    card = model.card
    if card.integer is not None:
        raise InputError("this is an integer model; expected a float model")
    if card.forgets:
        raise InputError(
            "this model has decays, an input activation, differences or a pool, which nn does not train"
        )
    if len(set(card.layers)) > 1:
        raise InputError("the layers differ in size or recurrence; a SequenceModel has layers of one kind")
    layer = card.layers[0]
    module = SequenceModel(
        card.input_size,
        layer.hidden_size,
        card.output_size,
        layer.block_size,
        output=card.output,
        tokens=card.input == "tokens",
        embedding_size=card.embedding_size,
        num_layers=len(card.layers),
        recurrence=layer.recurrence,
        weight_bits=card.weight_bits,
        output_weight_bits=card.output_weight_bits,
        bias_bits=card.bias_bits,
        embedding_bits=card.embedding_bits,
        bidirectional=bool(card.bidirectional),
        engine=engine,
        freeze_signs=freeze_signs,
        preprocess=card.preprocess,
        labels=card.labels,
    )
    parameters = model.parameters()

    def latent(name: str, bits: int | None = None) -> Tensor:
        values = np.array(parameters[name], np.float32)
        if bits is not None:
            alpha = model.tensors[coded(name)[1]][0]
            largest = dequantize(np.array(code_range(bits)[1], np.int8), alpha, bits)
            values[values == largest] = alpha
        return torch.from_numpy(values)

    def signs(name: str) -> Tensor:
        values = torch.from_numpy(np.array(parameters[name], np.float32))
        rows = values.shape[0] if values.dim() == 2 else 1
        return values * math.sqrt(6 / (rows + values.shape[-1]))

    with torch.no_grad():
        module.output_bias.copy_(latent("output.bias"))
        if module.embedding is not None:
            module.embedding.weight.copy_(latent(EMBEDDING))
        readouts = module.output_weight.chunk(len(module.rnn.directions), dim=1)
        for direction, readout, prefix in zip(module.rnn.directions, readouts, ("", REVERSE), strict=False):
            module.rnn.weight(direction).copy_(latent(f"{prefix}input.weight", card.weight_bits))
            readout.copy_(latent(f"{prefix}output.weight", card.output_weight_bits))
            for i, own in enumerate(module.rnn.layers(direction)):
                name = f"{prefix}layers.{i}"
                own.signs.copy_(signs(f"{name}.signs"))
                if own.bias is not None:
                    own.bias.copy_(latent(f"{name}.bias", card.bias_bits))
                if own.modrelu is not None:
                    own.modrelu.copy_(latent(f"{name}.modrelu"))
                if own.input_signs is not None:
                    own.input_signs.copy_(signs(f"{name}.input_signs"))
    return module
