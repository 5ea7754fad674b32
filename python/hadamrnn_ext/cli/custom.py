"""`hadamrnn train custom --train FILE`: a model of own data; and the options that say how such files are read."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np

from ..data import custom, own
from ..data.task import Task
from ..errors import InputError
from .effect import names

__all__ = ["add_columns", "add_custom", "columns", "train_on"]

HELD_OUT = 0.2  # of the examples, for the test, where there is no file of their own


def add_custom(parser: argparse.ArgumentParser) -> tuple[str, ...]:
    """Adds the options of the preset custom, and returns their names."""
    group = parser.add_argument_group("own data", "of the preset custom")
    group.add_argument(
        "--train",
        metavar="FILE",
        help=".npz with X (N, T, d) or (N, T), y, and lengths of sequences filled up or one after another; or CSV, a series or a time step a row",
    )
    group.add_argument(
        "--test", metavar="FILE", help="of the same form (default: a fifth of --train is held out)"
    )
    add_columns(group)
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
    group.add_argument(
        "--validation",
        type=float,
        default=custom.VALIDATION_SHARE,
        metavar="S",
        help=f"share of the training examples that chooses the epoch (default: {custom.VALIDATION_SHARE})",
    )
    return names(group)


def add_columns(group: Any) -> tuple[str, ...]:
    """Adds the options that say how files of own data are read, and returns their names."""
    group.add_argument(
        "--label", metavar="COLUMN", help="of CSV: the target (default: label, class, target, y, or the last)"
    )
    group.add_argument(
        "--id", metavar="COLUMN", help="of CSV with a time step a row: the sequence (default: id)"
    )
    group.add_argument("--time", metavar="COLUMN", help="of the same: the order of the steps (default: time)")
    group.add_argument(
        "--impute",
        choices=("mean", "last"),
        help="missing values become the channel's mean or the last value (default: they are refused)",
    )
    return ("--label", "--id", "--time", "--impute")


def columns(arguments: argparse.Namespace) -> own.Columns:
    return own.Columns(arguments.label, arguments.id, arguments.time)


def train_on(arguments: argparse.Namespace) -> tuple[Task, custom.Options]:
    """The task of the files that a command line names. Raises InputError without --train."""
    if arguments.train is None:
        raise InputError("the preset custom needs --train FILE, .npz with X and y or CSV")
    options = custom.Options(
        arguments.tokens,
        arguments.targets,
        arguments.impute,
        not arguments.no_normalize,
        arguments.balanced,
        arguments.validation,
    )
    known = own.read(arguments.train, columns(arguments))
    if arguments.test is not None:
        test = own.read(arguments.test, columns(arguments))
    else:
        known, test = custom.held_out(known, options, HELD_OUT, arguments.seed)
    task = custom.task(known, test, options, arguments.seed)
    print(_describe(task), file=sys.stderr)
    return task, options


def _describe(task: Task) -> str:
    sizes = f"{len(task.train)} sequences to train on, {len(task.validation)} to validate, {len(task.test)} to test"
    what = (
        f"{task.input_size} {'feature' if task.input == 'features' else 'token'}{'s' * (task.input_size > 1)}"
    )
    if task.labels is None:
        answers = f"{task.output_size} value{'s' * (task.output_size > 1)}"
    else:
        counts = np.bincount(task.train.batch(slice(None))[1], minlength=len(task.labels))
        shares = [f"{label} {count}" for label, count in zip(task.labels, counts, strict=True)]
        answers = f"{len(shares)} classes: {', '.join(shares[:12])}{', ..' if len(shares) > 12 else ''}"
    return f"{sizes}; {what}, up to {task.length} steps; {answers}"
