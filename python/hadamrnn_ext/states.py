"""States of streams: what may be one, and as bytes.

Bytes: ``HRST``, the format 1, the number of layers and of sequences as little-endian uint32, n of each layer likewise, then
float32 h in C order, (sequences, n) a layer. The sizes must be those of the model that takes them back.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .card import Card
from .errors import InputError, ShapeError
from .inputs import read_array

__all__ = ["check_order", "dumps", "loads", "read"]

MAX_COUNT = 1 << 24
MAGIC, FORMAT = b"HRST", 1
F32 = NDArray[np.float32]


def check_order(card: Card, raw: bool) -> None:
    """Raises InputError for a model that reads time steps in an order in which nobody can stream them."""
    if card.preprocess.permutation is not None and not raw:
        raise InputError(
            f"this model reads its {card.preprocess.permutation.size} time steps in a permuted order and cannot "
            "stream them as they come; raw=True takes steps that are already permuted, scaled and normalized"
        )


def read(value: Any, card: Card, batch: tuple[int, ...]) -> list[F32]:
    """A state as the core takes it, (B, n) a layer, of an array or list of layers (*batch, n).

    Raises:
        ShapeError: another form.
        InputError: a value that is not finite, or that a sign recurrence cannot hold.
    """
    if not isinstance(value, (np.ndarray, list, tuple)) or len(value) != len(card.layers):
        raise ShapeError(f"state is not an array or list of {len(card.layers)} layers")
    layers = []
    for i, (given, layer) in enumerate(zip(value, card.layers, strict=True)):
        array = read_array(given, f"state[{i}]")
        expected = (*batch, layer.hidden_size)
        if array.shape != expected:
            raise ShapeError(f"state[{i}] has shape {array.shape}; expected {expected}")
        with np.errstate(over="ignore"):
            h = np.array(array, np.float32, order="C").reshape(-1, layer.hidden_size)
        if not np.isfinite(h).all():
            raise InputError(f"state[{i}] holds a value that is not finite in float32")
        if layer.recurrence == "sign" and not ((abs(h) == 1).all(axis=1) | (h == 0).all(axis=1)).all():
            raise InputError(
                f"state[{i}] of a sign recurrence must be +1 and -1, or all zero before the first step"
            )
        layers.append(h)
    return layers


def dumps(card: Card, layers: list[F32]) -> bytes:
    """The bytes of states (B, n) a layer."""
    sizes = [layer.hidden_size for layer in card.layers]
    header = struct.pack(f"<{3 + len(sizes)}I", FORMAT, len(sizes), len(layers[0]), *sizes)
    return MAGIC + header + b"".join(np.ascontiguousarray(h, "<f4").tobytes() for h in layers)


def loads(card: Card, data: bytes) -> list[F32]:
    """The states (B, n) a layer of bytes. Raises InputError where they are no states of such a model."""
    sizes = [layer.hidden_size for layer in card.layers]
    start = len(MAGIC) + 4 * (3 + len(sizes))
    if data[:4] != MAGIC or len(data) < start:
        raise InputError(f"{len(data)} bytes are no saved state; expected what save() gave")
    form, layers, batch = struct.unpack_from("<3I", data, 4)
    met = list(struct.unpack_from(f"<{len(sizes)}I", data, 16)) if layers == len(sizes) else None
    if form != FORMAT or met != sizes:
        raise InputError(
            f"a saved state of format {form} and {layers} layers of {met} units; expected format {FORMAT} and {sizes}"
        )
    if len(data) != start + 4 * batch * sum(sizes):
        raise InputError(f"a saved state of {len(data)} bytes; expected {start + 4 * batch * sum(sizes)}")
    values = np.frombuffer(data, "<f4", offset=start).astype(np.float32)
    ends = np.cumsum([batch * size for size in sizes])
    return [part.reshape(batch, size) for part, size in zip(np.split(values, ends[:-1]), sizes, strict=True)]
