"""Files of sequences, for training or for a model to answer: a table of formats, which are told by how a file begins.

A file of another format needs a reader and one line in `FORMATS`.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import DataError
from ..file.card import Card
from . import arrays, csv_series, idx, sound, sounds, source, ts
from .columns import BY_NAME, Columns, Known, Request, refuse_columns
from .examples import Examples
from .places import Places
from .targets import Kind

__all__ = ["Columns", "Known", "examples", "inputs", "parsed", "read"]


class _Format(NamedTuple):
    """How files of a format begin, their reader, and whether they may be tables, which have columns."""

    begins: bytes | Callable[[bytes], bool]
    read: Callable[[str, source.Content, Request], Examples]
    has_columns: bool = False

    def reads(self, head: bytes) -> bool:
        return self.begins(head) if callable(self.begins) else head.startswith(self.begins)


#: The first format that accepts the content of a file reads it. The last one, text, accepts everything.
FORMATS = (
    _Format(source.NUMPY, lambda name, content, _: arrays.npy(name, content)),
    _Format(b"PK", lambda name, content, asked: _npz(name, bytes(content), asked)),
    _Format(b"\0\0", lambda name, content, asked: idx.pixels(name, bytes(content), asked.card)),
    _Format(
        sound.is_sound,
        lambda name, content, asked: sounds.one(name, bytes(content), asked.hearing, asked.card),
    ),
    _Format(b"", lambda name, content, asked: _text(name, bytes(content), asked), True),
)
HEAD = 64  # bytes that tell the format


def read(path: str | Path, columns: Columns = BY_NAME) -> tuple[Any, Any]:
    """Sequences and targets, as `train.fit` takes them; see `examples`. Raises DataError.

    Examples:
        >>> from hadamrnn_ext.data import files
        >>> np.savez("train.npz", X=np.zeros((4, 10, 3)), y=[0, 1, 0, 1])
        >>> x, y = files.read("train.npz")
        >>> x.shape, y.tolist()
        ((4, 10, 3), [0, 1, 0, 1])
    """
    found = examples(path, columns)
    return found.x, found.y


def examples(
    path: str | Path,
    columns: Columns = BY_NAME,
    known: Known | None = None,
    kind: Kind | None = None,
    hearing: sounds.Hearing | None = None,
    every_step: bool = False,
    variety: sounds.Variety = sounds.Variety(),  # noqa: B008
) -> Examples:
    """The sequences in a file or another `source`, with their targets.

    Args:
        path: .npz with the arrays X and y, and maybe lengths, groups and ids (see `arrays.npz`); a folder of sounds, see
            `sounds.read`; .ts as sktime and aeon write it; anything else is read as a table of text, see `csv_series`.
        columns: the columns of a table; those that are None are found by their usual names.
        known: what the reader expects of the file; None for data to train on.
        kind: of the targets.
        hearing: how the model hears sounds.
        every_step: whether the file has a target for every step, which a table with a time step per row or .npz can hold.
        variety: what is added to the sounds of a folder.

    Raises DataError naming the file.

    Examples:
        >>> from hadamrnn_ext.data import files
        >>> np.savez("train.npz", X=np.zeros((4, 10, 3)), y=[0, 1, 0, 1], groups=["ann", "ann", "ben", "ben"])
        >>> files.examples("train.npz").groups.tolist()
        ['ann', 'ann', 'ben', 'ben']
    """
    request = Request(columns, known, kind, hearing, every_step=every_step)
    if source.is_folder(path):
        request.once(str(path), "a file of sound")
        refuse_columns(str(path), columns)
        return sounds.read(path, hearing, variety)
    found = _read(path, request)
    if found.y is None:
        raise DataError(
            f"{source.label(path)}: has no targets; expected a class or a value for each series, in .npz with X and y, CSV, "
            ".ts or a folder of sounds"
        )
    return found


def inputs(path: str | Path, card: Card, columns: Columns = BY_NAME) -> Examples:
    """The input for the model with this card in a `source` (`-` is stdin): one sequence, several as an array or a list,
    or texts, and their ids if the file has them.

    The formats are .npy, where only the part that is used is read; .npz with X, and maybe lengths and ids; IDX, whose
    images become sequences of pixels; sound, which becomes what the model hears; and text. A text is .ts or a table, see
    `csv_series`; otherwise it holds a text per line for a model with a vocabulary, and the numbers of a step per line for
    any other. Raises DataError if it is none of these.

    Examples:
        >>> from hadamrnn_ext.data import files
        >>> np.save("windows.npy", hr.zoo.samples("har6")[0])
        >>> found = files.inputs("windows.npy", hr.load("har6").card)
        >>> hr.load("har6").classify(found.x).labels[:, 0].tolist()
        ['walking', 'sitting', 'standing', 'laying']
    """
    return _read(path, Request(columns, Known.of_model(card), None, sounds.hearing(card), False, card))


def parsed(
    name: str,
    text: str,
    columns: Columns = BY_NAME,
    *,
    labelled: bool = True,
    known: Known | None = None,
    kind: Kind | None = None,
) -> Examples:
    """The sequences in a text: of a .ts file, which its header tells, or of a table. Raises DataError.

    Examples:
        >>> from hadamrnn_ext.data import files
        >>> found = files.parsed("walks", "label,0,1,2\\nwalk,0.1,0.4,0.2\\nrun,1.4,0.2,1.9\\n")
        >>> np.shape(found.x), list(map(str, found.y))
        ((2, 3), ['walk', 'run'])
    """
    return _series(name, text, Request(columns, known, kind, labelled=labelled))


def _read(path: str | Path, request: Request) -> Examples:
    content, name = source.content(path), source.label(path)
    head = bytes(content[:HEAD])
    form = next(form for form in FORMATS if form.reads(head))
    if not form.has_columns:
        refuse_columns(name, request.columns)
    return form.read(name, content, request)


def _npz(name: str, content: bytes, request: Request) -> Examples:
    return arrays.npz(name, content, request.labelled, request.card, request.every_step)


def _text(name: str, content: bytes, request: Request) -> Examples:
    text, card = source.text(name, content), request.card
    if card is None or ts.is_ts(text) or _is_table(name, text, card, request.columns):
        return _series(name, text, request)
    refuse_columns(name, request.columns)
    return _lines(name, text) if card.preprocess.vocabulary is not None else _numbers(name, text, card)


def _series(name: str, text: str, request: Request) -> Examples:
    if re.match(r"(?:\s*%[^\n]*\n)*\s*@relation\b", text[:100_000], re.IGNORECASE):
        raise DataError(
            f"{name}: is ARFF, which is not read; the archive has the same data as .ts and as .tsv or .txt"
        )
    if ts.is_ts(text):
        refuse_columns(name, request.columns)
        request.once(name, "a series of .ts")
        return ts.parse(name, text)
    return csv_series.parse(name, text, request)


def _is_table(name: str, text: str, card: Card, columns: Columns) -> bool:
    """Whether a text is a table: by its name, because columns are named, or because the model was trained on one series per
    row. Otherwise it is one if its first line is not all numbers, unless the model reads texts."""
    if source.suffix(name) in (".csv", ".tsv") or columns != BY_NAME:
        return True
    if card.data is not None and card.data.form == "series":
        return True
    if source.suffix(name) == ".txt" or card.preprocess.vocabulary is not None:
        return False
    cells = re.split("[,;\t]", text.lstrip().split("\n", 1)[0])
    return len(cells) > 1 and not all(map(_is_number, cells))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _lines(name: str, text: str) -> Examples:
    """One text per line; only the end of the file may have empty lines."""
    lines = text.rstrip().split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise DataError(f"{name}, line {number}: is empty; expected a text on every line")
    return Examples(lines)


def _numbers(name: str, text: str, card: Card) -> Examples:
    """One sequence, whose lines are the d features of a step, (T, d) float64, or tokens, (T,) int64."""
    features = card.input == "features"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about empty input, which `infer` refuses with a better message
            lines = io.StringIO(text.replace(",", " "))
            array = np.loadtxt(lines, dtype=np.float64 if features else np.int64, ndmin=2)
    except ValueError as error:
        raise DataError(f"{name}: not .npy, not IDX, not sound, and not numbers as text ({error})") from None
    return Examples(array if features else array.reshape(-1), places=Places(name))
