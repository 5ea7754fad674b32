"""The values for ``transform.c.in``, which transforms the blocks of a state in the order of golden_transform."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import hadamard
from ..file.card import LayerCard
from .tables import Tables

__all__ = ["sign_words", "transforms"]

UNROLLED = 256  # the transform of a layer of this many units or more is unrolled


def sign_words(matrix: NDArray[Any]) -> NDArray[np.uint32]:
    """A matrix of signs, packed with each row in its own words; bit j is set if entry j is -1."""
    padded = np.zeros((len(matrix), -(-matrix.shape[1] // 32) * 32), np.uint8)
    padded[:, : matrix.shape[1]] = matrix < 0
    return np.packbits(padded, axis=1, bitorder="little").view("<u4").astype(np.uint32)


def transforms(layers: Iterable[tuple[LayerCard, str]], tables: Tables) -> list[dict[str, Any]]:
    """The values for ``transform.c.in`` for states of these C types; the base matrices are added to ``tables``."""
    largest: dict[tuple[int, str], int] = {}
    for layer, kind in layers:
        key = layer.block_size, kind
        largest[key] = max(layer.hidden_size, largest.get(key, 0))
    return [_transform(order, kind, units, tables) for (order, kind), units in largest.items()]


def _transform(order: int, kind: str, units: int, tables: Tables) -> dict[str, Any]:
    """Stages of butterflies, as a loop over pairs or unrolled into passes over four and eight numbers in registers.

    An unrolled pass covers two stages; the first one covers three if the number of stages is odd. This saves a third of the
    instructions of a large transform, but takes some 200 bytes more code than the loop, which is too much for a small one.
    """
    base, log2 = hadamard.factor(order)
    if base > 1:
        tables[f"hadamard_{base}"] = sign_words(hadamard.core_matrix(base))
    unrolled = units >= UNROLLED and log2 >= 2
    distances = [base << stage for stage in range(log2)] if unrolled else []
    eights = distances[:1] if log2 % 2 else []
    fours = distances[3 * len(eights) :: 2]
    return {
        "order": order,
        "construction": hadamard.construction(order),
        "kind": kind,
        "type": kind.removesuffix("_t"),
        "register": "int" if kind == "int16_t" else kind,
        "base": base,
        "log2": log2,
        "paley": base > 1,
        "words": -(-base // 32),
        "unrolled": unrolled,
        "looped": order > 1 and (base > 1 or not unrolled),
        "eights": [{"h": h, "h2": 2 * h, "h4": 4 * h} for h in eights],
        "fours": [{"h": h, "h2": 2 * h} for h in fours],
    }
