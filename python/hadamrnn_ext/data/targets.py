"""The targets of own data: classes with any names, or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, ShapeError
from ..file.preprocess import Normalization
from ..file.resolution import too_fine
from .places import Places, Y
from .series import whole

__all__ = ["Kind", "Targets", "as_array", "check_kind", "is_missing", "named", "shape_of", "targets"]

Kind = Literal["classes", "values"]
#: A missing value, converted to a string by NumPy or pandas. It is never the name of a class.
NO_NAMES = frozenset({"", "nan", "NaN", "NAN", "<NA>", "NaT"})


@dataclass(frozen=True)
class Targets:
    """`values` are classes (N,) int64, which index `labels`, or numbers (N, o) float32 without labels."""

    values: NDArray[Any]
    labels: tuple[str, ...] | None = None

    @property
    def outputs(self) -> int:
        """The outputs of the network; a single logit tells two classes apart."""
        if self.labels is None:
            return int(self.values.shape[1])
        return 1 if len(self.labels) == 2 else len(self.labels)

    def normalization(self) -> Normalization | None:
        """The mean and standard deviation of each column of numbers, or None for classes."""
        if self.labels is not None:
            return None
        values = self.values.astype(np.float64)
        scale = values.std(0)
        varies = scale > 1e-7 * np.abs(values).max(0)  # by more than the rounding of float32
        return Normalization(tuple(values.mean(0).tolist()), tuple(np.where(varies, scale, 1.0).tolist()))


def targets(
    y: ArrayLike,
    count: int,
    kind: Kind | None = None,
    labels: tuple[str, ...] | None = None,
    places: Places = Y,
) -> Targets:
    """The targets of `count` sequences. Integers, booleans and strings (N,) are classes; floats (N,) or (N, o) are values.

    `kind` overrides this. `labels` are those of a model or of training data, and every class must be one of them. Bytes are
    strings in UTF-8. Different names are different classes, so `01` is not `1`.

    Raises:
        ShapeError: there is not one target per sequence.
        InputError: the targets are not of that kind, one is missing, or `labels` lack a class. The place is named.
    """
    check_kind(kind)
    array = named(y, places)
    if array.ndim == 0 or len(array) != count:
        raise ShapeError(
            f"{places.name} has shape {array.shape}; expected one target for each of {count} sequences"
        )
    if array.dtype.kind not in "biufUS":
        raise InputError(f"{places.name} has dtype {array.dtype}; expected classes or numbers")
    if kind is None:
        kind = "values" if labels is None and array.dtype.kind == "f" else "classes"
    return _classes(array, labels, places) if kind == "classes" else _values(array, places)


def check_kind(kind: object) -> None:
    """Raises InputError for a kind of targets that there is not."""
    if kind not in (None, *get_args(Kind)):
        raise InputError(f"kind is {kind!r}; expected None, {' or '.join(map(repr, get_args(Kind)))}")


def is_missing(value: Any) -> bool:
    """Whether this is a missing value of Python, NumPy or pandas: None, NaN, NaT, pd.NA or an empty text."""
    if value is None or isinstance(value, (str, bytes)):
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        return text is None or text.strip() in NO_NAMES
    if type(value).__name__ in ("NAType", "MaskedConstant"):
        return True
    try:
        return not bool(value == value)  # noqa: PLR0124  # only NaN and NaT differ from themselves
    except (TypeError, ValueError):
        return False


def named(y: Any, places: Places = Y) -> NDArray[Any]:
    """Targets as an array of booleans, numbers, strings or bytes. Raises InputError if one is missing."""
    array = as_array(y, places)
    if array.ndim == 2 and array.shape[1] == 1 and array.dtype.kind in "OSU":
        array = array[:, 0]
    if isinstance(y, np.ma.MaskedArray) and y.mask.any():
        _refuse_missing(places, int(np.argwhere(np.ma.getmaskarray(y))[0][0]), "masked")
    if array.ndim != 1 or array.dtype.kind not in "OSU":
        return array
    for row, value in enumerate(array.tolist()):
        if is_missing(value):
            _refuse_missing(places, row, value)
    if array.dtype.kind == "U":
        return array
    return _names(array.tolist(), places)


def as_array(y: Any, places: Places = Y) -> NDArray[Any]:
    """Like np.asarray, but a list of strings and other objects keeps the objects; NumPy would convert NaN to `nan`.

    Raises ShapeError naming the first target that is shaped otherwise than those before it.
    """
    try:
        array = np.asarray(y)
    except ValueError:
        raise ShapeError(_ragged(y, places)) from None
    if array.ndim == 1 and array.dtype.kind in "US" and not hasattr(y, "dtype") and isinstance(y, Sequence):
        objects = np.empty(len(y), object)
        objects[:] = list(y)
        return objects
    return array


def shape_of(part: Any, place: str) -> tuple[int, ...]:
    """The shape of a target. Raises ShapeError with its place if it is ragged."""
    try:
        return np.shape(part)
    except ValueError:
        raise ShapeError(f"{place} is ragged; expected a class, a number, or an array of them") from None


def _ragged(y: Any, places: Places) -> str:
    """What to say of targets of which NumPy makes no array."""
    shapes = [shape_of(part, places.sequence(i)) for i, part in enumerate(y)]
    odd = next((i for i, shape in enumerate(shapes) if shape != shapes[0]), 0)
    return (
        f"{places.sequence(odd)} has shape {shapes[odd]}, and {places.sequence(0)} {shapes[0]}; "
        "expected targets of one shape"
    )


def _refuse_missing(places: Places, row: int, value: Any) -> None:
    raise InputError(
        f"{places.sequence(row)} is {value!r}, a missing target; expected a class or a number for each sequence"
    )


def _names(values: list[Any], places: Places) -> NDArray[Any]:
    """Objects as numbers if all are numbers, else as names. Different objects with the same name, as 1 and "1", are refused."""
    if all(isinstance(value, (int, float, np.number)) and not isinstance(value, bool) for value in values):
        numbers = np.array(values)
        return numbers if numbers.dtype.kind in "iuf" else np.array(list(map(str, values)))
    names, origins = [], dict[str, type]()
    for row, value in enumerate(values):
        name, origin = _name(value, places, row)
        if origins.setdefault(name, origin) is not origin:
            raise InputError(
                f"{places.sequence(row)} is {value!r}, and another target has the same name as a "
                f"{origins[name].__name__}; expected one type, or names that differ"
            )
        names.append(name)
    return np.array(names)


def _name(value: Any, places: Places, row: int) -> tuple[str, type]:
    if isinstance(value, bytes):
        try:
            return value.decode(), str
        except UnicodeDecodeError:
            raise InputError(f"{places.sequence(row)} is {value!r}; expected text in UTF-8") from None
    if isinstance(value, str):
        return str(value), str
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)), bool
    if isinstance(value, (int, np.integer)):
        return str(int(value)), int
    if isinstance(value, (float, np.floating)):
        return (str(int(value)) if float(value).is_integer() else str(float(value))), int
    return str(value), type(value)


def _values(array: NDArray[Any], places: Places) -> Targets:
    if array.dtype.kind in "US" and array.ndim == 1 and len(array):
        row = next((row for row, value in enumerate(array) if not _is_number(value)), 0)
        raise InputError(f"{places.sequence(row)} is {str(array[row])!r}; expected numbers (N,) or (N, o)")
    if array.dtype.kind in "US" or array.ndim > 2:
        raise InputError(
            f"{places.name} has dtype {array.dtype} and shape {array.shape}; expected numbers (N,) or (N, o)"
        )
    wide = array.reshape(len(array), -1).astype(np.float64)
    with np.errstate(over="ignore"):
        values = wide.astype(np.float32)
    _check_finite(values, array, places)
    offset = np.abs(wide).max(0, initial=0)
    spread = (wide - wide[:1]).std(0) if len(wide) else offset
    if (lost := too_fine(offset, spread)).any():
        column = int(np.argmax(lost))
        raise InputError(
            f"column {column} of {places.name} varies by {spread[column]:.3g} about {wide[:, column].mean():.12g}; answers are "
            f"float32, which has steps of {np.spacing(np.float32(offset[column])):.3g} there: subtract an offset"
        )
    return Targets(values)


def _is_number(text: str | bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _classes(array: NDArray[Any], labels: tuple[str, ...] | None, places: Places) -> Targets:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ShapeError(f"{places.name} has shape {array.shape}; expected (N,), one class per sequence")
    if array.dtype.kind == "f":
        _check_finite(array, array, places)
        if whole(array):
            array = array.astype(np.int64)
    found, classes = np.unique(array, return_inverse=True)
    names = tuple(map(str, found.tolist()))
    if labels is None:
        if len(names) < 2:
            raise InputError(f"{places.name} holds the single class {names[0]!r}; expected at least two")
        return Targets(classes.astype(np.int64).reshape(-1), names)
    known = {label: number for number, label in enumerate(labels)}
    if unknown := [name for name in names if name not in known]:
        row = int(np.argmax(classes == names.index(unknown[0])))
        raise InputError(
            f"{places.sequence(row)} is {unknown[0]!r}; expected one of {', '.join(labels)[:200]}"
        )
    return Targets(np.array([known[name] for name in names], np.int64)[classes.reshape(-1)], labels)


def _check_finite(values: NDArray[Any], given: NDArray[Any], places: Places) -> None:
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0][0])
        what = f"{given[row]}, a missing target" if np.isnan(values[row]).any() else given[row]
        raise InputError(f"{places.sequence(row)} is {what}; expected finite numbers")
