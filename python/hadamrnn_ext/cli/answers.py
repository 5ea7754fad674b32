"""A model's answers, one record per sequence, computed in batches and written for people, as CSV or as JSON lines."""

from __future__ import annotations

import csv
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import disk
from ..errors import InputError
from ..model import Model
from ..model.classify import finite
from .counter import counter

__all__ = ["FORMATS", "Answer", "answers", "format_of", "record", "write"]

BATCH = 1000  # sequences at a time
FORMATS = ("text", "csv", "jsonl")


class Answer(NamedTuple):
    """The answer to one sequence, and where the sequence comes from.

    `values` holds "logits" (o,), or "labels" and "probabilities" (top,). If the model answers at every step, T comes
    first in their shapes. `place` holds "file", if there are several, "sequence", the number of the sequence in its file, and
    "id", if it has one.
    """

    values: dict[str, NDArray[Any]]
    place: dict[str, str | int] = {}  # noqa: RUF012  never changed


def answers(
    model: Model,
    x: Any,
    *,
    top: int,
    logits: bool,
    num_threads: int | None,
    file: str | None = None,
    ids: Sequence[str] | None = None,
) -> Iterator[Answer]:
    """The answer to each sequence of `x`: a batch (B, ..), a list of any lengths, or a single sequence.

    All of them come from `file`, and `ids` are their names in it. If there are several batches, the number of sequences that are done
    is shown on stderr.
    """
    if isinstance(x, np.ndarray) and x.ndim == (2 if model.card.input == "features" else 1):
        x = x[None]
    several = isinstance(x, (np.ndarray, list)) and len(x) > BATCH
    show = counter("sequences", len(x)) if several else lambda done: None
    for start in range(0, len(x), BATCH):
        part, lengths = _batch(x[start : start + BATCH])
        try:
            if logits:
                y = model.infer(part, lengths, num_threads)
                columns = {"logits": finite(y, model.card.output == "all")}
            else:
                columns = model.classify(part, top, lengths=lengths, num_threads=num_threads)._asdict()
        except InputError as error:  # its positions count from the start of the batch
            raise InputError(f"counted from sequence {start} on, {error}" if start else str(error)) from None
        for i in range(len(part)):
            end = None if lengths is None or model.card.output != "all" else int(lengths[i])
            found = {name: values[i][:end] if end else values[i] for name, values in columns.items()}
            place: dict[str, str | int] = {} if file is None else {"file": file}
            if file is not None or ids is not None:
                place["sequence"] = start + i
            if ids is not None:
                place["id"] = ids[start + i]
            yield Answer(found, place)
        show(start + len(part))


def _batch(part: Any) -> tuple[Any, NDArray[np.int64] | None]:
    """A batch for `infer` and its lengths. The sequences of a list are padded to the length of the longest."""
    if not isinstance(part, list) or isinstance(part[0], str):
        return part, None
    lengths = np.array([len(sequence) for sequence in part])
    if (lengths == lengths[0]).all():
        return np.stack(part), None
    filled = np.zeros((len(part), int(lengths.max()), *part[0].shape[1:]), part[0].dtype)
    for row, sequence in zip(filled, part, strict=True):
        row[: len(sequence)] = sequence
    return filled, lengths


def format_of(path: str) -> str:
    """The format that the suffix of a file's name stands for. Raises InputError for other suffixes."""
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in FORMATS[1:]:
        raise InputError(
            f"{path}: cannot tell the format; expected a name that ends in .csv or .jsonl, or --format"
        )
    return suffix


def write(found: Iterable[Answer], form: str, path: str | None, *, live: bool = False) -> None:
    """Writes answers in the format `form`, to stdout as they come, or to the file `path`.

    The file appears once it is complete or, if `live`, grows as the answers come.
    """
    waiting = iter(found)
    begun = list(
        itertools.islice(waiting, 1)
    )  # before the file is made, so that refused input leaves no file
    found = itertools.chain(begun, waiting)
    with ExitStack() as stack:
        out: IO[Any] = sys.stdout
        if path is not None:
            out = stack.enter_context((disk.growing if live else disk.whole)(path, text=True))
        {"text": _text, "csv": _csv, "jsonl": _jsonl}[form](found, out)


def record(answer: Answer) -> dict[str, Any]:
    """The answer as a dict that JSON can hold."""
    return {**answer.place, **{name: values.tolist() for name, values in answer.values.items()}}


def _jsonl(found: Iterable[Answer], out: IO[Any]) -> None:
    for answer in found:
        json.dump(record(answer), out, allow_nan=False)
        out.write("\n")


def _csv(found: Iterable[Answer], out: IO[Any]) -> None:
    """A header, then one row per sequence, or one row per step if the model answers at every step."""
    rows = csv.writer(out, lineterminator="\n")
    for number, answer in enumerate(found):
        steps = _by_step(answer)
        place: dict[str, str | int] = answer.place or {"sequence": number}
        if number == 0:
            rows.writerow([*place, *["step"] * _at_every_step(answer), *_names(answer, len(steps[0][0]))])
        for step, values in enumerate(steps):
            cells = (cell for column in zip(*values, strict=True) for cell in column)
            rows.writerow([*place.values(), *[step] * _at_every_step(answer), *cells])


def _at_every_step(answer: Answer) -> bool:
    return next(iter(answer.values.values())).ndim > 1


def _names(answer: Answer, count: int) -> list[str]:
    singular = {"logits": "logit", "labels": "label", "probabilities": "probability"}
    first = 0 if "logits" in answer.values else 1
    return [f"{singular[name]}_{i + first}" for i in range(count) for name in answer.values]


def _text(found: Iterable[Answer], out: IO[Any]) -> None:
    """One line per sequence, with its file at the end.

    If the model answers at every step, there is one line per step, and an empty line after each sequence.
    """
    for answer in found:
        place = f"  {answer.place['file']}" if "file" in answer.place else ""
        for values in _by_step(answer):
            if "logits" in answer.values:
                cells = " ".join(f"{value:.9g}" for value in values[0])
            else:
                cells = "  ".join(f"{label} {share:.4f}" for label, share in zip(*values, strict=True))
            print(f"{cells}{place}", file=out)
        if _at_every_step(answer):
            print(file=out)


def _by_step(answer: Answer) -> list[list[list[Any]]]:
    """For each step, the columns of an answer as lists. An answer to a whole sequence counts as a single step."""
    columns = [values[None] if values.ndim == 1 else values for values in answer.values.values()]
    return [[column.tolist() for column in step] for step in zip(*columns, strict=True)]
