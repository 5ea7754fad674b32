"""The C++ network of an integer model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..file.card import Card
from ..file.integer_card import IntegerBlocks, IntegerCard
from ..file.tensors import codes_name
from .block_bounds import bias, block_step, short
from .bounds import narrow
from .steps import step

__all__ = ["integer_core"]


def integer_core(
    card: Card,
    integer: IntegerCard,
    parameters: Mapping[str, NDArray[Any]],
    layers: list[_core.Layer],
    kernel: str,
) -> _core.Model:
    """The network of these unpacked parameters over the geometry of ``layers``. Raises ValueError for the kernel."""
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
        for i, (layer, c) in enumerate(zip(layers, integer.layers, strict=False))
    ]
    low, high = (0, 0) if integer.input is None else integer.input.range
    return _core.integer_model(
        constants,
        blocks=None if integer.blocks is None else _blocks(card, integer.blocks, parameters, layers[0]),
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


def _blocks(
    card: Card, blocks: IntegerBlocks, parameters: Mapping[str, NDArray[Any]], layer: _core.Layer
) -> _core.IntegerBlocks:
    """The layer of a model that forgets."""
    pool, features = card.pool, card.input == "features"
    return _core.IntegerBlocks(
        layer=layer,
        state_bits=blocks.state_bits,
        fraction_bits=blocks.fraction_bits,
        product_shift=blocks.product_shift,
        is_short=short(block_step(card, parameters)),
        scale=parameters["layers.0.state_scale"],
        multiplier=parameters["layers.0.multiplier"],
        input_multiplier=parameters.get("layers.0.input_multiplier"),
        input_bound=parameters.get("layers.0.input_bound"),
        bias=bias(card, parameters).astype(np.int32) if features else None,
        input_shift=parameters["layers.0.input_shift"].astype(np.int32),
        rectified=card.input_activation == "relu",
        differences=bool(card.differences),
        thresholds=None if pool is None else parameters["pool.thresholds"].astype(np.int32),
        excess=pool is not None and pool.excess,
        share=pool is not None and pool.share,
        time_constant=0 if pool is None else pool.time_constant or 0,
    )
