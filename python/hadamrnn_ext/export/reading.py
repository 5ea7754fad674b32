"""Raw input -> what an exported library reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..model import Model
from . import clang_integer

__all__ = ["c_input"]


def c_input(model: Model, x: ArrayLike) -> NDArray[Any]:
    """The values that ``name_step`` of the library written by ``export.c`` reads, for raw input as ``infer`` takes it.

    Args:
        x: (T, d) or (B, T, d) features, (T,) or (B, T) tokens.

    Returns:
        Scaled, normalized and permuted as the model's card says, and quantized if the model is an integer model:
        (B, T, d) of ``name_input``'s type, or (B, T) int32 tokens.

    Raises:
        ShapeError, InputError: as ``Model.infer``.
    """
    card = model.card
    values = model.prepare(x).values
    if card.input == "tokens":
        return values.astype(np.int32)
    if card.integer is None or card.integer.input is None:
        return values.astype(np.float32)
    features = card.integer.input
    low, high = map(np.float32, features.range)
    codes: NDArray[Any] = np.clip(np.rint(values / np.float32(features.scale)), low, high)
    return codes.astype(clang_integer.input_type(card).removesuffix("_t"))
