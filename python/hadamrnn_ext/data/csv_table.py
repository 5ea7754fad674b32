"""A table of cells, with or without a header. Its columns are found by name or number, and read as numbers or words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .csv_dialect import DELIMITERS, MISSING, Dialect, Row, number, numbers, rows

__all__ = ["Table", "read"]


@dataclass(frozen=True)
class Table:
    """The rows below the header, if there is one. A row may be shorter than the header, but not longer."""

    name: str
    header: tuple[str, ...] | None
    rows: list[Row]
    dialect: Dialect
    text: str
    _cells: dict[int, Sequence[str]] = field(default_factory=dict)
    _found: dict[int, Sequence[float | None]] = field(default_factory=dict)

    @cached_property
    def width(self) -> int:
        """The number of columns of the header, or of the longest row."""
        widest = max(len(row.cells) for row in self.rows)
        return widest if self.header is None else len(self.header)

    def title(self, place: int) -> str:
        """The name of a column, or without a header its number from 0."""
        return str(place) if self.header is None else self.header[place] or f"column {place}"

    def titles(self, places: Iterable[int]) -> str:
        """The titles of some columns as text, shortened if there are more than a dozen."""
        titles = [self.title(place) for place in places]
        return ", ".join(titles) if len(titles) <= 12 else f"{', '.join(titles[:10])}, .., {titles[-1]}"

    def place(self, given: str) -> int:
        """The column with this name, or number from 0; -1 is the last. Raises DataError if there is none."""
        header = self.header or ()
        if header.count(given) > 1:
            raise DataError(f"{self.name}: the header has {given!r} twice; expected names that differ")
        if given in header:
            return header.index(given)
        if re.fullmatch(r"-?\d+", given) and -self.width <= int(given) < self.width:
            return int(given) % self.width
        raise DataError(
            f"{self.name}: no column {given!r}; expected one of {', '.join(header)[:200] or f'0 .. {self.width - 1}'}"
        )

    def cells(self, place: int) -> Sequence[str]:
        """The cells of a column, which are empty where a row is shorter."""
        if place not in self._cells:
            self._cells[place] = [row.cells[place] if place < len(row.cells) else "" for row in self.rows]
        return self._cells[place]

    def words(self, place: int, what: str) -> Sequence[str]:
        """The cells of a column. Raises DataError naming the line if one is empty."""
        cells = self.cells(place)
        if "" in cells:
            row = self.rows[cells.index("")]
            raise DataError(
                f"{self.name}, line {row.line}: column {place} is empty ({self.title(place)!r}); expected {what}"
            )
        return cells

    def found(self, place: int) -> Sequence[float | None]:
        """The cells of a column as numbers: NaN if one is missing, None if it is something else."""
        if place not in self._found:
            self._found[place] = numbers(self.cells(place), self.dialect.decimal)
        return self._found[place]

    def numbers(self, place: int) -> NDArray[np.float64]:
        """A column of numbers, NaN where one is missing. Raises DataError naming the line of any other cell."""
        found = self.found(place)
        if None in found:
            raise self.no_number(found.index(None), place)
        return np.array(found, np.float64)

    def no_number(self, row: int, place: int) -> DataError:
        cell = self.rows[row].cells[place]
        title = self.title(place)
        return DataError(
            f"{self.name}, line {self.rows[row].line}: {cell!r} is no number (column {title!r}; --id, --time or "
            f"--label {title} says what it is, --features which columns are read)"
        )

    def is_numeric(self, place: int) -> bool:
        """Whether every cell of a column is a number or missing."""
        return None not in self.found(place)

    def is_quoted(self, cell: str) -> bool:
        """Whether a cell is in quotation marks somewhere in the file."""
        return f'"{cell}"' in self.text

    def whole(self, place: int) -> list[int] | None:
        """A column of whole numbers; None if a cell is missing or anything else."""
        found = self.found(place)
        if any(value is None or not value.is_integer() for value in found):
            return None
        return list(map(int, found))  # type: ignore[arg-type]  # none is None

    def check_rectangular(self) -> None:
        """Raises DataError for the first row that is shorter than the table is wide."""
        for row in self.rows:
            if len(row.cells) < self.width:
                raise DataError(
                    f"{self.name}, line {row.line}: {len(row.cells)} cells; expected {self.width}, as "
                    f"{'the header has' if self.header is not None else 'other rows have'}"
                )

    def __str__(self) -> str:
        delimiter, decimal = self.dialect
        how = "one column" if delimiter is None else f"{DELIMITERS.get(delimiter, repr(delimiter))}-separated"
        marks = ", decimal commas" if decimal == "," else ""
        return f"{how}{marks}, {'no header' if self.header is None else 'a header'}"


def read(
    name: str,
    text: str,
    usual: Sequence[str],
    delimiter: str | None = None,
    decimal: str | None = None,
) -> Table:
    """The table of a file. Its first row is a header if it has a `usual` name, a word above numbers, or column numbers.

    Raises DataError naming the file and the line.
    """
    dialect, found = rows(name, text, delimiter, decimal)
    first = found[0].cells
    if first[0].startswith("#"):
        first[0] = first[0].lstrip("# ")
    header = tuple(first) if _is_header(found, usual, dialect.decimal) else None
    if header is None:
        return Table(name, None, found, dialect, text)
    if not (below := found[1:]):
        raise DataError(f"{name}: holds a header and no rows")
    for row in below:
        if any(row.cells[len(header) :]):
            raise DataError(
                f"{name}, line {row.line}: {len(row.cells)} cells below a header of {len(header)}; expected as many at most"
                + ("; is the comma the decimal mark (--decimal ,)?" if dialect.delimiter == "," else "")
            )
        del row.cells[len(header) :]
    if not header[-1] and not any("".join(row.cells[len(header) - 1 :]) for row in below):
        header = header[:-1]  # every line ends with a delimiter
        for row in below:
            del row.cells[len(header) :]
    return Table(name, header, below, dialect, text)


def _is_header(found: list[Row], usual: Sequence[str], decimal: str) -> bool:
    first, below = found[0].cells, found[1:]
    if any(title.lower() in usual for title in first):
        return True
    counted = [title for title in first if title and number(title, decimal) is not None]
    if len(counted) > 3 and counted == [str(i) for i in range(len(counted))]:
        return True  # pandas numbers columns without names, next to those of row numbers or labels
    for place, title in enumerate(first):
        if number(title, decimal) is not None or not title:
            continue
        cells = [row.cells[place] for row in below if place < len(row.cells)]
        filled = [cell for cell in cells if cell.lower() not in MISSING]
        if filled and all(number(cell, decimal) is not None for cell in filled):
            return True
    return False
