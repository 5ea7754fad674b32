"""How exported C keeps the states of an integer layer, and in which integers it sums them.

The fast transform keeps states in lanes, integers of as few bytes as they need. The sums of the transform need more. They are
computed in place of the states, in wider lanes, or beside them for a part of a block at a time where that saves a quarter of
the memory. The stages of a transform commute, so the outer ones, which combine distant units, come first and in place, as
many as the lanes of the states have room for. What is left are independent transforms of a smaller order.

The other layout keeps bit planes and multiplies rows of +-1 by the state by counting bits:

    z = -2^(k-1) z_(k-1) + sum_j 2^j z_j,    row . z = sum(z) - 2 sum(z where the row is -1)

Bit planes take k n / 8 bytes, and as much again during a step. A step takes n m k / 32 counts instead of n log2 m additions;
a dense +-1 matrix above the layer takes k counts per 32 units instead of 32 additions. Bit j of every unit lies in the words
from j ``words`` up to (j + 1) ``words``. A sign state takes two planes, because it starts at 0.
"""

from __future__ import annotations

from typing import Any

from .. import hadamard
from ..errors import InputError
from ..file.card import LayerCard
from .transforms import Stages

__all__ = ["lanes", "planes"]

#: Bytes of sums beside the states that are small enough: no more stages come first to save some of them.
SMALL = 256


def lanes(layer: LayerCard, state_bits: int, largest: int, *, forgets: bool) -> dict[str, Any]:
    """The values of a layer whose states have so many bits and this largest magnitude.

    A layer that forgets takes one block at a time in any case, because each block has constants of its own.
    """
    n, m = layer.hidden_size, layer.block_size
    base, _ = hadamard.factor(m)
    least = 1 if state_bits <= 8 else 2
    sums = least if m == 1 else max(_bytes(m * largest), least)
    beside = [
        (size, _inner(m, base, largest, size, sums)) for size in (1, 2) if state_bits <= 8 * size < 8 * sums
    ]
    state, inner = min(beside, key=lambda option: option[0] * n + sums * option[1], default=(sums, m))
    separate = 4 * (state * n + sums * inner) <= 3 * sums * n
    state, inner = (state, inner) if separate else (sums, m)
    kind, work = _kind(state), _kind(sums)
    stages = [Stages(m, kind, n, inner)] * (inner < m) + [Stages(inner, work, n, source=kind * separate)]
    return {
        "kind": kind,
        "type": work,
        "stages": stages,
        "outer_transform": stages[0].name,
        "transform": stages[-1].name,
        "in_blocks": separate or forgets,
        "separate": separate,
        "inner": inner,
        "outer": inner < m,
        "state": "z",
        "state_size": n,
        "local_bytes": sums * inner * separate + (sums * base if base > 1 else 0),
    }


def planes(layer: LayerCard, state_bits: int) -> dict[str, Any]:
    """The values of a layer in bit planes. Raises InputError for blocks whose order is no power of two."""
    m = layer.block_size
    if hadamard.factor(m)[0] != 1:
        raise InputError(f"transform='popcount' with blocks of order {m}; expected a power of two")
    count, words = max(state_bits, 2), -(-layer.hidden_size // 32)
    return {
        "kind": "uint32_t",
        "stages": [],
        "in_blocks": False,
        "separate": False,
        "state": "z",
        "state_size": count * words,
        "local_bytes": 4 * count * words,
        "words": words,
        "bit_planes": count,
        "block_words": max(m // 32, 1),
        "whole_words": m >= 32,
        "block_mask": f"UINT32_C(0x{(1 << min(m, 32)) - 1:08X})",
    }


def _inner(m: int, base: int, largest: int, state: int, sums: int) -> int:
    """The order of the transforms that are left when no more stages, or no more than are wanted, come first in place."""
    inner = m
    while inner > base and sums * inner > SMALL and largest * (2 * m // inner) < 1 << 8 * state - 1:
        inner //= 2
    return inner


def _bytes(largest: int) -> int:
    return next(size for size in (1, 2, 4) if largest < 1 << 8 * size - 1)


def _kind(size: int) -> str:
    return f"int{8 * size}_t"
