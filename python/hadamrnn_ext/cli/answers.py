"""Answers of a model, a record a sequence: computed in batches, and written for people, as CSV or as JSON lines."""

from __future__ import annotations

import csv
import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from ..classify import finite
from ..errors import InputError
from ..model import Model
from .counter import counter

__all__ = ["FORMATS", "Answer", "answers", "format_of", "write"]

BATCH = 1000  # sequences at a time
FORMATS = ("text", "csv", "jsonl")
#: "logits", or "labels" and "probabilities": (o,) or (top,), with all outputs (T, ..).
Answer = dict[str, NDArray[Any]]


def answers(model: Model, x: Any, *, top: int, logits: bool, num_threads: int | None) -> Iterator[Answer]:
    """The answer to each sequence of a batch (B, ..), of a list of any lengths, or to a single one.

    Shows how many are done where there are several batches and somebody watches.
    """
    if isinstance(x, np.ndarray) and x.ndim == (2 if model.card.input == "features" else 1):
        x = x[None]
    several = isinstance(x, (np.ndarray, list)) and len(x) > BATCH
    show = counter("sequences", len(x)) if several else lambda done: None
    for start in range(0, len(x), BATCH):
        part, lengths = _batch(x[start : start + BATCH])
        try:
            if logits:
                found = model.infer(part, lengths, num_threads)
                columns: Answer = {"logits": finite(found, model.card.output == "all")}
            else:
                columns = model.classify(part, top, lengths=lengths, num_threads=num_threads)._asdict()
        except InputError as error:  # it counts from the beginning of the batch
            raise InputError(f"counted from sequence {start} on, {error}" if start else str(error)) from None
        for i in range(len(part)):
            end = None if lengths is None or model.card.output != "all" else int(lengths[i])
            yield {name: values[i][:end] if end else values[i] for name, values in columns.items()}
        show(start + len(part))


def _batch(part: Any) -> tuple[Any, NDArray[np.int64] | None]:
    """A batch to infer and its lengths: sequences of a list are filled up to the longest of them."""
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
    """The format that a file's name asks for. Raises InputError."""
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in FORMATS[1:]:
        raise InputError(f"{path}: cannot tell the format; expected a name that ends in .csv or .jsonl")
    return suffix


def write(found: Iterable[Answer], form: str, path: str | None) -> None:
    """Writes answers as `form` to the file `path`, or to stdout, as they come."""
    waiting = iter(found)
    begun = list(itertools.islice(waiting, 1))  # before a file is made: input that is refused leaves none
    found = itertools.chain(begun, waiting)
    with ExitStack() as stack:
        out: TextIO = sys.stdout
        if path is not None:
            out = stack.enter_context(Path(path).open("w", newline="", encoding="utf-8"))
        {"text": _text, "csv": _csv, "jsonl": _jsonl}[form](found, out)


def _jsonl(found: Iterable[Answer], out: TextIO) -> None:
    for answer in found:
        json.dump({name: values.tolist() for name, values in answer.items()}, out, allow_nan=False)
        out.write("\n")


def _csv(found: Iterable[Answer], out: TextIO) -> None:
    """A row a sequence, or with all outputs a row a step, after a header."""
    rows = csv.writer(out, lineterminator="\n")
    for number, answer in enumerate(found):
        steps = _by_step(answer)
        columns = _names(answer, steps)
        if number == 0:
            rows.writerow(columns)
        for step, values in enumerate(steps):
            place = [number, step] if "step" in columns else [number]
            rows.writerow([*place, *(cell for column in zip(*values, strict=True) for cell in column)])


def _names(answer: Answer, steps: list[list[list[Any]]]) -> list[str]:
    place = ["sequence", "step"] if next(iter(answer.values())).ndim > 1 else ["sequence"]
    singular = {"logits": "logit", "labels": "label", "probabilities": "probability"}
    count = len(steps[0][0])
    first = 0 if "logits" in answer else 1
    return place + [f"{singular[name]}_{i + first}" for i in range(count) for name in answer]


def _text(found: Iterable[Answer], out: TextIO) -> None:
    """A line a sequence; with all outputs a line a step and an empty line after each sequence."""
    for answer in found:
        for values in _by_step(answer):
            if "logits" in answer:
                print(*(f"{value:.9g}" for value in values[0]), file=out)
            else:
                pairs = zip(*values, strict=True)
                print("  ".join(f"{label} {share:.4f}" for label, share in pairs), file=out)
        if next(iter(answer.values())).ndim > 1:
            print(file=out)


def _by_step(answer: Answer) -> list[list[list[Any]]]:
    """For each step the columns of an answer, each a list; a single step where there is one answer a sequence."""
    columns = [values[None] if values.ndim == 1 else values for values in answer.values()]
    return [[column.tolist() for column in step] for step in zip(*columns, strict=True)]
