"""The C++ network of a card and its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core, hadamard, isa
from ..errors import KernelError
from ..file.card import Card
from ..integer.core import integer_core

__all__ = ["KERNELS", "build"]

KERNELS = ("auto", "fwht", "xnor", "masked_add", "dense")


def build(card: Card, parameters: Mapping[str, NDArray[Any]], kernel: str) -> _core.Model:
    """Bound to the active instruction set.

    Raises:
        KernelError: the kernel is unknown or does not run this model.
        IsaError: HADAMRNN_ISA names an instruction set that this machine cannot run.
    """
    if kernel not in KERNELS:
        raise KernelError(f"kernel {ascii(kernel)[:40]} is unknown; expected one of {', '.join(KERNELS)}")
    isa.active()  # an unknown HADAMRNN_ISA is an IsaError here
    layers = [
        _core.Layer(
            block_size=layer.block_size,
            core=hadamard.core_matrix(hadamard.factor(layer.block_size)[0]),
            signs=parameters[f"layers.{i}.signs"],
            bias=_floats(parameters.get(f"layers.{i}.bias", np.zeros(layer.hidden_size))),
            recurrence=layer.recurrence,
            modrelu=_floats(parameters[f"layers.{i}.modrelu"]) if layer.recurrence == "modrelu" else None,
            input_signs=parameters.get(f"layers.{i}.input_signs"),
            decays=parameters.get(f"layers.{i}.decays"),
        )
        for i, layer in enumerate(card.layers)
    ]
    try:
        if card.integer is not None:
            return integer_core(card, card.integer, parameters, layers, kernel)
        return _core.Model(
            layers,
            input_weight=parameters["input.weight"],
            embedding=parameters.get("embedding.weight"),
            tokens=card.input == "tokens",
            output_weight=parameters["output.weight"],
            output_bias=parameters["output.bias"],
            output=card.output,
            kernel=kernel,
            input_activation=card.input_activation or "linear",
            differences=bool(card.differences),
            **_pool(card, parameters),
        )
    except ValueError as error:
        raise KernelError(f"kernel {kernel!r} does not run this model: {error}") from None


def _floats(values: NDArray[Any]) -> NDArray[np.float32]:
    """As they are, or of an integer model as what is not read."""
    return np.asarray(values, np.float32)


def _pool(card: Card, parameters: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    if (pool := card.pool) is None:
        return {}
    return {
        "thresholds": parameters["pool.thresholds"],
        "excess": pool.excess,
        "share": pool.share,
        "time_constant": pool.time_constant or 0,
    }
