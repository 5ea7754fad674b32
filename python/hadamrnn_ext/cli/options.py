"""What several commands share: how a command is described, and the options that mean the same in all of them."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from ..disk import is_stdout
from ..model.inputs import MAX_THREADS, count, threads_of_environment

__all__ = [
    "add_data",
    "add_json",
    "add_threads",
    "beside",
    "describe",
    "print_json",
    "threads",
]


def describe(
    parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int], examples: str
) -> None:
    """Says what the command of this parser runs, and gives examples at the end of its --help."""
    parser.epilog = f"examples:\n{examples}"
    parser.set_defaults(run=run)


def positive(text: str) -> int:
    """argparse type: an integer of at least 1."""
    value = int(text)
    if value < 1:
        raise ValueError
    return value


positive.__name__ = "positive integer"  # what argparse calls it in its messages


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="folder of the data sets (default: $HADAMRNN_DATA, then the user's cache)",
    )
    parser.add_argument(
        "--no-verify",
        action="store_true",
        help="do not compare checksums, so that other files of the same format can be used",
    )


def add_threads(parser: argparse.ArgumentParser, note: str = "") -> None:
    parser.add_argument(
        "--threads",
        type=positive,
        metavar="N",
        help=f"number of threads (default: $HADAMRNN_NUM_THREADS, then all){note}",
    )


def threads(arguments: argparse.Namespace) -> int | None:
    """The number of threads from --threads, else from the environment, else None.

    Raises `InputError` for a number out of range.
    """
    given: int | None = arguments.threads
    return threads_of_environment() if given is None else count(given, "--threads", MAX_THREADS)


@contextlib.contextmanager
def beside(target: str | os.PathLike[str]) -> Iterator[None]:
    """Inside the block, prints go to stderr if `target`, which has been written, is stdout itself."""
    with contextlib.redirect_stdout(sys.stderr) if is_stdout(target) else contextlib.nullcontext():
        yield


def print_json(value: Any) -> None:
    """Prints a value as one line of JSON, with null in place of NaN and infinity, which JSON does not have."""
    json.dump(_numbers(value), sys.stdout, allow_nan=False)
    print()


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _numbers(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_numbers(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
