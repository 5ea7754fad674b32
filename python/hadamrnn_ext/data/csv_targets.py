"""The targets in the cells of a table: numbers, or classes named as they are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .csv_dialect import MISSING, number
from .csv_table import Table
from .targets import Kind

__all__ = ["read"]

#: Words for a missing value that never name a class.
NO_NAMES = ("nan", "<na>", "?")


def read(
    table: Table, place: int, rows: Sequence[int], cells: Sequence[str], kind: Kind | None
) -> tuple[NDArray[Any], list[str]]:
    """The targets of the sequences that begin in these `rows`, and notes for the user.

    They are integers if all are written as integers, floats if all are numbers, and else strings as written, so that `01`
    is not `1`. `kind` overrides this. An empty cell is a missing target. NA or None is missing among numbers, and among
    names in quotation marks; among other names it is the name of a class.

    Raises DataError naming the line.
    """
    mark = table.dialect.decimal
    names = {cell for cell in cells if cell.lower() not in MISSING}
    numeric = bool(names) and all(number(cell, mark) is not None for cell in names)
    notes = []
    if odd := sorted({*cells} - names):
        row, cell = next((row, cell) for row, cell in zip(rows, cells, strict=True) if cell in odd)
        quoted = any(table.is_quoted(other) for other in names)
        if (
            numeric
            or kind == "values"
            or any(word.lower() in NO_NAMES or (quoted and not table.is_quoted(word)) for word in odd)
        ):
            raise DataError(
                f"{table.name}, line {table.rows[row].line}: column {place} is {cell!r}, a missing target ({table.title(place)!r}); "
                "expected a class or a number; the name of a class may be in quotation marks"
            )
        notes.append(
            f"{' and '.join(odd)} {'is the name of a class' if len(odd) == 1 else 'are names of classes'}"
        )
    if not numeric and kind == "values":
        row = next(row for row, cell in zip(rows, cells, strict=True) if number(cell, mark) is None)
        raise table.no_number(row, place)
    if not numeric:
        return np.array(cells), notes
    values = [number(cell, mark) or 0.0 for cell in cells]
    whole = all(value.is_integer() and abs(value) < 1 << 53 for value in values)
    if kind == "values" or (not whole and kind is None):
        return np.array(values, np.float64), notes
    integers = list(map(int, values)) if whole else []
    count = len({*values})
    if whole and list(map(str, integers)) == list(cells):
        if kind is None and len(cells) >= 20 and 3 * count > len(cells):
            notes.append(f"its {count} whole numbers are classes; --targets values would make them values")
        return np.array(integers), notes
    if not whole or not any(sign in cell.lower() for cell in cells for sign in ".,e"):
        return np.array(cells), notes  # 01 is not 1
    if kind == "classes" or (table.header is None and place == 0):
        return np.array(integers), notes  # old files of the UCR archive write the class 1 as 1.0000000e+00
    notes.append(
        f"its {count} whole numbers with decimals are values; --targets classes would make them classes"
    )
    return np.array(values, np.float64), notes
