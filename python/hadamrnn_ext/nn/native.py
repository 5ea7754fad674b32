"""From a native float Model back to a SequenceModel, for further training."""

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
    """The SequenceModel whose ``to_native`` gives ``model``, for further training.

    A file holds codes and signs, not the latent weights behind them. A latent weight becomes the value of its code, and
    the largest code becomes alpha. A latent sign becomes plus or minus sqrt(6 / (n + 1)), the bound within which it would be
    drawn. A latent decay becomes the logit of lambda. So the answers are those of ``model`` until the first training step.

    options: as for ``SequenceModel.from_card``: ``engine``, ``freeze_signs``, ``freeze_decays``, ..

    Raises InputError for an integer model, or if the layers are not all of one kind.

    Examples:
        >>> from hadamrnn_ext import nn
        >>> net = nn.from_native(hr.load("har2"), freeze_signs=True)  # to be trained further
        >>> window = hr.zoo.samples("har2")[0][0]
        >>> np.array_equal(net.to_native().infer(window), hr.load("har2").infer(window))
        True
    """
    module = SequenceModel.from_card(model.card, **options)
    latent = _latent(model)
    with torch.no_grad():
        for name, tensor in module.tensors().items():
            tensor.copy_(latent[name])
    return module


def _latent(model: Model) -> dict[str, Tensor]:
    """Latent weights that have the codes and signs of the model."""
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
