"""`hadamrnn fit FILE`: a model of own data in closed form, in seconds and without torch."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from .. import disk
from ..closed_form.fitting import fit_examples
from ..closed_form.options import Options
from ..closed_form.report import Report
from ..closed_form.steps import as_many_as_steps
from ..data import custom, files, source
from ..data.examples import Examples
from ..data.series import sequences
from ..data.sounds import SETTINGS, Variety
from ..data.texts import is_texts
from ..errors import InputError
from .counter import stages, waiting
from .custom import add_columns, add_meaning, add_sounds, columns, shared_groups, sound_variety
from .effect import Idle, refuse
from .evaluate import Scored, score
from .options import add_json, add_threads, beside, describe, positive, print_json, threads

EXAMPLES = """\
  hadamrnn fit train.csv --test test.csv --out model.safetensors
  hadamrnn fit walks.csv --id walk --label who --group person --impute last
  hadamrnn fit train.npz --max-bytes 4096 --seed 1 --json
  hadamrnn fit train.npz --state-bits 8              an integer model, fitted to what the integers compute
"""


def add(parser: argparse.ArgumentParser) -> None:
    describe(parser, run, EXAMPLES)
    parser.add_argument(
        "file",
        help=".npz with X and y, CSV, .ts, or a folder of sounds: as of `hadamrnn train custom --train`",
    )
    parser.add_argument("--test", metavar="FILE", help="of the same form: the finished model is scored on it")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("model.safetensors"),
        metavar="FILE",
        help="the model (default: model.safetensors)",
    )
    parser.add_argument(
        "--max-bytes",
        type=positive,
        metavar="N",
        help="of the model: the network is the largest that fits (default: 16384, and of texts 262144)",
    )
    parser.add_argument(
        "--hidden-size", type=positive, metavar="N", help="units, a power of two, whatever the bytes"
    )
    parser.add_argument(
        "--state-bits",
        type=int,
        metavar="{8..16}",
        help="make an integer model with so many bits of state (default: a float model)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn (default: 0)")
    parser.add_argument(
        "--every-step",
        action=argparse.BooleanOptionalAction,
        help="there is a target for every step, in a table with a time step per row or in .npz, and the model answers at every "
        "step (default: one for each sequence)",
    )
    add_columns(parser)
    add_sounds(parser)
    add_meaning(parser, "those that a model has not seen choose it")
    add_threads(parser)
    add_json(parser)
    parser.set_defaults(
        idle=(
            Idle(
                ("--max-bytes",),
                lambda given: given.hidden_size is not None,
                "--hidden-size says how large the network is",
            ),
        )
    )


def run(arguments: argparse.Namespace) -> int:
    return fit_file(arguments, arguments.file, arguments.out, arguments.max_bytes, arguments.every_step)


def fit_file(
    arguments: argparse.Namespace,
    file: str,
    out: Path,
    max_bytes: int | None = None,
    every_step: bool | None = None,
) -> int:
    """Fits a model of the `file` and writes it to `out`; the rest is as of the options of `hadamrnn fit`."""
    disk.check(out, file, arguments.test)
    options = Options(
        max_bytes=max_bytes,
        hidden_size=getattr(arguments, "hidden_size", None),
        seed=arguments.seed,
        kind=arguments.targets,
        tokens=arguments.tokens,
        impute=arguments.impute,
        normalize=not arguments.no_normalize,
        balanced=arguments.balanced,
        num_threads=threads(arguments),
        every_step=bool(every_step),
        state_bits=getattr(arguments, "state_bits", None),
    ).checked()
    train, test = read(arguments, file, options)
    if every_step is None:
        refuse_steps(train)
    if test is not None:
        check_test(train, test, options)
    with stages() as progress:
        settings = SETTINGS if source.is_folder(file) else {}
        model, report = fit_examples(train, options._replace(progress=progress), settings)
    if model.card.input == "tokens":
        refuse(arguments, ("--impute", "--no-normalize"), "it is for features, and the sequences are tokens")
    if model.card.preprocess.vocabulary is not None:
        refuse(arguments, ("--tokens",), "the sequences are texts, whose words are the tokens")
    model.save(out)  # before anything that may fail yet
    scored = None
    if test is not None:
        task = custom.of_model(model.card, test, options.impute)
        scored = score(model, task, task.test, options.num_threads)
    with beside(out):
        if arguments.json:
            found = {"model": str(out), **report.as_dict()}
            print_json(found if scored is None else found | {"test": scored.scores})
        else:
            tell(out, report, scored)
    return 0


def read(arguments: argparse.Namespace, file: str, options: Options) -> tuple[Examples, Examples | None]:
    """The `file` and that of the test; says how they are read."""
    train = _examples(arguments, file, options, variety=sound_variety(arguments, file))
    print(train.understood, file=sys.stderr)
    if arguments.test is None:
        return train, None
    test = _examples(arguments, arguments.test, options, files.Known.of_training(train))
    print(test.understood, *shared_groups(train, test), sep="\n", file=sys.stderr)
    return train, test


def _examples(
    arguments: argparse.Namespace,
    file: str,
    options: Options,
    known: files.Known | None = None,
    variety: Variety = Variety(),  # noqa: B008
) -> Examples:
    steps = bool(options.every_step)
    with waiting(f"reading {file}"):
        return files.examples(
            file, columns(arguments), known, options.kind, every_step=steps, variety=variety
        )


def refuse_steps(train: Examples) -> None:
    """Raises InputError for what may be a target for every step, where nobody has said what it is."""
    y = np.asarray(train.y)
    if is_texts(train.x):
        return
    lengths = sequences(train.x, train.places).lengths
    if len(y) != len(lengths) and len(y) == lengths.sum():
        raise InputError(
            f"{train.y_places.name} has shape {y.shape}, a target for each step of {len(lengths)} sequences; expected "
            "--every-step of hadamrnn fit, which says so, or one for each sequence"
        )
    if as_many_as_steps(y, lengths):
        raise InputError(
            f"{train.y_places.name} has shape {y.shape}, a target for each of {y.shape[1]} steps, or as many values of each "
            "sequence; expected --every-step or --no-every-step of hadamrnn fit, which say what they are"
        )


def check_test(train: Examples, test: Examples, options: Options) -> None:
    """Raises ShapeError or InputError for a test that no model of these training data can be scored on."""
    how = custom.Options(options.tokens, options.kind, options.impute, options.normalize, validation=0.0)
    if options.every_step:
        custom.check_steps(train, test, how)
    else:
        custom.task(train, test, how)


def tell(out: Path, report: Report, scored: Scored | None) -> None:
    print(report)
    if scored is not None:
        scores = "  ".join(f"{name} {value:.4f}" for name, value in scored.scores.items())
        print(f"test: {scores}")
        if scored.confusion is not None:
            print("", *scored.confusion.lines(), sep="\n")
    print(f"model: {out}")
