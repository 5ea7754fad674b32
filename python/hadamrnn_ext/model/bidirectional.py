"""Models that read each sequence forwards and backwards. They are two networks whose logits are added.

    y = (V relu(h) + c) + V' relu(h'),   h' the states of the second network, which reads the sequence from its end

For output "all", the logits of the second network at step t are those after it has read from the end down to step t.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..file.card import Card
from ..file.tensors import EMBEDDING, REVERSE

__all__ = ["add_backwards", "backwards", "reversed_in_time"]

Array = NDArray[Any]


def backwards(card: Card, parameters: Mapping[str, Array]) -> dict[str, Array]:
    """The parameters of the second network, under the usual names. Its logits have no bias."""
    own = {
        name.removeprefix(REVERSE): value for name, value in parameters.items() if name.startswith(REVERSE)
    }
    shared = {EMBEDDING: parameters[EMBEDDING]} if EMBEDDING in parameters else {}
    return {**own, **shared, "output.bias": np.zeros(card.output_size, np.float32)}


def add_backwards(
    core: _core.Model,
    x: Array,
    lengths: NDArray[np.int64] | None,
    logits: NDArray[np.float32],
    num_threads: int,
    check_finite: bool,
) -> tuple[int, int] | None:
    """Add the logits of the second network for x (B, T, ..) to ``logits`` (B, o) or (B, T, o).

    With ``check_finite``, returns the sequence and the step at which its state overflowed, or None.
    """
    found = np.empty_like(logits)
    overflow = core.infer(reversed_in_time(x, lengths), lengths, found, num_threads, check_finite)
    logits += reversed_in_time(found, lengths) if logits.ndim == 3 else found
    if overflow is None:
        return None
    sequence, step = overflow
    last = (x.shape[1] if lengths is None else int(lengths[sequence])) - 1
    return sequence, last - step


def reversed_in_time(x: Array, lengths: NDArray[np.int64] | None) -> Array:
    """x (B, T, ..) with the steps of each sequence in reverse order. Padding stays where it is."""
    if lengths is None:
        return np.ascontiguousarray(x[:, ::-1])
    steps, ends = np.arange(x.shape[1]), lengths[:, None]
    order = np.where(steps < ends, ends - 1 - steps, steps)
    return x[np.arange(len(x))[:, None], order]
