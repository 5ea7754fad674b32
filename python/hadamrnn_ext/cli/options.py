"""What several commands share: how a command is added, and the options that mean the same in all of them."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from ..disk import is_stdout
from ..model.inputs import MAX_THREADS, count, threads_of_environment

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

__all__ = [
    "Commands",
    "add_command",
    "add_data",
    "add_json",
    "add_threads",
    "beside",
    "print_json",
    "threads",
]


def add_command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], int], summary: str, examples: str
) -> argparse.ArgumentParser:
    """Adds a parser for `hadamrnn name`, with examples at the end of its --help, and returns it."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


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
