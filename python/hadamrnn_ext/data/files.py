"""Files of sequences, to train on or for a model to answer: one table of formats, told apart by how a file begins.

A file of another format wants one line in `FORMATS`, and its reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import DataError
from ..file.card import Card
from . import arrays, csv_series, idx, lines, sound, sounds, source, ts
from .columns import BY_NAME, Columns, Known, refuse_columns
from .examples import Examples
from .targets import Kind

__all__ = ["Columns", "Known", "examples", "inputs", "parsed", "read"]


class _Asked(NamedTuple):
    """How a file is to be read.

    labelled: whether it is read for its targets. card: that of the model that answers; None for data to train on or
    to score. known, kind, hearing: as of `examples`.
    """

    columns: Columns = BY_NAME
    known: Known | None = None
    kind: Kind | None = None
    hearing: sounds.Hearing | None = None
    labelled: bool = True
    card: Card | None = None


class _Format(NamedTuple):
    """How files begin, and their reader, which takes their name and content; `has_columns` where they may be tables."""

    begins: bytes | Callable[[bytes], bool]
    read: Callable[[str, source.Content, _Asked], Examples]
    has_columns: bool = False

    def reads(self, head: bytes) -> bool:
        return self.begins(head) if callable(self.begins) else head.startswith(self.begins)


#: The first that accepts the content of a file reads it; what is none of the others is text.
FORMATS = (
    _Format(source.NUMPY, lambda name, content, _: arrays.npy(name, content)),
    _Format(b"PK", lambda name, content, asked: arrays.npz(name, bytes(content), asked.labelled, asked.card)),
    _Format(b"\0\0", lambda name, content, asked: idx.pixels(name, bytes(content), asked.card)),
    _Format(
        sound.is_sound,
        lambda name, content, asked: sounds.one(name, bytes(content), asked.hearing, asked.card),
    ),
    _Format(b"", lambda name, content, asked: _text(name, bytes(content), asked), True),
)
HEAD = 64  # bytes by which a format is told


def read(path: str | Path, columns: Columns = BY_NAME) -> tuple[Any, Any]:
    """Sequences and targets, as `train.fit` takes them; see `examples`. Raises DataError."""
    found = examples(path, columns)
    return found.x, found.y


def examples(
    path: str | Path,
    columns: Columns = BY_NAME,
    known: Known | None = None,
    kind: Kind | None = None,
    hearing: sounds.Hearing | None = None,
) -> Examples:
    """What a file of own data holds, or what else `source` reads, targets included.

    Args:
        path: .npz with the arrays X and y, and maybe lengths, groups and ids (see `arrays.npz`); a folder of sounds, see
            `sounds.read`; .ts as sktime and aeon have it; all else is a table of text, see `csv_series`.
        columns: what the columns of a table are; None of them: as they are usually called.
        known: who reads it, where it is not the data to train on.
        kind: of the targets.
        hearing: how a model hears sounds.

    Raises DataError naming the file.
    """
    if source.is_folder(path):
        refuse_columns(str(path), columns)
        return sounds.read(path, hearing)
    found = _read(path, _Asked(columns, known, kind, hearing))
    if found.y is None:
        raise DataError(
            f"{source.label(path)}: has no targets; expected a class or a value for each series, in .npz with X and y, CSV, "
            ".ts or a folder of sounds"
        )
    return found


def inputs(path: str | Path, card: Card, columns: Columns = BY_NAME) -> Examples:
    """What the source `path` (see `source`; `-`: stdin) holds for the model of this card: one sequence, several as an array
    or a list, or texts; with ids, where it has them.

    .npy, of which only what is used is read; .npz with X, and maybe lengths and ids; IDX, whose images become sequences of
    pixels; sound, which becomes what the model hears; else text: .ts or a table, see `csv_series`; for a model with a
    vocabulary a text per line; else numbers, one step per line. Raises DataError if it is none of them.
    """
    return _read(path, _Asked(columns, Known.of_model(card), None, sounds.hearing(card), False, card))


def parsed(
    name: str,
    text: str,
    columns: Columns = BY_NAME,
    *,
    labelled: bool = True,
    known: Known | None = None,
    kind: Kind | None = None,
) -> Examples:
    """What a text holds: that of a .ts file, told by its header, or a table. Raises DataError."""
    return _series(name, text, _Asked(columns, known, kind, labelled=labelled))


def _read(path: str | Path, asked: _Asked) -> Examples:
    content, name = source.content(path), source.label(path)
    head = bytes(content[:HEAD])
    form = next(form for form in FORMATS if form.reads(head))
    if not form.has_columns:
        refuse_columns(name, asked.columns)
    return form.read(name, content, asked)


def _text(name: str, content: bytes, asked: _Asked) -> Examples:
    text = source.text(name, content)
    card = asked.card
    if card is None or ts.is_ts(text) or _is_table(name, text, card, asked.columns):
        return _series(name, text, asked)
    refuse_columns(name, asked.columns)
    return (
        lines.texts(name, text) if card.preprocess.vocabulary is not None else lines.numbers(name, text, card)
    )


def _series(name: str, text: str, asked: _Asked) -> Examples:
    if re.match(r"(?:\s*%[^\n]*\n)*\s*@relation\b", text[:100_000], re.IGNORECASE):
        raise DataError(
            f"{name}: is ARFF, which is not read; the archive has the same data as .ts and as .tsv or .txt"
        )
    if ts.is_ts(text):
        refuse_columns(name, asked.columns)
        return ts.parse(name, text)
    return csv_series.parse(
        name, text, asked.columns, labelled=asked.labelled, known=asked.known, kind=asked.kind
    )


def _is_table(name: str, text: str, card: Card, columns: Columns) -> bool:
    """Whether a text is a table: by its name, since columns are named, or since the model was trained on series of one row
    each; without any of them by a first line that is not of numbers alone, unless the model reads texts."""
    if source.suffix(name) in (".csv", ".tsv") or columns != BY_NAME:
        return True
    if card.data is not None and card.data.form == "series":
        return True
    if source.suffix(name) == ".txt" or card.preprocess.vocabulary is not None:
        return False
    cells = re.split("[,;\t]", text.lstrip().split("\n", 1)[0])
    return len(cells) > 1 and not all(map(lines.is_number, cells))
