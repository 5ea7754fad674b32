"""`hadamrnn plot spectrum|reading MODEL` draws a picture of a model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import disk, plots, zoo
from ..data.inputs import load
from ..errors import InputError
from ..model import Model
from .custom import add_columns, columns
from .effect import Idle, refuse
from .options import beside, describe

EXAMPLES = """\
  hadamrnn plot spectrum smnist --out spectrum.png   the signs, and the eigenvalues on the unit circle
  hadamrnn plot reading smnist --out reading.svg     the probabilities of the classes after every step of a digit
  hadamrnn plot reading sst2 --text "a dull beginning and a wonderful end" --out reading.png
"""


def add(parser: argparse.ArgumentParser) -> None:
    describe(parser, run, EXAMPLES)
    parser.add_argument("what", choices=("spectrum", "reading"))
    parser.add_argument("model", help="name of a bundled model, or a model file")
    parser.add_argument(
        "file",
        nargs="?",
        help="reading: a file of sequences, as for `infer` (default: the model's samples)",
    )
    parser.add_argument("--text", help="reading: a text, for models with a vocabulary")
    parser.add_argument(
        "--number",
        type=int,
        default=0,
        metavar="I",
        help="reading: number of the sequence in the file or among the samples, counted from 0 (default: 0)",
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="picture to write: .png, .svg or .pdf")
    reading = add_columns(parser.add_argument_group("CSV and missing values"))
    parser.set_defaults(
        idle=(
            Idle(reading, lambda given: given.file is None, "it is for a file that is read"),
            Idle(
                ("file", "--text", "--number"),
                lambda given: given.what == "spectrum",
                "the spectrum is that of the model; `plot reading` reads a sequence",
            ),
            Idle(
                ("file", "--number"), lambda given: given.text is not None, "--text is the sequence to read"
            ),
        )
    )


def run(arguments: argparse.Namespace) -> int:
    out = Path(arguments.out)
    disk.picture_kind(out)  # before anything is read or drawn
    disk.check(out, arguments.model, arguments.file)
    model = zoo.load(arguments.model)
    figure = (
        plots.spectrum(model)
        if arguments.what == "spectrum"
        else plots.reading(model, *_sequence(arguments, model))
    )
    disk.write_picture(out, figure)
    with beside(out):
        print(out)
    return 0


def _sequence(arguments: argparse.Namespace, model: Model) -> tuple[NDArray[Any] | str, str | None]:
    """The sequence to read, and the right answer if it is known."""
    if arguments.text is not None:
        return arguments.text, None
    truths = None
    if arguments.file is None:
        sequences, truths = zoo.samples(arguments.model)
    else:
        if model.card.input == "tokens":
            refuse(arguments, ("--impute",), "it is for features, and the model reads tokens")
        found = load(arguments.file, model.card, columns(arguments), arguments.impute)
        if found.understood:
            print(found.understood, file=sys.stderr)
        sequences = found.x
        single = 1 if model.card.input == "tokens" else 2
        if isinstance(sequences, np.ndarray) and sequences.ndim == single:
            sequences = sequences[None]
    if not 0 <= arguments.number < len(sequences):
        raise InputError(f"--number is {arguments.number}; expected 0 to {len(sequences) - 1}")
    labels = model.card.labels
    truth = None if truths is None or truths.ndim > 1 else int(truths[arguments.number])
    return sequences[arguments.number], None if truth is None else labels[truth] if labels else str(truth)
