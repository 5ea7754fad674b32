"""`hadamrnn train custom --train FILE`: a model of own data; and the options that say how such files are read."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import Any

import numpy as np

from ..data import custom, files, sounds, source
from ..data.csv_dialect import DELIMITERS
from ..data.examples import Examples
from ..data.series import Series
from ..data.task import Task
from .effect import names, refuse

__all__ = [
    "add_columns",
    "add_custom",
    "add_meaning",
    "add_sounds",
    "columns",
    "shared_groups",
    "sound_variety",
    "train_on",
]

HELD_OUT = 0.2  # of the examples, for the test, where there is no file of their own


def add_custom(parser: argparse.ArgumentParser) -> tuple[str, ...]:
    """Adds the options of the preset custom, and returns their names."""
    group = parser.add_argument_group("own data", "of the preset custom")
    group.add_argument(
        "--train",
        metavar="FILE",
        help=".npz with X (N, T, d) or (N, T), y, and lengths of sequences filled up or one after another; or CSV, a series or a time step a row; or a folder of sound files, with a sub-folder for each class",
    )
    group.add_argument(
        "--test", metavar="FILE", help="of the same form (default: a fifth of --train is held out)"
    )
    group.add_argument(
        "--method",
        choices=("gradient", "closed_form"),
        default="gradient",
        help="gradient: learn all of the network; closed_form: draw it and solve for its readout, as `hadamrnn fit` does, in "
        "seconds, without torch, and with no test held out (default: gradient)",
    )
    add_columns(group)
    add_sounds(group)
    add_meaning(group, "each is in one split alone: validation and test are of others")
    group.add_argument(
        "--validation",
        type=float,
        default=custom.VALIDATION_SHARE,
        metavar="S",
        help=f"share of the training examples that chooses the epoch (default: {custom.VALIDATION_SHARE})",
    )
    return names(group)


def add_sounds(group: Any) -> None:
    """Adds the options of folders of sounds."""
    group.add_argument(
        "--noise",
        type=int,
        default=0,
        metavar="N",
        help="of a folder of sounds: N more copies of each, at other loudnesses and in white noise (default: 0)",
    )
    group.add_argument(
        "--silence",
        action="store_true",
        help="of a folder of sounds: adds a class silence, of faint noise alone",
    )
    group.add_argument(
        "--unknown",
        metavar="FOLDER",
        help="of a folder of sounds: adds a class unknown, of the sounds in this folder; long ones are cut into pieces",
    )


def sound_variety(arguments: argparse.Namespace, file: str) -> sounds.Variety:
    """What the command line adds to the sounds in `file`. Raises InputError if it adds to what is no folder of sounds."""
    if not source.is_folder(file):
        refuse(
            arguments,
            ("--noise", "--silence", "--unknown"),
            "it is for a folder of sounds, and the data are none",
        )
    return sounds.Variety(arguments.noise, arguments.silence, arguments.unknown, arguments.seed)


def add_meaning(group: Any, groups: str) -> None:
    """Adds the options that say what the numbers of training data mean; `groups` tells what is done by groups."""
    group.add_argument(
        "--group",
        metavar="COLUMN",
        help=f"of a table: people, devices or the like, of which {groups}",
    )
    group.add_argument(
        "--tokens",
        action=argparse.BooleanOptionalAction,
        help="integers (N, T) are tokens, or are numbers (default: tokens, if none is negative or above 65,535)",
    )
    group.add_argument(
        "--targets",
        choices=("classes", "values"),
        help="default: classes, and values where y has decimals",
    )
    group.add_argument("--no-normalize", action="store_true", help="leave the features in their scales")
    group.add_argument(
        "--balanced", action="store_true", help="weigh classes by the inverse of their frequency"
    )


def add_columns(group: Any) -> tuple[str, ...]:
    """Adds the options that say how files of own data are read, and returns their names."""
    group.add_argument(
        "--label",
        metavar="COLUMN",
        help="of a table: the target (default: label, class, target; of a table without header the first or last column)",
    )
    group.add_argument(
        "--id",
        metavar="COLUMN",
        help="of a table with a time step per row: the sequence (default: id, series, sequence)",
    )
    group.add_argument(
        "--time",
        metavar="COLUMN",
        help="of the same: the order of the steps (default: time, timestamp, date)",
    )
    group.add_argument(
        "--features",
        type=_names,
        metavar="COLUMNS",
        help="of a table: those to read, with commas between (default: all that are nothing else)",
    )
    group.add_argument(
        "--delimiter",
        type=_delimiter,
        metavar="D",
        help="of a table: comma, semicolon, tab, bar or space (default: as the file has it)",
    )
    group.add_argument(
        "--decimal", choices=(".", ","), help="of a table: the decimal mark (default: as the file has it)"
    )
    group.add_argument(
        "--impute",
        choices=("mean", "last"),
        help="missing values become the channel's mean or the last value (default: as in training, where they are refused "
        "unless this is given)",
    )
    return ("--label", "--id", "--time", "--features", "--delimiter", "--decimal", "--impute")


def columns(arguments: argparse.Namespace) -> files.Columns:
    """What the command line says of the columns of a table."""
    return files.Columns(
        arguments.label,
        arguments.id,
        arguments.time,
        getattr(arguments, "group", None),
        arguments.features,
        arguments.delimiter,
        arguments.decimal,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _delimiter(text: str) -> str:
    named = {name: mark for mark, name in DELIMITERS.items()} | {"\\t": "\t"}
    mark = named.get(text, text)
    if mark not in DELIMITERS:
        raise argparse.ArgumentTypeError(f"{text!r}; expected {', '.join(DELIMITERS.values())}")
    return mark


def train_on(arguments: argparse.Namespace) -> tuple[Task, custom.Options]:
    """The task of the files that a command line names; says how they are read."""
    options = custom.Options(
        arguments.tokens,
        arguments.targets,
        arguments.impute,
        not arguments.no_normalize,
        arguments.balanced,
        arguments.validation,
        HELD_OUT if arguments.test is None else 0.0,
    )
    asked, kind = columns(arguments), arguments.targets
    variety = sound_variety(arguments, arguments.train)
    train = files.examples(arguments.train, asked, kind=kind, variety=variety)
    test = None
    if arguments.test is not None:
        test = files.examples(arguments.test, asked, files.Known.of_training(train), kind)
    task = custom.task(train, test, options, arguments.seed)
    if source.is_folder(arguments.train):
        task = dataclasses.replace(task, settings=sounds.SETTINGS)
    said = [_describe(task), train.understood]
    if test is not None:
        said += [test.understood, *shared_groups(train, test)]
    print(*said, sep="\n", file=sys.stderr)
    return task, options


def shared_groups(train: Examples, test: Examples) -> list[str]:
    """What is to be said of groups that are trained on and tested."""
    if train.groups is None or test.groups is None:
        return []
    both = sorted({*map(str, train.groups)} & {*map(str, test.groups)})
    return [f"groups of the test that are trained on too: {', '.join(both)[:200]}"] if both else []


def _describe(task: Task) -> str:
    assert isinstance(task.train, Series)
    sizes = f"{len(task.train)} sequences to train on, {len(task.validation)} to validate, {len(task.test)} to test"
    what = (
        f"{task.input_size} {'feature' if task.input == 'features' else 'token'}{'s' * (task.input_size > 1)}"
    )
    if task.labels is None:
        answers = f"{task.output_size} value{'s' * (task.output_size > 1)}"
    else:
        counts = np.bincount(task.train.targets, minlength=len(task.labels))
        shares = [f"{label} {count}" for label, count in zip(task.labels, counts, strict=True)]
        answers = f"{len(shares)} classes: {', '.join(shares[:12])}{', ..' if len(shares) > 12 else ''}"
    note = f"; {task.note}" if task.note else ""
    return f"{sizes}; {what}, up to {task.length} steps; {answers}{note}"
