"""CSV files of sequences: one a row, or one time step a row beside a column that says of which sequence.

    label,0,1,2,3            id,label,x,y
    walk,0.1,0.4,0.2,        17,walk,0.1,9.7
    run,1.4,0.2,1.9,1.1      17,walk,0.4,9.6

Empty cells at the end of a row are no steps; other empty cells, and NA or nan, are missing values (NaN).
"""

from __future__ import annotations

import csv
import io
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

__all__ = ["BY_NAME", "Columns", "parse", "refuse_columns"]

#: Names of columns that are found by themselves, in any case.
ID, TIME, LABEL, TEXT = (
    ("id", "series", "series_id"),
    ("time", "timestamp"),
    ("label", "class", "target", "y"),
    ("text",),
)
MISSING = ("", "na", "nan", "null", "none")


class Columns(NamedTuple):
    """Names of columns, or their numbers from 0; None finds them by their usual names."""

    label: str | None = None
    id: str | None = None
    time: str | None = None


BY_NAME = Columns()


def refuse_columns(name: str, columns: Columns) -> None:
    """Raises DataError where a file that is no CSV is asked for its columns."""
    given = [f"--{field}" for field, column in columns._asdict().items() if column is not None]
    if given:
        raise DataError(f"{name}: {given[0]} has no effect here: it names a column of CSV, and this is none")


class _Table(NamedTuple):
    header: list[str] | None
    rows: list[list[str]]
    name: str
    first: int  # line of the first row

    def place(self, given: str | None, usual: tuple[str, ...]) -> int | None:
        """The number of a column. Raises DataError if it is asked for and not there."""
        header = [] if self.header is None else self.header
        if given is None:
            return next((i for i, title in enumerate(header) if title.lower() in usual), None)
        if given in header:
            return header.index(given)
        width = max(map(len, self.rows), default=0)
        if given.lstrip("-").isdigit() and -width <= int(given) < width:
            return int(given) % width
        raise DataError(
            f"{self.name}: no column {given!r}; expected one of {', '.join(header)[:200] or width}"
        )


def parse(
    name: str, content: bytes, columns: Columns = BY_NAME, *, labelled: bool = True
) -> tuple[list[Any], Any]:
    """The sequences of a CSV file, (T,) or (T, d) arrays or texts, and their targets: floats, strings, or None.

    A column of the name id (or so) makes it one time step a row: rows of an id are a sequence, in the order of the
    column time if there is one, and all have the same target. A column text holds texts. Without a header the target
    is the last column of a row, if `labelled`.

    Raises DataError naming the file and the line.
    """
    table = _read(name, content)
    label = table.place(columns.label, LABEL)
    identity = table.place(columns.id, ID)
    text = table.place(None, TEXT)
    if identity is not None:
        return _by_step(table, identity, label, table.place(columns.time, TIME))
    if label is None and labelled:
        label = max(map(len, table.rows)) - 1
    if text is not None:
        x: list[Any] = [row[text] for row in table.rows]
    else:
        x = [_numbers(table, i, row, {label} - {None}, trailing=True) for i, row in enumerate(table.rows)]
    return x, None if label is None else _targets([_cell(table, i, label) for i in range(len(table.rows))])


def _read(name: str, content: bytes) -> _Table:
    try:
        text = content.decode("utf-8-sig")
        first = text.split("\n", 1)[0]
        delimiter = max(",;\t", key=first.count)
        reader = csv.reader(io.StringIO(text), delimiter=delimiter)
        rows = [[cell.strip() for cell in row] for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{name}: not CSV ({error})") from None
    if not rows:
        raise DataError(f"{name}: holds no rows")
    header = rows.pop(0) if _is_header(rows) else None
    if not rows:
        raise DataError(f"{name}: holds a header and no rows")
    return _Table(header, rows, name, 1 if header is None else 2)


def _by_step(table: _Table, identity: int, label: int | None, time: int | None) -> tuple[list[Any], Any]:
    members: dict[str, list[int]] = {}
    for i in range(len(table.rows)):
        members.setdefault(_cell(table, i, identity), []).append(i)
    x, y = [], []
    for key, rows in members.items():
        if time is not None:
            rows.sort(key=lambda i: _order(_cell(table, i, time)))
        others = {place for place in (identity, label, time) if place is not None}
        x.append(np.stack([_numbers(table, i, table.rows[i], others) for i in rows]))
        if label is not None:
            found = {_cell(table, i, label) for i in rows}
            if len(found) > 1:
                raise DataError(
                    f"{table.name}: the rows of id {key!r} have the targets {', '.join(sorted(found)[:3])}; "
                    "expected one a sequence"
                )
            y.append(found.pop())
    return x, None if label is None else _targets(y)


def _cell(table: _Table, i: int, place: int) -> str:
    row = table.rows[i]
    if place >= len(row) or row[place].lower() in MISSING:
        raise DataError(f"{table.name}, line {table.first + i}: column {place} is empty; expected a value")
    return row[place]


def _numbers(
    table: _Table, i: int, row: list[str], without: set[Any], *, trailing: bool = False
) -> NDArray[np.float64]:
    cells = [cell for place, cell in enumerate(row) if place not in without]
    while trailing and cells and not cells[-1]:
        cells.pop()
    numbers = [_number(cell) for cell in cells]
    if None in numbers or not numbers:
        met = repr(cells[numbers.index(None)]) if numbers else "empty"
        raise DataError(f"{table.name}, line {table.first + i}: {met} is no number")
    return np.array(numbers, np.float64)


def _number(cell: str) -> float | None:
    if cell.lower() in MISSING:
        return float("nan")
    try:
        return float(cell)
    except ValueError:
        return None


def _is_header(rows: list[list[str]]) -> bool:
    """Whether the first row says a usual name, or a word above a number."""
    if any(title.lower() in (*ID, *TIME, *LABEL, *TEXT) for title in rows[0]):
        return True
    below = rows[1] if len(rows) > 1 else []
    return any(
        _number(a) is None and b and _number(b) is not None for a, b in zip(rows[0], below, strict=False)
    )


def _order(cell: str) -> tuple[float, str]:
    number = _number(cell)
    return (0.0, cell) if number is None else (number, "")


def _targets(cells: list[str]) -> NDArray[Any]:
    """Integers where all are, floats where all are numbers, else strings."""
    for kind in (np.int64, np.float64):
        try:
            return np.array(cells).astype(kind)
        except ValueError:
            continue
    return np.array(cells)
