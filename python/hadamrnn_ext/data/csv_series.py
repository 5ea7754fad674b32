"""The sequences of a table: a series per row, or a time step per row and a column that names its sequence.

    label,0,1,2,3            id,label,x,y
    walk,0.1,0.4,0.2,        17,walk,0.1,9.7
    run,1.4,0.2,1.9,1.1      17,walk,0.4,9.6

Empty cells at the end of a series are not steps. Other empty cells, and NA or nan, are missing values (NaN).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..errors import DataError
from ..file.data_card import DataCard
from . import csv_table, csv_targets, times
from .columns import Layout, Request
from .csv_columns import USUAL, layout
from .csv_dialect import MISSING
from .csv_table import Table
from .examples import Examples
from .places import CellPlaces

__all__ = ["parse"]


def parse(name: str, text: str, request: Request) -> Examples:
    """The sequences of a file, (T,) or (T, d) arrays or texts, their targets if requested, and how it was understood.

    `csv_columns` finds the roles of the columns, and `csv_targets` reads the targets. Raises DataError naming the file, and
    the line or the option.
    """
    columns, labelled = request.columns, request.labelled
    table = csv_table.read(name, text, USUAL, columns.delimiter, columns.decimal)
    at = layout(table, request)
    made = {"steps": _steps, "series": _series, "texts": _texts}[at.form](table, at)
    notes = [*at.notes, *made.notes]
    if at.form != "steps":
        request.once(name, f"a {'series' if at.form == 'series' else 'text'} per row")
    ids = [] if at.id is None else table.words(at.id, "the id of a sequence")
    y: Any = None
    lines = [[table.rows[i].line for i in rows] for rows in made.rows]
    places = CellPlaces(
        name,
        lines if at.form == "steps" else [line[0] for line in lines],
        [table.title(place) for place in at.features],
    )
    y_places = places
    if labelled and at.label is not None and request.every_step:
        order = [i for rows in made.rows for i in rows]
        words = table.words(at.label, "a class or a number")
        y, said = csv_targets.read(table, at.label, order, [words[i] for i in order], request.kind)
        y = np.split(y, np.cumsum([len(rows) for rows in made.rows])[:-1])
        y_places = dataclasses.replace(places, columns=[table.title(at.label)])
        notes += ["a target for every step", *said]
    elif labelled and at.label is not None:
        cells = _one_each(table, made.rows, at, at.label, "targets", "a class or a number")
        y, said = csv_targets.read(table, at.label, [rows[0] for rows in made.rows], cells, request.kind)
        notes += said
    return Examples(
        made.x,
        y,
        ids=None if at.id is None else tuple(ids[rows[0]] for rows in made.rows),
        groups=None if at.group is None else _one_each(table, made.rows, at, at.group, "groups", "a group"),
        card=_card(table, at),
        understood=f"{name}: {'; '.join([str(table), *_facts(table, at, labelled), *notes])}",
        places=places,
        y_places=y_places,
    )


class _Made(NamedTuple):
    """Sequences, the rows of each of them, and notes for the user."""

    x: list[Any]
    rows: list[list[int]]
    notes: list[str]


def _steps(table: Table, at: Layout) -> _Made:
    """A time step per row. The rows of an id, in the order of their times, are a sequence."""
    table.check_rectangular()
    keys = [""] * len(table.rows) if at.id is None else table.words(at.id, "the id of a sequence")
    members: dict[str, list[int]] = {}
    for i, key in enumerate(keys):
        members.setdefault(key, []).append(i)
    notes = []
    if at.time is not None:
        notes.append(_sort(table, members, at.time))
    elif again := _comes_again(keys):
        notes.append(f"the id {again!r} comes again after others: all its rows are one sequence")
    channels = np.stack([table.numbers(place) for place in at.features], 1)
    return _Made([channels[rows] for rows in members.values()], list(members.values()), notes)


def _series(table: Table, at: Layout) -> _Made:
    """A series per row."""
    columns = {place: table.found(place) for place in at.features}
    x, ended = [], False
    for i, row in enumerate(table.rows):
        places = [place for place in at.features if place < len(row.cells)]
        while places and (cell := row.cells[places[-1]].lower()) in MISSING and (not cell or at.padded):
            places.pop()
            ended = ended or bool(cell)
        if not places:
            raise DataError(f"{table.name}, line {row.line}: no steps; expected at least one number")
        steps = [columns[place][i] for place in places]
        if None in steps:
            raise table.no_number(i, places[steps.index(None)])
        x.append(np.array(steps, np.float64))
    notes = ["missing values at the end of a series are not steps"] if ended else []
    return _Made(x, [[i] for i in range(len(x))], notes)


def _texts(table: Table, at: Layout) -> _Made:
    """A text per row."""
    texts = table.words(at.features[0], "a text")
    return _Made(list(texts), [[i] for i in range(len(texts))], [])


def _one_each(
    table: Table, members: list[list[int]], at: Layout, place: int, what: str, expected: str
) -> list[str]:
    """The value of each sequence in a column, the same in all of its rows. Raises DataError if a sequence has several."""
    cells = table.words(place, expected)
    for rows in members:
        found = {cells[i]: i for i in reversed(rows)}
        if len(found) > 1:
            (first, a), (second, b) = sorted(found.items(), key=lambda one: one[1])[:2]
            hint = "; `hadamrnn fit --every-step` takes a target for every step" * (what == "targets")
            key = "" if at.id is None else f" of id {table.cells(at.id)[a]!r}"
            raise DataError(
                f"{table.name}: the rows{key} have the {what} {first}, {second} (lines {table.rows[a].line} and "
                f"{table.rows[b].line}); expected one per sequence{hint}"
            )
    return [cells[rows[0]] for rows in members]


def _sort(table: Table, members: dict[str, list[int]], place: int) -> str:
    """Sort the rows of each sequence by their times. Returns a note about it."""
    cells, title, mark = table.words(place, "a time"), table.title(place), table.dialect.decimal
    found = times.read(cells, mark)
    if found is None:
        odd = next((cell for cell in cells if times.read([cell], mark) is None), None)
        why = f"{odd!r} is no number and not ISO 8601"
        if odd is None:
            why = "some have a date or a zone and some do not"
        return f"in the order of the file and not of {title}: {why}"
    moments, of_day = found
    moved, twice = 0, ""
    for key, rows in members.items():
        order = times.in_order([moments[i] for i in rows], of_day)
        moved += order != list(range(len(rows)))
        members[key] = ordered = [rows[i] for i in order]
        equal = [b for a, b in pairwise(ordered) if moments[a] == moments[b]]
        if equal and not twice:
            twice = f" ({cells[equal[0]]} comes twice, again in line {table.rows[equal[0]].line})"
    return f"in order of {title}" + (f", {moved} of {len(members)} sequences sorted" if moved else "") + twice


def _comes_again(keys: Sequence[str]) -> str | None:
    """The first key that comes again after another key."""
    seen, before = set[str](), None
    for key in keys:
        if key != before and key in seen:
            return key
        seen.add(key)
        before = key
    return None


def _card(table: Table, at: Layout) -> DataCard:
    """What a model remembers of the table: names of columns, or without a header their numbers, -1 for the last one."""

    def title(place: int | None) -> str | None:
        if place is None:
            return None
        last = table.header is None and 0 < place == table.width - 1
        return "-1" if last else table.title(place)

    named = table.header is not None and at.form != "series"
    return DataCard(
        form=at.form,
        features=tuple(table.title(place) for place in at.features) if named else None,
        label=title(at.label),
        id=title(at.id),
        time=title(at.time),
        group=title(at.group),
    )


def _facts(table: Table, at: Layout, labelled: bool) -> list[str]:
    """How the columns were understood, for the user."""
    row = {"steps": "a time step", "series": "a series", "texts": "a text"}[at.form]
    roles = {"sequences by": at.id, "groups by": at.group} | ({"target": at.label} if labelled else {})
    unread = [*at.ignored, *([at.label] if at.label is not None and not labelled else [])]
    return [
        f"{row} per row",
        *([f"features {table.titles(at.features)}"] if at.form == "steps" else []),
        *(f"{role} {table.title(place)}" for role, place in roles.items() if place is not None),
        *([f"not read: {table.titles(unread)}"] if unread else []),
    ]
