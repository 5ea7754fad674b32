"""`hadamrnn infer [FILE]` runs a model on sequences from a file, or on the samples that come with it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import partial

from .. import disk, zoo
from ..data import source
from ..data.inputs import load
from ..errors import InputError
from ..model import Model
from . import samples
from .answers import FORMATS, Answer, answers, format_of, record, write
from .custom import add_columns, columns
from .effect import Idle, refuse
from .files import files
from .follow import follow
from .options import add_json, add_threads, describe, positive, print_json, threads

EXAMPLES = """\
  hadamrnn infer                                     the default model on the digits that come with it
  hadamrnn infer series.npy --model model.safetensors --top 3
  hadamrnn infer t10k-images-idx3-ubyte.gz           IDX images, read pixel by pixel
  hadamrnn infer --model reviews.safetensors --text "a fine film"
  hadamrnn infer --model digits seven.wav            a spoken digit
  hadamrnn infer --model har6 walks.csv --id walk --out answers.csv
  hadamrnn infer --model digits words --out answers.csv      all sounds in a folder
  hadamrnn infer --model sst2 reviews.txt            one text per line
  cat series.txt | hadamrnn infer - --logits         one step per line: d features, or one token
  sensor | hadamrnn infer - --model har6 --follow    an answer after every step, as it arrives
  sensor | hadamrnn infer - --model har6 --follow --window 128 --hop 64    answers for windows of 128 steps, without end
"""


def add(parser: argparse.ArgumentParser) -> None:
    describe(parser, run, EXAMPLES)
    parser.add_argument(
        "file",
        nargs="*",
        default=[],
        help=".npy with features (T, d) or (B, T, d), or tokens (T,) or (B, T); .npz with X and optionally lengths; IDX "
        "images; WAV; CSV with one series per row or, if it has an id column, one time step per row; other text with one text "
        "per line for models with a vocabulary, and one time step per line for others; a folder of such files; - for stdin; "
        "any of them may be compressed with gzip",
    )
    parser.add_argument(
        "--text", action="append", help="a text, for models with a vocabulary; may be repeated"
    )
    parser.add_argument(
        "--model",
        default=zoo.DEFAULT,
        help=f"name of a bundled model, or a model file (default: {zoo.DEFAULT})",
    )
    parser.add_argument(
        "--top", type=positive, default=1, metavar="K", help="show the K most probable classes"
    )
    parser.add_argument("--logits", action="store_true", help="print the logits instead of the classes")
    parser.add_argument(
        "--kernel", default="auto", help="kernel that computes the recurrence (default: auto)"
    )
    parser.add_argument(
        "--follow",
        action="store_true",
        help="answer after every line of stdin; an empty line starts a new sequence",
    )
    parser.add_argument(
        "--window",
        type=positive,
        metavar="STEPS",
        help="with --follow: answer for windows of this many lines, for models that do not forget",
    )
    parser.add_argument(
        "--hop",
        type=positive,
        metavar="STEPS",
        help="number of lines from the start of one window to the start of the next (default: --window)",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="format of the answers (default: text, or that of the name given with --out)",
    )
    parser.add_argument("--out", metavar="FILE", help="write the answers to a .csv or .jsonl file")
    reading = add_columns(parser.add_argument_group("CSV and missing values"))
    add_threads(parser)
    add_json(parser)
    parser.set_defaults(
        refuse=parser.error,
        idle=(
            Idle(
                ("--top", "--logits", "--follow", "--window", "--hop", "--format", "--out", *reading),
                lambda given: not given.file and given.text is None,
                "it is for a file or --text; without them the samples of the model are shown",
            ),
            Idle(reading, lambda given: given.text is not None, "it is for files, not for --text"),
            Idle(
                (*reading, "--json", "--threads"), lambda given: given.follow, "--follow answers line by line"
            ),
            Idle(("--window",), lambda given: not given.follow, "it is for --follow"),
            Idle(("--hop",), lambda given: given.window is None, "it is for --window"),
            Idle(("--format", "--out"), lambda given: given.json, "--json is a format, and is printed"),
            Idle(("--top",), lambda given: given.logits, "--logits shows them all"),
        ),
    )


def run(arguments: argparse.Namespace) -> int:
    # argparse itself cannot exclude files that may follow an option
    if arguments.file and arguments.text is not None:
        arguments.refuse("argument --text: not allowed with argument file")
    model = zoo.load(arguments.model, arguments.kernel)
    num_threads = threads(arguments)
    if model.card.input == "tokens":
        refuse(arguments, ("--impute",), "it is for features, and the model reads tokens")
    if not arguments.file and arguments.text is None:
        return samples.show(arguments, model, num_threads)
    form = arguments.format or ("text" if arguments.out is None else format_of(arguments.out))
    if arguments.out is not None:
        disk.check(arguments.out, arguments.model, *arguments.file)
    if arguments.follow:
        if arguments.file != ["-"]:
            raise InputError("--follow reads stdin: expected the file -")
        write(
            _flushed(
                follow(
                    model,
                    top=arguments.top,
                    logits=arguments.logits,
                    window=arguments.window,
                    hop=arguments.hop,
                )
            ),
            form,
            arguments.out,
            live=True,
        )
        return 0
    found = _answers(arguments, model, num_threads)
    if arguments.json:
        print_json({"model": arguments.model, "results": list(map(record, found))})
    else:
        write(found, form, arguments.out)
    return 0


def _answers(arguments: argparse.Namespace, model: Model, num_threads: int | None) -> Iterator[Answer]:
    """The answers to the texts, or to the sequences of all files, one file after another."""
    ask = partial(answers, model, top=arguments.top, logits=arguments.logits, num_threads=num_threads)
    if arguments.text is not None:
        yield from ask(arguments.text)
    names = files(arguments.file, model.card)
    said = set[str]()
    for name in names:
        found = load(name, model.card, columns(arguments), arguments.impute)
        how = found.understood.removeprefix(f"{source.label(name)}: ")
        if how and how not in said:  # once for all files that were understood alike
            print(found.understood, file=sys.stderr)
            said.add(how)
        yield from ask(found.x, file=None if [name] == arguments.file else source.label(name), ids=found.ids)


def _flushed(found: Iterator[Answer]) -> Iterator[Answer]:
    """The same answers, with stdout flushed after each."""
    for answer in found:
        yield answer
        sys.stdout.flush()
