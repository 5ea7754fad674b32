"""Files in the .ts format of sktime and aeon (https://www.aeon-toolkit.org/en/stable/api_reference/file_specifications/ts.html).

@problemName Walks
@univariate false
@classLabel true walk run
@data
0.1,0.4,?:9.7,9.6,9.9:walk
"""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..file.data_card import DataCard
from .csv_dialect import number
from .examples import Examples
from .places import CellPlaces

__all__ = ["is_ts", "parse"]

KEYS = (
    *("@problemname", "@timestamps", "@univariate", "@missing"),
    *("@dimensions", "@classlabel", "@targetlabel", "@data"),
)
TRUE = ("true", "1", "yes")


def is_ts(text: str) -> bool:
    """Whether a file begins like a .ts file, with one of its keys, after comments."""
    for line in io.StringIO(text, newline=None):
        if (word := line.strip()) and not word.startswith("#"):
            return word.split()[0].lower() in KEYS
    return False


def parse(name: str, text: str) -> Examples:
    """The series of a .ts file, (T,) or (T, d), with NaN for missing values, and their targets, if it has any.

    Raises DataError naming the line.
    """
    lines = io.StringIO(text, newline=None).read().split(chr(10))
    begin, keys = _header(name, lines)
    if keys.get("timestamps", ["false"])[0].lower() in TRUE:
        raise DataError(f"{name}: its values have time stamps; expected @timeStamps false, values alone")
    classes = keys.get("classlabel", ["false"])
    values = keys.get("targetlabel", ["false"])[0].lower() in TRUE
    labelled = classes[0].lower() in TRUE
    names = classes[1:] if labelled else None
    x, y, places = [], [], []
    for line, row in enumerate(lines[begin:], begin + 1):
        if not row.strip() or row.lstrip().startswith("#"):
            continue
        fields = [field.strip() for field in row.split(":")]
        if labelled or values:
            y.append(_target(name, line, fields.pop(), names))
        x.append(_series(name, line, fields))
        places.append(line)
    if not x:
        raise DataError(f"{name}: holds no series after @data")
    for part, line in zip(x, places, strict=True):
        if part.shape[1] != x[0].shape[1]:
            raise DataError(
                f"{name}, line {line}: {part.shape[1]} dimensions; expected {x[0].shape[1]}, as before"
            )
    width = x[0].shape[1]
    if width == 1:
        x = [part[:, 0] for part in x]
    target = "target values" if values else f"classes {', '.join(names or ())}" if labelled else "no targets"
    at = CellPlaces(
        name,
        [[line] * len(part) for line, part in zip(places, x, strict=True)],
        [f"dimension {c}" for c in range(width)],
    )
    return Examples(
        x,
        (np.array(y, np.float64) if values else np.array(y)) if y else None,
        card=DataCard(form="series"),
        understood=f"{name}: .ts, {width} dimension{'s' * (width > 1)}; {target}",
        places=at,
        y_places=at,
    )


def _header(name: str, lines: list[str]) -> tuple[int, dict[str, list[str]]]:
    """The number of the line after @data, and the words after each key."""
    keys: dict[str, list[str]] = {}
    for place, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if not text.startswith("@"):
            break
        key, *words = text.split()
        if key.lower() == "@data":
            return place, keys
        keys[key[1:].lower()] = words or ["true"]
    raise DataError(f"{name}: no line @data after the header of a .ts file")


def _target(name: str, line: int, cell: str, names: list[str] | None) -> Any:
    if names is None:
        value = number(cell)
        if value is None or math.isnan(value):
            raise DataError(f"{name}, line {line}: the target is {cell!r}; expected a number")
        return value
    if names and cell not in names:
        raise DataError(
            f"{name}, line {line}: the class is {cell!r}; expected one of {', '.join(names)[:200]}"
        )
    if not cell:
        raise DataError(f"{name}, line {line}: the class is empty; expected the name of one")
    return cell


def _series(name: str, line: int, fields: list[str]) -> NDArray[np.float64]:
    """The series (T, d) of a line, whose dimensions all have the same length."""
    if not fields:
        raise DataError(
            f"{name}, line {line}: a class and no dimensions; expected numbers, a colon and the class"
        )
    columns = []
    for dimension, field in enumerate(fields):
        cells = [cell.strip() for cell in field.split(",")]
        found = [number(cell) for cell in cells]
        if None in found or not field:
            met = cells[found.index(None)] if None in found else ""
            raise DataError(f"{name}, line {line}: {met!r} is no number (dimension {dimension})")
        columns.append(np.array(found, np.float64))
    if len({*map(len, columns)}) != 1:
        lengths = ", ".join(str(len(column)) for column in columns)
        raise DataError(
            f"{name}, line {line}: dimensions of {lengths} steps; expected one length, at least one"
        )
    return np.stack(columns, 1)
