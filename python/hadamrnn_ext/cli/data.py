"""`hadamrnn data [NAME]`: which data sets are there, and download of one into the user's cache."""

from __future__ import annotations

import argparse
import sys

from ..data import mnist
from ..errors import DataError
from .options import Commands, add_command

EXAMPLES = """\
  hadamrnn data                  what is found, and where
  hadamrnn data mnist            download the digits, with checksums, unless they are in the cache
"""

DATASETS = {"mnist": mnist}


def add(commands: Commands) -> None:
    parser = add_command(commands, "data", run, "show which data sets are found, or download one", EXAMPLES)
    parser.add_argument(
        "name", nargs="?", choices=tuple(DATASETS), help="data set to download into the user's cache"
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.name is None:
        for name, dataset in DATASETS.items():
            try:
                print(f"{name}: {dataset.locate()}")
            except DataError as error:
                print(f"{name}: {error}")
    else:
        print(DATASETS[arguments.name].download(_show))
    return 0


def _show(name: str, received: int, total: int | None) -> None:
    if sys.stderr.isatty():
        end = "\n" if received == total else ""
        print(f"\r{name}: {received / 1e6:.1f} MB", end=end, file=sys.stderr, flush=True)
