"""`hadamrnn infer [FILE]`: run a model on sequences from a file, or on the samples that come with it."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import zoo
from ..model import Model
from . import samples
from .options import Commands, add_command, add_json, add_threads, positive, print_json, threads
from .sequences import read

EXAMPLES = """\
  hadamrnn infer                                     the default model on the digits that come with it
  hadamrnn infer series.npy --model model.safetensors --top 3
  hadamrnn infer t10k-images-idx3-ubyte.gz           IDX images, read pixel by pixel
  hadamrnn infer --model reviews.safetensors --text "a fine film"
  cat series.txt | hadamrnn infer - --logits         a line a step: d features, or one token
"""


def add(commands: Commands) -> None:
    parser = add_command(commands, "infer", run, "run a model on sequences", EXAMPLES)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "file",
        nargs="?",
        help=".npy of shape (T, d) or (B, T, d), tokens (T,) or (B, T); IDX images; text; - is stdin",
    )
    what.add_argument("--text", action="append", help="a text, for models with a vocabulary; may be repeated")
    parser.add_argument(
        "--model",
        default=zoo.DEFAULT,
        help=f"name of a bundled model, or a model file (default: {zoo.DEFAULT})",
    )
    parser.add_argument(
        "--top", type=positive, default=1, metavar="K", help="show the K most probable classes"
    )
    parser.add_argument("--logits", action="store_true", help="print the logits and not the classes")
    parser.add_argument("--kernel", default="auto", help="default: auto")
    add_threads(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    model = zoo.load(arguments.model, arguments.kernel)
    num_threads = threads(arguments)
    if arguments.file is None and arguments.text is None:
        return samples.show(arguments, model, num_threads)
    if arguments.text is not None:
        x: Any = arguments.text
    else:
        x = read(arguments.file, model.card)
    if arguments.logits:
        rows = _rows(model.infer(x, num_threads=num_threads), model)
        _print(arguments, [{"logits": row.tolist()} for row in rows])
    else:
        labels, probabilities = model.classify(x, arguments.top, num_threads=num_threads)
        pairs = zip(_rows(labels, model), _rows(probabilities, model), strict=True)
        _print(
            arguments, [{"labels": name.tolist(), "probabilities": share.tolist()} for name, share in pairs]
        )
    return 0


def _rows(values: NDArray[Any], model: Model) -> NDArray[Any]:
    """Results with the batch axis, whether the input had one or not."""
    single = 1 if model.card.output == "last" else 2
    return values[None] if values.ndim == single else values


def _print(arguments: argparse.Namespace, results: list[dict[str, list[Any]]]) -> None:
    """A line a sequence; with all outputs a line a step and an empty line after each sequence."""
    if arguments.json:
        print_json({"model": arguments.model, "results": results})
        return
    for result in results:
        columns = [np.array(column) for column in result.values()]
        steps = [column[None] if column.ndim == 1 else column for column in columns]
        for step in zip(*steps, strict=True):
            if arguments.logits:
                print(*(f"{value:.9g}" for value in step[0]))
            else:
                print("  ".join(f"{label} {share:.4f}" for label, share in zip(*step, strict=True)))
        if columns[0].ndim > 1:
            print()
