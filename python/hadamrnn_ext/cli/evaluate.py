"""`hadamrnn eval MODEL`: the scores of a model on the data of its task, by the kernels that users run."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from functools import partial
from typing import Any, NamedTuple

from .. import zoo
from ..data import custom, files, sounds, tasks
from ..data.confusion import Confusion
from ..data.targets import Kind
from ..data.task import EVALUATION_BATCH, Split, Task, evaluate
from ..errors import InputError
from ..model import Model
from .counter import counter, waiting
from .custom import add_columns, columns
from .effect import Idle, refuse
from .options import add_data, add_json, add_threads, describe, print_json, threads

EXAMPLES = """\
  hadamrnn eval smnist                               a bundled model on the 10,000 test digits
  hadamrnn eval runs/copy-0/model.safetensors --json
  hadamrnn eval runs/custom-0/model.safetensors --test test.npz
"""
STEPS = 1_000_000  # of all sequences of a batch: about a second of work


def add(parser: argparse.ArgumentParser) -> None:
    describe(parser, run, EXAMPLES)
    parser.add_argument("model", help="name of a bundled model, or a model file")
    parser.add_argument("--task", choices=tasks.NAMES, help="default: the one that the model's card names")
    parser.add_argument("--split", choices=("test", "validation"), default="test", help="default: test")
    parser.add_argument(
        "--length", type=int, metavar="T", help="steps of a sequence, where they are generated"
    )
    parser.add_argument("--kernel", default="auto", help="default: auto")
    own_data = parser.add_argument_group("own data")
    own_data.add_argument(
        "--test",
        metavar="FILE",
        help="score on this file instead: .npz with X and y, CSV, or a folder of sounds",
    )
    reading = add_columns(own_data)
    add_data(parser)
    add_threads(parser)
    add_json(parser)
    parser.set_defaults(
        idle=(
            Idle(reading, lambda given: given.test is None, "it is for the file that --test names"),
            Idle(
                ("--task", "--split", "--length", "--data", "--no-verify"),
                lambda given: given.test is not None,
                "--test names the data to score on",
            ),
        )
    )


def run(arguments: argparse.Namespace) -> int:
    model = zoo.load(arguments.model, arguments.kernel)
    if model.card.input == "tokens":
        refuse(arguments, ("--impute",), "it is for features, and the model reads tokens")
    if arguments.test is not None:
        task = of_own(model, arguments.test, arguments)
    else:
        task = task_of(model, arguments.task, arguments.length, arguments.data, not arguments.no_verify)
        if task.name in tasks.GENERATED:
            refuse(arguments, ("--data", "--no-verify"), f"{task.name} makes its own data")
    if model.card.preprocess.vocabulary != task.preprocess.vocabulary:
        raise InputError(
            f"{arguments.model} reads another vocabulary than that of {task.name}'s training texts"
        )
    split = getattr(task, arguments.split)
    start = time.perf_counter()
    scores, confusion = score(model, task, split, threads(arguments))
    seconds = time.perf_counter() - start
    result: dict[str, Any] = {
        "model": arguments.model,
        "task": task.name,
        "split": arguments.split,
        "examples": len(split),
        **scores,
        "kernel": model.kernel,
        "isa": model.isa,
        "seconds": round(seconds, 3),
    }
    if confusion is not None:
        result |= {"classes": confusion.rows(), "confusion": confusion.counts.tolist()}
    if arguments.json:
        print_json(result)
    else:
        text = "  ".join(f"{name} {value:.4f}" for name, value in scores.items())
        print(f"{task.name} {arguments.split}: {text}  ({len(split)} sequences, {seconds:.1f} s)")
        if confusion is not None:
            print("", *confusion.lines(), sep="\n")
    return 0


class Scored(NamedTuple):
    scores: dict[str, float]
    confusion: Confusion | None  # of classes


def score(model: Model, task: Task, split: Split, num_threads: int | None) -> Scored:
    """The scores of a model on a split of a task; says on stderr how far it is."""
    confusion = None
    if task.labels is not None and model.card.output_size == task.output_size:
        confusion = Confusion(task.labels)
        task = dataclasses.replace(task, scores=confusion.watching(task.scores))
    infer = partial(model.infer, num_threads=num_threads)
    size = max(1, min(EVALUATION_BATCH, STEPS // task.length))
    show = counter("scored", len(split))
    return Scored(evaluate(infer, task, split, raw=True, batch_size=size, progress=show), confusion)


def of_own(model: Model, file: str, arguments: argparse.Namespace) -> Task:
    """The task whose test split is a file of own data, or a folder of sounds, read as the model reads it."""
    card = model.card
    kind: Kind = "values" if card.labels is None else "classes"
    found = files.examples(
        file, columns(arguments), files.Known.of_model(card), kind, sounds.hearing(card), card.output == "all"
    )
    print(found.understood, file=sys.stderr)
    return custom.of_model(card, found, arguments.impute)


def task_of(model: Model, name: str | None, length: int | None, directory: str | None, verify: bool) -> Task:
    """The task to score a model on: `name`, and sequences of `length`, or as the card says. For `directory` and `verify`
    see `tasks.load`.

    Raises `InputError` if neither names a task.
    """
    training = model.card.training
    name = name or (None if training is None else training.task)
    if name == custom.NAME:
        raise InputError("this is a model of own data: say which to score it on with --test FILE")
    if name is None:
        raise InputError("the model's card names no task: say which with --task")
    trained = training.settings if training is not None and training.task == name else {}
    if length is None and "length" in trained:
        length = int(trained["length"])
    tokenizer = str(trained["tokenizer"]) if "tokenizer" in trained else None
    with waiting(f"reading the data of {name}"):
        return tasks.load(name, directory, verify=verify, length=length, tokenizer=tokenizer)
