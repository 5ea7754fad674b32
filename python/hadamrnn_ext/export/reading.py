"""Converts raw input to what the functions of an exported library read.

The numbers are little-endian on every machine, as the example program of a library reads them from a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..model import Model, inputs
from .input_weights import input_kind
from .raw import raw_values

__all__ = ["c_input", "c_raw"]


def c_input(model: Model, x: ArrayLike) -> NDArray[Any]:
    """Converts raw input of ``infer`` to the values that ``name_step`` of a library written by ``export.c`` reads.

    Args:
        x: (T, d) or (B, T, d) features, (T,) or (B, T) tokens.

    Returns:
        (B, T, d) features of the type ``name_input``, scaled, normalized and permuted as the model's card says, and quantized
        for an integer model; or (B, T) int32 tokens.

    Raises:
        ShapeError, InputError: as for ``Model.infer``.

    Examples:
        >>> windows, _ = hr.zoo.samples("har6")
        >>> model = hr.load("har6-int12")
        >>> model.prepare(windows).values.dtype  # which are then quantized
        dtype('float32')
        >>> hr.export.c_input(model, windows).dtype
        dtype('int8')
    """
    card = model.card
    values = model.prepare(x).values
    if card.input == "tokens":
        return values.astype("<i4")
    if card.integer is None or card.integer.input is None:
        return values.astype("<f4")
    features = card.integer.input
    low, high = map(np.float32, features.range)
    codes: NDArray[Any] = np.clip(np.rint(values / np.float32(features.scale)), low, high)
    return codes.astype(np.dtype(input_kind(card).removesuffix("_t")).newbyteorder("<"))


def c_raw(model: Model, x: ArrayLike, resolution: float | Sequence[float] | None = None) -> NDArray[Any]:
    """Converts raw input of ``infer`` to the values that ``name_prepare`` of a library written by ``export.c`` reads.

    If the library has no such function, because ``name_step`` reads raw input directly, these are the values of ``c_input``.

    Args:
        x: as for ``c_input``.
        resolution: as for ``export.c``: what one integer stands for, if the model is an integer model.

    Returns:
        (B, T, d) of the type ``name_raw``, with the time steps permuted as the model's card says. For an integer model they
        are the features divided by the resolution, rounded to the nearest integers.

    Raises:
        ShapeError, InputError: as for ``Model.infer``, and for the resolution as for ``export.c``; or the library reads bytes
            and x is not uint8.

    Examples:
        >>> windows, _ = hr.zoo.samples("har2")
        >>> hr.export.c_raw(hr.load("har2-int12"), windows, resolution=1 / 16384).dtype
        dtype('int32')
    """
    raw = raw_values(model.card, resolution)
    if raw is None:
        return c_input(model, x)
    ready = model.prepare(x)
    values = inputs.permute(ready.raw if ready.batched else ready.raw[None], ready.lengths, model.card)
    if raw.kind == "float":
        return np.ascontiguousarray(values, "<f4")
    assert raw.resolution is not None
    if raw.kind == "uint8_t":
        if values.dtype != np.uint8:
            raise InputError(f"x has dtype {values.dtype}; expected uint8, the bytes that this library reads")
        return np.ascontiguousarray(values)
    low, high = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    integers: NDArray[Any] = np.clip(np.rint(values / np.array(raw.resolution)), low, high)
    return integers.astype("<i4")
