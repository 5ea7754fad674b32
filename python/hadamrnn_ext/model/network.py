"""Builds the C++ network of a card and its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core, hadamard, isa
from ..errors import KernelError
from ..file.card import Card
from ..file.integer_card import IntegerCard
from ..file.tensors import codes_name
from ..integer.block_core import core_blocks
from ..integer.bounds import narrow, step

__all__ = ["KERNELS", "build"]

KERNELS = ("auto", "fwht", "xnor", "masked_add", "dense")


def build(card: Card, parameters: Mapping[str, NDArray[Any]], kernel: str) -> _core.Model:
    """The C++ network of a model, bound to the active instruction set.

    Raises:
        KernelError: the kernel is unknown or does not run this model.
        IsaError: HADAMRNN_ISA names an instruction set that this machine cannot run.
    """
    if kernel not in KERNELS:
        raise KernelError(f"kernel {ascii(kernel)[:40]} is unknown; expected one of {', '.join(KERNELS)}")
    isa.active()  # an unknown HADAMRNN_ISA is an IsaError here
    # An integer model reads integers instead, but no layer can be made without these.
    kinds = (".bias", ".modrelu")
    floats = {name: np.asarray(x, np.float32) for name, x in parameters.items() if name.endswith(kinds)}
    layers = [
        _core.Layer(
            block_size=layer.block_size,
            core=hadamard.core_matrix(hadamard.factor(layer.block_size)[0]),
            signs=parameters[f"layers.{i}.signs"],
            bias=floats.get(f"layers.{i}.bias", np.zeros(layer.hidden_size, np.float32)),
            recurrence=layer.recurrence,
            modrelu=floats.get(f"layers.{i}.modrelu"),
            input_signs=parameters.get(f"layers.{i}.input_signs"),
            decays=parameters.get(f"layers.{i}.decays"),
        )
        for i, layer in enumerate(card.layers)
    ]
    try:
        if card.integer is not None:
            return _integer_core(card, card.integer, parameters, layers, kernel)
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


def _pool(card: Card, parameters: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    if (pool := card.pool) is None:
        return {}
    return {
        "thresholds": parameters["pool.thresholds"],
        "excess": pool.excess,
        "share": pool.share,
        "time_constant": pool.time_constant or 0,
    }


def _integer_core(
    card: Card,
    integer: IntegerCard,
    parameters: Mapping[str, NDArray[Any]],
    layers: list[_core.Layer],
    kernel: str,
) -> _core.Model:
    """The network of an integer model. Raises ValueError if the kernel does not run it."""
    constants = [
        _core.IntegerLayer(
            layer=layer,
            state_bits=c.state_bits,
            state_scale=c.state_scale,
            fraction_bits=c.fraction_bits,
            multiplier=c.multiplier,
            input_multiplier=c.input_multiplier or 0,
            input_shift=c.input_shift,
            narrow=narrow(step(card, parameters, i)),
            bias=parameters[f"layers.{i}.bias"],
            modrelu=parameters.get(f"layers.{i}.modrelu"),
        )
        for i, (layer, c) in enumerate(zip(layers, integer.layers, strict=False))  # of blocks there are none
    ]
    low, high = (0, 0) if integer.input is None else integer.input.range
    return _core.integer_model(
        constants,
        blocks=core_blocks(card, parameters, layers[0]),
        codes=parameters[codes_name(card)],
        multipliers=parameters.get("table.multiplier"),
        input_scale=1.0 if integer.input is None else integer.input.scale,
        input_low=low,
        input_high=high,
        output_weight=parameters["output.codes" if integer.readout == "integer" else "output.weight"],
        output_bias=parameters["output.bias"],
        logit_scale=integer.logit_scale or 1.0,
        output=card.output,
        kernel=kernel,
    )
