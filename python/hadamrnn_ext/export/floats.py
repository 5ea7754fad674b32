"""The values for ``float.c.in``, which runs the operations of golden/floats.py in the same order with the same constants."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import hadamard
from ..file.card import Card
from ..file.codes import pack_signs
from ..golden.floats import decay
from ..model import Model
from .matrices import matrix
from .tables import Tables, codes, palette, real
from .transforms import Stages, transforms

__all__ = ["values"]

Parameters = dict[str, NDArray[Any]]


def values(model: Model, tables: Tables) -> dict[str, Any]:
    """The values for this model; its tables are added to ``tables``."""
    card, parameters = model.card, model.parameters()
    weights = [card.weight_bits, card.output_weight_bits]
    layers = [_layer(card, parameters, i, tables) for i in range(len(card.layers))]
    tables["output_bias"] = parameters["output.bias"]
    if card.embedding_size is not None:
        tables["embedding"] = parameters["embedding.weight"]
    if card.pool is not None:
        tables["thresholds"] = parameters["pool.thresholds"]
    return {
        "template": "float.c.in",
        "integer": False,
        "input_kind": "float" if card.input == "features" else "int32_t",
        "state": "h",
        "logit_kind": "float",
        "logit_scale": None,
        "byte_value": None,
        "layers": layers,
        "codes": codes(bits for bits in weights if bits is not None),
        "transforms": transforms(
            (Stages(layer.block_size, "float", layer.hidden_size) for layer in card.layers), tables
        ),
        "onehot": card.input == "tokens" and card.embedding_size is None,
        "embedding": card.embedding_size is not None,
        "activation": card.input_activation or "linear",
        "differences": bool(card.differences),
        "change_kind": "float",
        "change_cast": "",
        "local_bytes": 4 * max(16, *(layer["base"] for layer in layers)),
        **_pool(card),
        **matrix(model, tables, "input", card.weight_bits),
        **matrix(model, tables, "output", card.output_weight_bits),
    }


def _layer(card: Card, parameters: Parameters, i: int, tables: Tables) -> dict[str, Any]:
    layer, below = card.layers[i], card.layers[i - 1]
    scale = np.float32(1 / math.sqrt(layer.block_size))
    tables[f"signs{i}"] = pack_signs(parameters[f"layers.{i}.signs"])
    if layer.recurrence == "modrelu":
        tables[f"modrelu{i}"] = parameters[f"layers.{i}.modrelu"]
    if card.decays:
        tables[f"scale{i}"] = (decay(parameters[f"layers.{i}.decays"]) * scale).astype(np.float32)
    if i > 0:
        tables[f"input_signs{i}"] = pack_signs(parameters[f"layers.{i}.input_signs"].reshape(-1))
    return {
        "kind": "float",
        "state_size": layer.hidden_size,
        "about_state": ", a decay per block" if card.decays else "",
        "base": hadamard.factor(layer.block_size)[0],
        "few_biases": palette(tables, f"bias{i}", parameters[f"layers.{i}.bias"]),
        "decays": bool(card.decays),
        "scale": real(scale),
        "below_scale": real(1 / math.sqrt(below.hidden_size)),
    }


def _pool(card: Card) -> dict[str, Any]:
    """The values for what the readout reads; the output "mean" is a pool without thresholds."""
    pool = card.pool
    time_constant = None if pool is None else pool.time_constant
    pooled = card.output == "mean" or pool is not None
    return {
        "features": card.output_width,
        "groups": card.output_width // card.layers[-1].hidden_size,
        "base": hadamard.factor(card.layers[-1].block_size)[0],
        "pool": pooled,
        "pools": [{"pool_kind": "float", "pool_name": "pool", "pool_size": card.output_width}] * pooled,
        "counted": pooled and time_constant is None,
        "longest": (1 << 32) - 1,
        "thresholds": 0 if pool is None else pool.thresholds,
        "excess": pool is not None and pool.excess,
        "share": pool is not None and pool.share,
        "shares": card.layers[-1].hidden_size if pool is not None and pool.excess else 0,
        "part": real(2.0 ** -(time_constant or 0)),
        "time_constant": time_constant,
        "recent": 1 << (time_constant or 0),
    }
