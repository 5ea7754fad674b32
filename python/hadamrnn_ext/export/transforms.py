"""The values for ``transform.c.in``, which transforms the blocks of a state in the order of golden_transform."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import hadamard
from .tables import Tables

__all__ = ["Stages", "sign_words", "transforms"]

UNROLLED = 256  # the transform of a layer of this many units or more is unrolled


class Stages(NamedTuple):
    """The stages of a transform of this order that combine blocks of order ``inner``: all of them if that is 1.

    kind: the C type of the numbers. units: of the layer. source: that of the numbers before, if they lie elsewhere.
    """

    order: int
    kind: str
    units: int
    inner: int = 1
    source: str = ""

    @property
    def name(self) -> str:
        """Of the function in C."""
        first = "transform" if self.inner == 1 else f"from_{self.inner}"
        kinds = [kind.removesuffix("_t") for kind in (self.source, self.kind) if kind]
        return f"{first}_{self.order}_{'_to_'.join(kinds)}"


def sign_words(matrix: NDArray[Any]) -> NDArray[np.uint32]:
    """A matrix of signs, packed with each row in its own words; bit j is set if entry j is -1."""
    padded = np.zeros((len(matrix), -(-matrix.shape[1] // 32) * 32), np.uint8)
    padded[:, : matrix.shape[1]] = matrix < 0
    return np.packbits(padded, axis=1, bitorder="little").view("<u4").astype(np.uint32)


def transforms(wanted: Iterable[Stages], tables: Tables) -> list[dict[str, Any]]:
    """The values for ``transform.c.in``; the base matrices are added to ``tables``."""
    largest: dict[Stages, Stages] = {}
    for stages in wanted:
        key = stages._replace(units=0)
        largest[key] = max(stages, largest.get(key, stages))
    return [_transform(stages, tables) for stages in largest.values()]


def _transform(stages: Stages, tables: Tables) -> dict[str, Any]:
    """Stages of butterflies, as a loop over pairs or unrolled into passes over four and eight numbers in registers.

    An unrolled pass covers two stages; the first one covers three if the number of stages is odd. This saves a third of the
    instructions of a large transform, but takes some 200 bytes more code than the loop, which is too much for a small one.
    """
    order, kind, units, inner, source = stages
    base, log2 = hadamard.factor(order)
    if inner > 1:
        base, log2 = inner, (order // inner).bit_length() - 1
    paley = base > inner
    if paley:
        tables[f"hadamard_{base}"] = sign_words(hadamard.core_matrix(base))
    unrolled = units >= UNROLLED and log2 >= 2
    distances = [base << stage for stage in range(log2)] if unrolled else []
    eights = distances[:1] if log2 % 2 else []
    fours = distances[3 * len(eights) :: 2]
    passes = [
        {"h": h, "h2": 2 * h, "h4": 4 * h, "from": "p", "skip_x": "", "next_x": ""} for h in (*eights, *fours)
    ]
    if source and unrolled:
        count, h = 7 if eights else 3, passes[0]["h"]
        passes[0] |= {"from": "x", "skip_x": f", x += {count}u * {h}u", "next_x": ", ++x"}
    return {
        "name_of": stages.name,
        "order": order,
        "inner": inner,
        "partial": inner > 1,
        "construction": hadamard.construction(order),
        "kind": kind,
        "register": kind if kind in ("float", "int32_t") else "int",
        "base": base,
        "log2": log2,
        "paley": paley,
        "words": -(-base // 32),
        "unrolled": unrolled,
        "looped": order > 1 and (paley or not unrolled),
        "eights": passes[: len(eights)],
        "fours": passes[len(eights) :],
        "source": source,
        "copied": bool(source) and not unrolled,
    }
