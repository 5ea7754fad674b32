"""The rows of delimited text. The delimiter and the decimal mark are detected from the whole file."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..errors import DataError

__all__ = ["DELIMITERS", "MISSING", "Dialect", "Row", "number", "numbers", "rows"]

#: The marks that may separate two cells, and their names; a space stands for any run of spaces.
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}
#: How programs write a missing number, in lower case.
MISSING = frozenset(
    {"", "na", "n/a", "#n/a", "#na", "#n/a n/a", "null", "none", "<na>", "?"}
    | {"nan", "1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind", "-nan(ind)"}
)
COMMA_NUMBER = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
POINT_NUMBER = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+")


class Dialect(NamedTuple):
    """The marks of a table. If `delimiter` is None, every line is one cell; `decimal` is a point or a comma."""

    delimiter: str | None
    decimal: str = "."


class Row(NamedTuple):
    """The cells of a row, without surrounding spaces, and the number, from 1, of the line on which it begins."""

    line: int
    cells: list[str]


def number(cell: str, decimal: str = ".") -> float | None:
    """The number in a cell: NaN if it is missing, None if the cell holds something else."""
    text = cell if decimal == "." else cell.replace(".", "_").replace(decimal, ".")
    try:
        value = float(text)
    except ValueError:
        return float("nan") if cell.lower() in MISSING else None
    return None if "_" in text else value


def numbers(cells: Sequence[str], decimal: str = ".") -> Sequence[float | None]:
    """`number` of each cell."""
    if decimal == ".":
        with contextlib.suppress(ValueError):
            found = list(map(float, cells))
            if "_" not in "".join(cells):
                return found
    return [number(cell, decimal) for cell in cells]


def rows(
    name: str, text: str, delimiter: str | None = None, decimal: str | None = None
) -> tuple[Dialect, list[Row]]:
    """The dialect of a text and its rows that are not empty. Marks that are not given are detected.

    Raises DataError if there are two ways to read the text, naming the option that selects one.
    """
    if (nul := text.find("\0")) >= 0:
        raise DataError(f"{name}, line {text.count(chr(10), 0, nul) + 1}: a NUL character; expected text")
    if first := re.match(r'"?sep=(.)"?\s*?(?:\r\n|\r|\n)', text):  # Excel states the delimiter so
        delimiter, text = delimiter or first[1], "\n" + text[first.end() :]
    if delimiter is None:
        delimiter, found = _detected(name, text)
    else:
        found = _rows(name, text, delimiter)
    while found and not any(found[-1].cells):
        found.pop()
    if not found:
        raise DataError(f"{name}: holds no rows")
    return Dialect(delimiter, decimal or _decimal(name, found)), found


def _rows(name: str, content: str, delimiter: str | None) -> list[Row]:
    """The rows in order, without lines that hold only spaces."""
    lines = io.StringIO(content, newline="")
    if delimiter is None or delimiter == " ":
        filled = [(place, text.strip()) for place, text in enumerate(lines, 1) if text.strip()]
        return [Row(place, text.split() if delimiter else [_unquoted(text)]) for place, text in filled]
    found = []
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != "\t", strict=True)
    line = 0
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if len(stripped) > 1 or any(stripped):
                found.append(Row(line + 1, stripped))
            line = reader.line_num
    except csv.Error as error:
        raise DataError(f"{name}, line {line + 1}: not CSV ({error}); is a quotation mark missing?") from None
    return found


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _detected(name: str, text: str) -> tuple[str | None, list[Row]]:
    """The delimiter of a text, and its rows.

    The delimiter occurs in every row. If several do, it is the one whose cells are single words or numbers.
    """
    candidates, faults = [], []
    for delimiter in (one for one in DELIMITERS if one in text):
        try:
            found = _rows(name, text, delimiter)
        except DataError as error:
            faults.append(error)
            continue
        widths = {len(row.cells) for row in found} or {0}
        if max(widths) > 1 and (delimiter != " " or _are_numbers(found)):
            candidates.append((min(widths) > 1, delimiter, found))
    if faults and not candidates:
        raise faults[0]
    always = [one for one in candidates if one[0]] or candidates
    if len(always) > 1:
        always = [
            (every, mark, found)
            for every, mark, found in always
            if not any(_is_compound(cell, mark) for row in found for cell in row.cells)
        ]
        if len(always) != 1:
            names = " or a ".join(DELIMITERS[delimiter] for _, delimiter, _ in always or candidates)
            raise DataError(f"{name}: the delimiter may be a {names}; say which with --delimiter")
    if not always:
        return None, _rows(name, text, None)
    _, delimiter, found = always[0]
    if delimiter == "," and len(found[0].cells) == 1:
        single = _rows(name, text, None)
        if all(COMMA_NUMBER.fullmatch(row.cells[0]) for row in single[1:]):
            return None, single  # a column of numbers with decimal commas, below its name
    return delimiter, found


def _are_numbers(found: list[Row]) -> bool:
    """Whether all cells below the first row are numbers, except for at most one word per row."""

    def words(row: Row) -> int:
        return sum(number(cell, ",") is None and number(cell) is None for cell in row.cells)

    return all(words(row) < 2 for row in found[1:] or found)


def _is_compound(cell: str, delimiter: str) -> bool:
    """Whether a cell looks like several cells that another delimiter separates."""
    if COMMA_NUMBER.fullmatch(cell):
        return False
    if any(other in cell for other in DELIMITERS if other not in (delimiter, " ")):
        return True
    return bool(re.search(r"\d\s+[+-]?[.\d]", cell)) and not re.search(r"\d[:-]\d", cell)


def _decimal(name: str, found: list[Row]) -> str:
    """The decimal mark: a comma if numbers have commas and none has a point."""

    def marked(mark: str, form: re.Pattern[str]) -> Iterator[tuple[int, str]]:
        cells = ((row.line, cell) for row in found for cell in row.cells)
        return (one for one in cells if mark in one[1] and form.fullmatch(one[1]))

    commas = list(marked(",", COMMA_NUMBER))
    if not commas:
        return "."
    line, cell = commas[0]
    if point := next(marked(".", POINT_NUMBER), None):
        raise DataError(
            f"{name}: line {line} has {cell!r} and line {point[0]} {point[1]!r}; expected one decimal mark: say which with "
            "--decimal, or write numbers without separators of thousands"
        )
    if all(THOUSANDS.fullmatch(cell) for _, cell in commas):
        raise DataError(
            f"{name}, line {line}: {cell!r} may be a decimal number or have a separator of thousands; --decimal , says that "
            "the comma is the decimal mark"
        )
    return ","
