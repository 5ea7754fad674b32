"""Missing values (NaN): refused with their place, or filled in."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, ShapeError
from ..file.resolution import is_wide
from .places import Places, X
from .series import Sequences

__all__ = ["Impute", "centres", "fill", "numbers"]

MOST = float(np.finfo(np.float32).max)

#: "mean" is the channel's mean over the training data; "last" is the last value before, or the mean if there is none.
Impute = Literal["mean", "last"]


def fill(
    x: Sequences, how: Impute | None, means: ArrayLike | None = None, places: Places = X
) -> NDArray[Any]:
    """The values (sum of lengths, d) of sequences of features, with missing ones filled in.

    They are float64 if float32 does not hold the type of `x`, else float32. `means` (d,) are those of the training data, or
    None for those of `x`.

    Raises InputError for an infinite value, for a missing one if `how` is None, and for a channel without any value.
    """
    values = numbers(x, how, places)
    missing = np.isnan(values)
    if not missing.any():
        return values
    if means is not None and np.shape(means) != values.shape[1:]:
        raise ShapeError(f"{places.name} has {values.shape[1]} features per step; expected {np.size(means)}")
    if means is None:
        if (empty := missing.all(0)).any():
            raise InputError(
                f"{places.name} has no value at all in channel {int(np.argmax(empty))}; expected some"
            )
        means = centres(values)
    if how == "last":
        _carry_forward(values, missing, x)
        missing = np.isnan(values)
    values[missing] = np.broadcast_to(np.asarray(means, values.dtype), values.shape)[missing]
    return values


def centres(values: NDArray[Any]) -> NDArray[np.float64]:
    """The mean of each channel (d,) of values (.., d), without missing ones. A large offset does not make it less exact."""
    base = np.nanmin(values, axis=0).astype(np.float64)
    return np.asarray(base + np.nanmean(values - base, axis=0, dtype=np.float64))


def numbers(x: Sequences, how: Impute | None, places: Places) -> NDArray[Any]:
    """A copy of the values (sum of lengths, d) in the type that `fill` returns. Raises InputError like `fill`."""
    if how not in (None, *get_args(Impute)):
        raise InputError(f"impute is {how!r}; expected None, {' or '.join(map(repr, get_args(Impute)))}")
    given = x.values.reshape(len(x.values), -1)
    values = np.array(given, np.float64 if is_wide(given.dtype) else np.float32, order="C")
    bad = np.abs(values) > MOST
    if how is None:
        bad |= np.isnan(values)
    if bad.any():
        row, channel = (int(place) for place in np.argwhere(bad)[0])
        at = places.step(*x.place(row), channel if x.values.ndim == 2 else None)
        met = values[row, channel]
        advice = "; impute (--impute), 'mean' or 'last', fills in missing values" if np.isnan(met) else ""
        raise InputError(f"{at} is {met}; expected finite numbers of float32{advice}")
    return values


def _carry_forward(values: NDArray[Any], missing: NDArray[np.bool_], x: Sequences) -> None:
    """Replace each missing value by the last value before it in the same sequence and channel, if there is one."""
    rows = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(missing, -1, rows), axis=0)
    inside = last >= np.repeat(x.starts, x.lengths)[:, None]
    np.copyto(values, np.take_along_axis(values, np.maximum(last, 0), axis=0), where=missing & inside)
