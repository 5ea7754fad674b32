"""What the cells of a column reveal about its role: whether it numbers rows, identifies sequences, or is the target."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..errors import DataError
from .csv_table import Table

__all__ = ["counts", "is_like_id", "rises", "target_by_place", "target_of_words"]

#: Sorted classes come in blocks, like ids. The user has to decide about more words than this that come in one block each.
SORTED_CLASSES = 20


def counts(whole: Sequence[int] | None, restarts: bool = False) -> bool:
    """Whether these numbers count the rows from 0 or 1; with `restarts`, the rows of one sequence after another."""
    if whole is None or len(whole) < 3 or whole[0] not in (0, 1):
        return False
    if not restarts:
        return list(whole) == list(range(whole[0], whole[0] + len(whole)))
    return whole[1] == whole[0] + 1 and all(b in (a + 1, whole[0]) for a, b in pairwise(whole))


def rises(keys: Sequence[str], whole: Sequence[int] | None) -> bool:
    """Whether the numbers grow from row to row of each key, where some key has several rows."""
    if whole is None or len({*keys}) == len(keys):
        return False
    last: dict[str, int] = {}
    for key, value in zip(keys, whole, strict=True):
        if value <= last.get(key, value - 1):
            return False
        last[key] = value
    return True


def is_like_id(whole: Sequence[int] | None, targets: Sequence[str] | None) -> bool:
    """Whether these whole numbers look like ids of sequences: each comes several times, in one block, with one target.

    Sorted classes come in blocks too, so a column with as many values as there are classes is not taken for ids.
    """
    if whole is None or len(whole) < 6:
        return False
    values = len({*whole})
    if values < 2 or 3 * values > len(whole):
        return False
    if targets is None:
        return _blocks(whole) == values
    classes = len({*targets})
    several = values > classes or values == classes > 10
    return several and _decides(whole, targets) and (_blocks(whole) == values or values > 2 * classes)


def target_of_words(table: Table, free: Sequence[int], keys: Sequence[str] | None) -> int | None:
    """The only column of words, if each of the `keys` has one word. Raises DataError if the words may be ids."""
    words = [place for place in free if not table.is_numeric(place)]
    if len(words) != 1:
        return None
    cells = table.cells(words[0])
    if keys is not None:
        return words[0] if _decides(keys, cells) else None
    values = len({*cells})
    other = [
        place
        for place in free
        if place != words[0]
        and (whole := table.whole(place)) is not None
        and 1 < len({*whole}) <= values < len(cells)
        and _decides(cells, whole)
    ]
    alone = values == len(cells) > 2
    numbered = len({re.sub(r"\d+", "#", cell) for cell in cells}) == 1
    if alone or (other and numbered) or (_blocks(cells) == values > SORTED_CLASSES):
        title = table.title(words[0])
        raise DataError(
            f"{table.name}: column {title!r} of words such as {cells[0]!r} may be the target, or tell the sequences apart; "
            f"say --label {title} or --id {title}"
        )
    return words[0]


def target_by_place(table: Table, free: Sequence[int]) -> tuple[int, str]:
    """The target of a table without header, and the reason: the only column of words; else the first column if it holds
    whole numbers, as in the UCR archive; else the last one. Raises DataError if there are two candidates.
    """
    last = table.width - 1
    if (place := target_of_words(table, free, None)) is not None:
        return place, f"the target is column {place}, of words"
    ends = {place: table.whole(place) for place in (0, last) if place in free}
    candidates = {place: whole for place, whole in ends.items() if whole is not None and len({*whole}) > 1}
    if counts(candidates.get(0)):
        raise DataError(
            f"{table.name}: column 0 counts the rows; say --label 0 if it is the target, or --id 0 to leave it out"
        )
    if len(candidates) == 2:  # the target has few values, and each of them often
        repeated = [place for place, whole in candidates.items() if 2 * len({*whole}) <= len(whole)]
        if len(repeated) != 1:
            raise DataError(
                f"{table.name}: column 0 and column {last} may both be the target; say --label 0 or --label -1, and --id if a "
                "row is a time step"
            )
        return repeated[0], f"the target is column {repeated[0]}, of few whole numbers"
    if last and next(iter(candidates), last) == 0:
        return 0, "the target is the first column, as in the UCR archive"
    return last, f"the target is the last column, {last}"


def _blocks(cells: Sequence[Any]) -> int:
    """The number of runs of equal cells."""
    return 1 + sum(bool(a != b) for a, b in pairwise(cells))


def _decides(keys: Sequence[Any], cells: Sequence[Any]) -> bool:
    """Whether rows with the same key have the same cell."""
    return len({*zip(keys, cells, strict=True)}) == len({*keys})
