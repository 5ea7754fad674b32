"""Missing values, which are NaN: found and named, or filled in."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, ShapeError
from .series import Sequences

__all__ = ["Impute", "fill"]

#: "mean": the channel's mean over the training data. "last": the last value that was there, the mean before the first.
Impute = Literal["mean", "last"]


def fill(
    x: Sequences, how: Impute | None, means: ArrayLike | None = None, name: str = "X"
) -> NDArray[np.float32]:
    """The values (sum of lengths, d) float32 of sequences of features, what is missing filled in.

    `means` (d,) are those of the training data, None for those of `x` itself.

    Raises InputError for an infinite value, for a missing one if `how` is None, and for a channel without any value.
    """
    if how not in (None, *get_args(Impute)):
        raise InputError(f"impute is {how!r}; expected None, {' or '.join(map(repr, get_args(Impute)))}")
    given = x.values.reshape(len(x.values), -1)
    with np.errstate(over="ignore"):
        values = np.array(given, np.float32, order="C")
    missing = np.isnan(values)
    if how is None or np.isinf(values).any():
        _refuse_other(x, values, missing if how is None else np.isinf(values), name)
    if not missing.any():
        return values
    if means is not None and np.shape(means) != values.shape[1:]:
        raise ShapeError(f"{name} has {values.shape[1]} features a step; expected {np.size(means)}")
    if means is None:
        if (empty := missing.all(0)).any():
            raise InputError(f"{name} has no value at all in channel {int(np.argmax(empty))}; expected some")
        means = np.nanmean(values, axis=0, dtype=np.float64)
    if how == "last":
        _carry_forward(values, missing, x)
        missing = np.isnan(values)
    values[missing] = np.broadcast_to(np.asarray(means, np.float32), values.shape)[missing]
    return values


def _refuse_other(x: Sequences, values: NDArray[np.float32], bad: NDArray[np.bool_], name: str) -> None:
    bad = bad | np.isinf(values)
    if not bad.any():
        return
    row, channel = (int(place) for place in np.argwhere(bad)[0])
    sequence, step = x.place(row)
    at = f"{name}[{sequence}][{step}" + (f", {channel}]" if x.values.ndim == 2 else "]")
    advice = "; impute='mean' or 'last' fills in missing values" if np.isnan(values[row, channel]) else ""
    raise InputError(f"{at} is {values[row, channel]}; expected finite numbers{advice}")


def _carry_forward(values: NDArray[np.float32], missing: NDArray[np.bool_], x: Sequences) -> None:
    """Replaces each missing value by the last one of its sequence and channel, if there is one."""
    rows = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(missing, -1, rows), axis=0)
    inside = last >= np.repeat(x.starts, x.lengths)[:, None]
    np.copyto(values, np.take_along_axis(values, np.maximum(last, 0), axis=0), where=missing & inside)
