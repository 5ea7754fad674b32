"""`hadamrnn data [NAME]` shows which data sets are found and where to get the others. It downloads MNIST."""

from __future__ import annotations

import argparse
import sys

from ..data import mnist
from ..data.tasks import DATASETS
from ..errors import DataError
from .options import add_json, describe, print_json

EXAMPLES = """\
  hadamrnn data                  show what is found, and where
  hadamrnn data mnist            download the digits and check them, unless they are in the cache
  hadamrnn data imdb             show where the reviews are, or where to get them
"""

DOWNLOADS = {"mnist": mnist.download}


def add(parser: argparse.ArgumentParser) -> None:
    describe(parser, run, EXAMPLES)
    parser.add_argument(
        "name",
        nargs="?",
        choices=tuple(DATASETS),
        help="data set to find; mnist is downloaded if it is not there",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.json:
        if arguments.name in DOWNLOADS:
            DOWNLOADS[arguments.name](_show)
        names = DATASETS if arguments.name is None else [arguments.name]
        print_json({name: place(name) for name in names})
    elif arguments.name is None:
        for name, dataset in DATASETS.items():
            try:
                print(f"{name}: {dataset.locate()}")
            except DataError as error:
                print(f"{name}: {error}")
    elif arguments.name in DOWNLOADS:
        print(DOWNLOADS[arguments.name](_show))
    else:
        print(DATASETS[arguments.name].locate())
    return 0


def place(name: str) -> str | None:
    """The folder of a data set, or None if it is not found."""
    try:
        return str(DATASETS[name].locate())
    except DataError:
        return None


def _show(name: str, received: int, total: int | None) -> None:
    if sys.stderr.isatty():
        end = "\n" if received == total else ""
        print(f"\r{name}: {received / 1e6:.1f} MB", end=end, file=sys.stderr, flush=True)
