"""Raw input -> what the functions of an exported library read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..model import Model, inputs
from . import integers
from .raw import raw_values

__all__ = ["c_input", "c_raw"]


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
    return codes.astype(integers.input_kind(card).removesuffix("_t"))


def c_raw(model: Model, x: ArrayLike, resolution: float | Sequence[float] | None = None) -> NDArray[Any]:
    """The values that ``name_prepare`` of the library written by ``export.c`` reads, for raw input as ``infer`` takes it.

    Where a library has no such function, since ``name_step`` reads input as it comes, they are those of ``c_input``.

    Args:
        x: as of ``c_input``.
        resolution: as of ``export.c``: of an integer model, what one integer stands for.

    Returns:
        (B, T, d) of ``name_raw``'s type, the time steps permuted as the model's card says: an integer model's features
        divided by the resolution, as the nearest integers.

    Raises:
        ShapeError, InputError: as ``Model.infer``, and as ``export.c`` of the resolution; or x is not bytes where
            the library reads bytes.

    Example:
        >>> import numpy as np, hadamrnn_ext as hr
        >>> signals = np.zeros((1, 128, 9), np.float32)
        >>> hr.export.c_raw(hr.load("har2-int12"), signals, resolution=1 / 16384).dtype
        dtype('int32')
    """
    raw = raw_values(model.card, resolution)
    if raw is None:
        return c_input(model, x)
    ready = model.prepare(x)
    values = inputs.permute(ready.raw if ready.batched else ready.raw[None], ready.lengths, model.card)
    if raw.kind == "float":
        return np.ascontiguousarray(values, np.float32)
    assert raw.resolution is not None
    if raw.kind == "uint8_t":
        if values.dtype != np.uint8:
            raise InputError(f"x has dtype {values.dtype}; expected uint8, the bytes that this library reads")
        return np.ascontiguousarray(values)
    low, high = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    integers: NDArray[Any] = np.clip(np.rint(values / np.array(raw.resolution)), low, high)
    return integers.astype(np.int32)
