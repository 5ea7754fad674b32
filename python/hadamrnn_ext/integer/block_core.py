"""The layer of an integer model that forgets as the C++ core takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..file.card import Card
from .block_bounds import bias, block_step, short

__all__ = ["core_blocks"]


def core_blocks(
    card: Card, parameters: Mapping[str, NDArray[Any]], layer: _core.Layer
) -> _core.IntegerBlocks | None:
    """Of unpacked parameters over the geometry of ``layer``; None for a model with other constants."""
    if card.integer is None or (blocks := card.integer.blocks) is None:
        return None
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
