"""From a native float Model back to a SequenceModel, to train on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..file.codes import code_range, dequantize
from ..file.storage import Bytes, Quantized, Signs, coded
from ..file.tensors import entries
from ..model import Model
from . import decays
from .sequence import SequenceModel


def from_native(model: Model, **options: Any) -> SequenceModel:
    """The SequenceModel that ``to_native`` makes ``model`` of, to train on.

    A file holds codes and signs, not the latent weights behind them. A latent weight is put where its code stands, the
    largest of them at alpha; a latent sign at plus or minus the bound it would be drawn within, sqrt(6 / (n + 1)); a latent
    decay is the logit of lambda. So the answers are those of ``model`` until the first step of training.

    options: those of ``SequenceModel.from_card``: ``engine``, ``freeze_signs``, ``freeze_decays``, ..

    Raises InputError for an integer model, or layers that are not of one kind.

    Example:
        >>> net = nn.from_native(hadamrnn_ext.fit(x, y).model)  # gradients go on where the closed form ends
    """
    module = SequenceModel.from_card(model.card, **options)
    latent = _latent(model)
    with torch.no_grad():
        for name, tensor in module.tensors().items():
            tensor.copy_(latent[name])
    return module


def _latent(model: Model) -> dict[str, Tensor]:
    """Latent weights whose codes and signs are the model's."""
    found = {}
    parameters = model.parameters()
    for name, _, storage in entries(model.card):
        values = np.array(parameters[name], np.float32)
        if isinstance(storage, Signs):
            rows = values.shape[0] if values.ndim == 2 else 1
            values *= math.sqrt(6 / (rows + values.shape[-1]))
        elif isinstance(storage, Quantized):
            alpha = model.tensors[coded(name)[1]][0]
            largest = dequantize(np.array(code_range(storage.bits)[1], np.int8), alpha, storage.bits)
            values[values == largest] = alpha
        found[name] = torch.from_numpy(values)
        if storage == Bytes:
            found[name] = decays.latent(found[name])
    return found
