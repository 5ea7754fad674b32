"""Integers that are taken as tokens, but look like measurements."""

from __future__ import annotations

import numpy as np

from .series import Sequences

__all__ = ["warning_of_tokens"]

#: Different values that tokens of few kinds do not have, and by how much nearer neighbours are than any two steps.
MANY, NEARER = 64, 4.0
STEPS = 100_000  # that are looked at


def warning_of_tokens(found: Sequences, asked: bool | None) -> str | None:
    """What to say of integers that nobody called tokens, where they are many and neighbours in time are close in value.

    Examples:
        >>> wave = np.rint(500 + 400 * np.sin(np.arange(2000) * 0.05)).astype(np.int64)
        >>> "tokens=False" in (warning_of_tokens(Sequences(wave, np.array([2000])), None) or "")
        True
    """
    values = found.values[:STEPS]
    if asked is not None or values.ndim != 1 or len(values) < 2 or len(np.unique(values)) < MANY:
        return None
    last = np.zeros(len(values), bool)
    ends = found.starts + found.lengths - 1
    last[ends[ends < len(values)]] = True
    near = np.abs(np.diff(values.astype(np.float64)))[~last[:-1]]
    apart = np.abs(values - np.random.default_rng(0).permutation(values).astype(np.float64))
    if not len(near) or near.mean() * NEARER > apart.mean():
        return None
    return (
        "X holds integers, which are taken as tokens, but neighbours in time are close in value, as measurements are; "
        "tokens=False takes them as numbers, tokens=True says that this is meant"
    )
