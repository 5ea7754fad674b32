"""What the readout of an integer model reads, as ``pool.c.in`` sums it: the integer types that hold it, and for how many steps.

A sum takes as few bytes as the longest sequence needs: an excess max(z - theta, 0) has a largest value, and so have a share's
count of steps and a running mean. The output "mean" is the excess over 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import hadamard
from ..errors import InputError
from ..file.card import Card
from ..file.integer_card import MEAN_BITS
from ..file.pool import Pool
from ..integer.bounds import largest_state
from ..model.inputs import count
from .tables import Tables, real

__all__ = ["LONGEST", "MOST", "check_longest", "logit_kind", "sums"]

Array = NDArray[Any]
#: Steps that sums hold unless another number is given.
LONGEST = 1 << 20
#: Steps that no sum holds, since steps are counted in 32 bits and doubled remainders as well.
MOST = (1 << 31) - 1
SHARE_BITS = 15
#: The integer type of a count of steps, and of a running mean.
COUNT = "uint32_t"


def check_longest(card: Card, longest: int | None, window: int | None) -> int | None:
    """The most steps of a sequence, which is a window if there are windows and nothing is given.

    Raises:
        InputError: ``longest`` is given and no sum depends on it, or it is no number of steps, or less than a window has.
    """
    if longest is None:
        return window
    pool = _pool(card)
    if card.integer is None or pool is None or pool.time_constant is not None:
        raise InputError(
            "longest is given; expected None: only sums of an integer model over the whole sequence depend on it"
        )
    steps = count(longest, "longest", MOST, "a number of steps,")
    if window is not None and steps < window:
        raise InputError(f"longest is {steps}; expected at least {window}, the length of a window")
    return steps


def sums(card: Card, parameters: Mapping[str, Array], longest: int | None, tables: Tables) -> dict[str, Any]:
    """The values for what the readout reads; thresholds, and of a float readout the scales, are added to ``tables``."""
    assert card.integer is not None
    pool, top = _pool(card), card.layers[-1]
    bits, n = card.integer.states[-1].state_bits, top.hidden_size
    values: dict[str, Any] = {
        "features": card.output_width,
        "groups": card.output_width // n,
        "base": hadamard.factor(top.block_size)[0],
        "pool": pool is not None,
        "pools": [],
        "counted": False,
        "time_constant": None,
        "thresholds": 0,
        "excess": False,
        "share": False,
        "both": False,
        "finer_bits": MEAN_BITS - bits,
    }
    if card.integer.readout == "float":
        time_constant = None if pool is None else pool.time_constant
        values["share_unit"] = real(1.0 if time_constant is None else 2.0**-SHARE_BITS)
        if pool is None or pool.excess:
            _scales(card, parameters, pool, tables)
    if pool is None:
        return values
    if card.pool is not None:
        tables["thresholds"] = parameters["pool.thresholds"]
        values["threshold_kind"] = f"{parameters['pool.thresholds'].dtype}_t"
    kinds, most = _kinds(card, parameters, pool, longest or LONGEST)
    return values | {
        "pools": [
            {"pool_kind": kind, "pool_name": name, "pool_size": pool.thresholds * n}
            for name, kind in kinds.items()
        ],
        **{f"{name}_kind": kind for name, kind in kinds.items()},
        "sum_kind": "uint64_t" if "uint64_t" in kinds.values() else "uint32_t",
        "counted": pool.time_constant is None,
        "longest": most,
        "time_constant": pool.time_constant,
        "recent": 1 << (pool.time_constant or 0),
        "thresholds": 0 if card.pool is None else pool.thresholds,
        "excess": pool.excess,
        "share": pool.share,
        "both": pool.excess and pool.share,
        "shares": n if pool.excess else 0,
    }


def _largest_features(card: Card, parameters: Mapping[str, Array]) -> Array:
    """The largest values of what an integer readout multiplies, (F,) int64."""
    assert card.integer is not None
    pool, bits = _pool(card), card.integer.states[-1].state_bits
    n = card.layers[-1].hidden_size
    if pool is None:
        return np.full(n, largest_state(bits), np.int64)
    excess = _excess(card, parameters) << MEAN_BITS - bits
    parts = []
    for row in excess:
        parts += [row] * pool.excess + [np.full(n, 1 << SHARE_BITS)] * pool.share
    return np.concatenate(parts)


def logit_kind(card: Card, parameters: Mapping[str, Array]) -> str:
    """The integer type of a logit, and of all sums on the way to it: the bias, then a feature after another."""
    codes, bias = (parameters[f"output.{name}"].astype(np.int64) for name in ("codes", "bias"))
    largest = _largest_features(card, parameters)
    above, below = bias + np.maximum(codes, 0) @ largest, bias + np.minimum(codes, 0) @ largest
    return "int32_t" if max(above.max(), -below.min()) < 1 << 31 else "int64_t"


def _pool(card: Card) -> Pool | None:
    return Pool(1, share=False) if card.output == "mean" else card.pool


def _excess(card: Card, parameters: Mapping[str, Array]) -> Array:
    """The largest values of max(z - theta, 0), (K, n)."""
    assert card.integer is not None
    limit = largest_state(card.integer.states[-1].state_bits)
    if card.pool is None:
        return np.full((1, card.layers[-1].hidden_size), limit)
    return np.maximum(limit - parameters["pool.thresholds"].astype(np.int64), 0)


def _kinds(
    card: Card, parameters: Mapping[str, Array], pool: Pool, longest: int
) -> tuple[dict[str, str], int]:
    """The types of the sums, and the most steps that these hold."""
    if pool.time_constant is not None:
        return {name: COUNT for name in ("excess", "share") if getattr(pool, name)}, MOST
    assert card.integer is not None
    finer = MEAN_BITS - card.integer.states[-1].state_bits
    kinds, most = {}, MOST
    for name, largest, bits in (
        ("excess", int(_excess(card, parameters).max()), finer),
        ("share", 1, SHARE_BITS),
    ):
        if not getattr(pool, name):
            continue
        for size in (16, 32, 64):
            # A mean compares its sum with the number of steps times a power of two.
            held = min(
                ((1 << size) - 1) // max(largest, 1), (1 << max(size, 32)) - 1 >> SHARE_BITS - bits, MOST
            )
            if held >= longest:
                break
        kinds[name], most = f"uint{size}_t", min(most, held)
    return kinds, most


def _scales(card: Card, parameters: Mapping[str, Array], pool: Pool | None, tables: Tables) -> None:
    """The unit of a state or of its excess, one per block."""
    assert card.integer is not None
    scale = parameters["layers.0.state_scale"]
    if pool is not None and pool.time_constant is not None:
        scale = scale * np.float32(2.0 ** (card.integer.states[-1].state_bits - MEAN_BITS))
    tables["state_scale"] = scale
