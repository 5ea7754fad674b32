"""Sequences of any lengths, given as arrays or lists, and the `Split` of such examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, ShapeError
from ..file.preprocess import Normalization
from .places import Places, X
from .task import Index

__all__ = ["Sequences", "Series", "feature_names", "ragged", "sequences", "whole"]


class Sequences(NamedTuple):
    """N sequences, joined to `values` (sum of lengths, d), or (sum of lengths,) without a feature axis."""

    values: NDArray[Any]
    lengths: NDArray[np.int64]

    @property
    def starts(self) -> NDArray[np.int64]:
        return np.cumsum(self.lengths) - self.lengths

    def place(self, row: int) -> tuple[int, int]:
        """The sequence and the step that a row of `values` belongs to."""
        sequence = int(np.searchsorted(self.starts, row, side="right")) - 1
        return sequence, row - int(self.starts[sequence])


def sequences(x: ArrayLike | Sequence[ArrayLike], places: Places = X) -> Sequences:
    """The sequences of an array (N, T, d) or (N, T), or of a list or object array of N arrays or data frames (T_i, d) or (T_i,).

    Masked values and pd.NA become NaN, which means missing.

    Raises:
        ShapeError: the shape is another one, the sequences differ in their features, or one is empty.
        InputError: there are no real numbers, or a data frame has other columns than the first one.
    """
    if not isinstance(x, np.ndarray) and hasattr(x, "__array__"):
        x = _array(x)
    if isinstance(x, np.ndarray) and x.dtype != object:
        return _rectangular(_array(x), places.name)
    names = feature_names(x)
    parts = [_part(part, places.sequence(i), names) for i, part in enumerate(x)]  # type: ignore[arg-type]
    if not parts:
        raise ShapeError(f"{places.name} holds no sequences; expected at least one")
    for i, part in enumerate(parts):
        if part.shape[1:] != parts[0].shape[1:]:
            raise ShapeError(
                f"{places.sequence(i)} has shape {part.shape}, and {places.sequence(0)} {parts[0].shape}; "
                "expected as many features per step"
            )
    return Sequences(np.concatenate(parts), np.array([len(part) for part in parts], np.int64))


def feature_names(x: Any) -> tuple[str, ...] | None:
    """The names of the channels if the sequences are data frames, taken from the first one."""
    columns = getattr(x[0], "columns", None) if isinstance(x, (list, tuple, np.ndarray)) and len(x) else None
    return None if columns is None else tuple(map(str, columns))


def ragged(x: Any) -> list[Any] | None:
    """The parts of a list or object array of arrays that are no rows of a table; None for anything else."""
    if not isinstance(x, (list, tuple)) and not (
        isinstance(x, np.ndarray) and x.dtype == object and x.ndim == 1
    ):
        return None
    try:
        shapes = {np.shape(part) for part in x}
    except ValueError:  # ragged inside, which `sequences` names
        return list(x)
    is_table = any(len(shape) == 0 for shape in shapes) or (len(shapes) == 1 and len(min(shapes)) == 1)
    return None if is_table or not shapes else list(x)


def whole(values: NDArray[Any]) -> bool:
    """Whether all values are whole numbers that int64 holds."""
    return bool((np.abs(values) < 1 << 63).all() and (values == np.rint(values)).all())


def _rectangular(x: NDArray[Any], name: str) -> Sequences:
    if x.ndim not in (2, 3):
        raise ShapeError(f"{name} has shape {x.shape}; expected (N, T) or (N, T, d), or a list of sequences")
    if 0 in x.shape:
        raise ShapeError(f"{name} has shape {x.shape}; expected at least one sequence, step and feature")
    _check_numbers(x, name)
    return Sequences(x.reshape(-1, *x.shape[2:]), np.full(len(x), x.shape[1], np.int64))


def _part(part: Any, name: str, columns: tuple[str, ...] | None) -> NDArray[Any]:
    try:
        array = _array(part)
    except ValueError:
        raise InputError(f"{name} is ragged; expected (T, d) or (T,)") from None
    if columns is not None:
        met = [str(column) for column in getattr(part, "columns", ())]
        if sorted(met) != sorted(columns):
            raise InputError(
                f"{name} has the columns {', '.join(met) or 'of no name'}; expected {', '.join(columns)}"
            )
        array = array[:, [met.index(column) for column in columns]]
    if array.ndim not in (1, 2) or 0 in array.shape:
        raise ShapeError(f"{name} has shape {array.shape}; expected (T, d) or (T,), with at least one step")
    _check_numbers(array, name)
    return array


def _array(x: Any) -> NDArray[Any]:
    """Like np.asarray, but it keeps masked values and missing values of pandas types, as NaN."""
    if isinstance(x, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(x), np.nan, np.ma.getdata(x)) if x.mask.any() else np.asarray(x)
    array = np.asarray(x)
    if array.dtype == object and hasattr(x, "to_numpy"):
        try:
            return np.asarray(x.to_numpy(dtype=np.float64, na_value=np.nan))
        except (TypeError, ValueError):
            return array
    return array


def _check_numbers(array: NDArray[Any], name: str) -> None:
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} has dtype {array.dtype}; expected real numbers")


@dataclass(frozen=True)
class Series:
    """Examples of any lengths: features (sum of lengths, d), or tokens (sum of lengths,) int32 without normalization.

    Each example has a start, a length and a target, all (N, ...). Features are float64 if their source was wider than
    float32 and a normalization is still to centre them, else float32. A batch is as long as its longest sequence; the last
    step of a shorter one is repeated as padding.
    """

    values: NDArray[Any]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    targets: NDArray[Any]
    normalization: Normalization | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, index: Index) -> Series:
        return dataclasses.replace(
            self, starts=self.starts[index], lengths=self.lengths[index], targets=self.targets[index]
        )

    def raw(self, index: Index) -> tuple[NDArray[Any], ...]:
        lengths = self.lengths[index]
        steps = np.minimum(np.arange(lengths.max(initial=1)), lengths[:, None] - 1)
        ends = () if (lengths == lengths[:1]).all() else (lengths,)
        return self.values[self.starts[index][:, None] + steps], self.targets[index], *ends

    def batch(self, index: Index) -> tuple[NDArray[Any], ...]:
        inputs, *rest = self.raw(index)
        return (inputs if self.normalization is None else self.normalization.apply(inputs), *rest)
