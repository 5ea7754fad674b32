"""What is to be learned of own data: classes of any name, or numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, ShapeError
from ..preprocess import Normalization
from .series import whole

__all__ = ["Kind", "Targets", "targets"]

Kind = Literal["classes", "values"]


@dataclass(frozen=True)
class Targets:
    """`values`: classes (N,) int64, places in `labels`; or numbers (N, o) float32, without labels."""

    values: NDArray[Any]
    labels: tuple[str, ...] | None = None

    @property
    def outputs(self) -> int:
        """Of the network: one logit says which of two classes it is."""
        if self.labels is None:
            return int(self.values.shape[1])
        return 1 if len(self.labels) == 2 else len(self.labels)

    def normalization(self) -> Normalization | None:
        """Mean and standard deviation of each column of numbers, over all of them."""
        if self.labels is not None:
            return None
        values = self.values.astype(np.float64)
        scale = values.std(0)
        return Normalization(
            tuple(values.mean(0).tolist()), tuple(np.where(scale > 1e-12, scale, 1.0).tolist())
        )


def targets(
    y: ArrayLike, count: int, kind: Kind | None = None, labels: tuple[str, ...] | None = None, name: str = "y"
) -> Targets:
    """The targets of `count` sequences: (N,) integers, booleans or strings are classes, floats (N,) or (N, o) values.

    `kind` decides otherwise. `labels` are those of a model or of training data, which no class may be missing from.

    Raises:
        ShapeError: not one a sequence.
        InputError: no targets of that kind, a missing one, or a class that `labels` lack; its position is named.
    """
    array = np.asarray(y)
    if array.dtype == object:  # of strings, of integers, or of both: as text they are all names
        array = np.array([str(value) for value in array]) if array.ndim == 1 else array
    if array.ndim == 0 or len(array) != count:
        raise ShapeError(f"{name} has shape {array.shape}; expected one target for each of {count} sequences")
    if array.dtype.kind not in "biufUS":
        raise InputError(f"{name} has dtype {array.dtype}; expected classes or numbers")
    if kind is None:
        kind = "values" if labels is None and array.dtype.kind == "f" else "classes"
    return _classes(array, labels, name) if kind == "classes" else _values(array, name)


def _values(array: NDArray[Any], name: str) -> Targets:
    if array.dtype.kind in "US" or array.ndim > 2:
        raise InputError(
            f"{name} has dtype {array.dtype} and shape {array.shape}; expected numbers (N,) or (N, o)"
        )
    with np.errstate(over="ignore"):
        values = array.reshape(len(array), -1).astype(np.float32)
    _check_finite(values, array, name)
    return Targets(values)


def _classes(array: NDArray[Any], labels: tuple[str, ...] | None, name: str) -> Targets:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ShapeError(f"{name} has shape {array.shape}; expected (N,), one class a sequence")
    if array.dtype.kind == "f":
        _check_finite(array, array, name)
        if whole(array):
            array = array.astype(np.int64)
    found, classes = np.unique(array, return_inverse=True)
    names = tuple(map(str, found.tolist()))
    if labels is None:
        if len(names) < 2:
            raise InputError(f"{name} holds the single class {names[0]!r}; expected at least two")
        return Targets(classes.astype(np.int64).reshape(-1), names)
    places = {label: place for place, label in enumerate(labels)}
    if unknown := [name for name in names if name not in places]:
        row = int(np.argmax(classes == names.index(unknown[0])))
        raise InputError(f"{name}[{row}] is {unknown[0]!r}; expected one of {', '.join(labels)[:200]}")
    return Targets(np.array([places[name] for name in names], np.int64)[classes.reshape(-1)], labels)


def _check_finite(values: NDArray[Any], given: NDArray[Any], name: str) -> None:
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0][0])
        raise InputError(f"{name}[{row}] is {given[row]}; expected finite numbers")
