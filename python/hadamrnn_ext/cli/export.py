"""`hadamrnn export MODEL --c DIR | --onnx FILE | --web DIR` writes a model for microcontrollers, as a graph, or as a page."""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from pathlib import Path

from .. import disk, export, zoo
from ..export.names import derived
from ..file import format
from ..file.preprocess import Preprocess
from .effect import Idle, refuse
from .options import add_json, beside, describe, print_json

EXAMPLES = """\
  hadamrnn quantize pmnist --readout integer --out pmnist-12.safetensors
  hadamrnn export pmnist-12.safetensors --c pmnist_library --name pmnist
  hadamrnn export har2-int12 --c har2_library --name har2 --resolution 0.00006103515625
  hadamrnn export har6-int12 --c har6_library --name har6 --windows 128,64
  hadamrnn export pmnist --onnx pmnist.onnx
  hadamrnn export smnist --web smnist_page
  hadamrnn export har6 --onnx har6_step.onnx --step
"""


def add(parser: argparse.ArgumentParser) -> None:
    describe(parser, run, EXAMPLES)
    parser.add_argument("model", help="name of a bundled model, or a model file")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--c", metavar="DIR", help="folder of the C99 library, made if it is missing")
    what.add_argument("--onnx", metavar="FILE", help="ONNX file; needs the extra `export`")
    what.add_argument(
        "--web",
        metavar="DIR",
        help="folder of a web page, which is a package for npm as well; needs the extra `web`",
    )
    parser.add_argument(
        "--transform",
        choices=("fwht", "popcount"),
        default="fwht",
        help="how the C code computes the Hadamard transform; popcount takes less memory and needs an integer model "
        "(default: fwht)",
    )
    parser.add_argument(
        "--name",
        help="prefix of all names in C, or name of the page and its package (default: the model's name)",
    )
    parser.add_argument(
        "--resolution",
        type=_numbers,
        metavar="R[,R...]",
        help="for the C code of an integer model: the value of one raw integer of the sensor, in the units of the training "
        "data; one number, or one for each feature (default: 1 where that is fine enough, else a power of two)",
    )
    parser.add_argument(
        "--longest",
        type=int,
        metavar="STEPS",
        help="for the C code of an integer model that sums over the whole sequence: the most steps of one, which say how many "
        "bytes a sum takes (default: the length of --windows, or 1048576)",
    )
    parser.add_argument(
        "--windows",
        type=_steps,
        metavar="LENGTH,HOP",
        help="add C code that answers a stream without an end in windows of LENGTH steps that begin HOP steps apart",
    )
    parser.add_argument(
        "--no-preprocess",
        action="store_true",
        help="leave preprocessing out of the ONNX graph, which then takes what the network itself reads",
    )
    parser.add_argument(
        "--lengths",
        action="store_true",
        help="give the ONNX graph an input `lengths`, with one number per sequence",
    )
    parser.add_argument(
        "--step",
        action="store_true",
        help="make the ONNX graph one time step, for streams: from x and a state to the logits so far and the next state",
    )
    add_json(parser)
    parser.set_defaults(
        idle=(
            Idle(
                ("--transform", "--resolution", "--longest", "--windows"),
                lambda given: given.c is None,
                "it is for the C library, --c",
            ),
            Idle(
                ("--name",),
                lambda given: given.onnx is not None,
                "it is for the C library and the page, --c and --web",
            ),
            Idle(
                ("--no-preprocess", "--lengths", "--step"),
                lambda given: given.onnx is None,
                "it is for the ONNX graph, --onnx",
            ),
        )
    )


def run(arguments: argparse.Namespace) -> int:
    model = zoo.load(arguments.model)
    result = {"model": arguments.model}
    if arguments.onnx is not None:
        if dataclasses.replace(model.card.preprocess, vocabulary=None) == Preprocess():
            refuse(arguments, ("--no-preprocess",), "the network reads what it is given")
        preprocess = not arguments.no_preprocess
        disk.check(arguments.onnx, arguments.model)
        given = {"preprocess": preprocess, "lengths": arguments.lengths, "step": arguments.step}
        paths = [export.onnx(model, arguments.onnx, **given)]
    elif arguments.web is not None:
        result["name"] = name = arguments.name or _package_name(arguments.model)
        paths = export.web(model, arguments.web, name)
    else:
        result["name"] = name = arguments.name or _name_of(arguments.model)
        options = arguments.transform, arguments.resolution, arguments.longest, arguments.windows
        paths = list(export.c(model, arguments.c, name, *options))
    with beside(paths[0]):
        if arguments.json:
            print_json({**result, "files": list(map(str, paths))})
        else:
            print(*paths, sep="\n")
    return 0


def _name_of(source: str) -> str:
    """The name in C for a bundled model or a file. Says so on stderr if it had to be changed."""
    stem = Path(source).name.removesuffix(format.SUFFIX)
    name = derived(stem)
    if name != stem:
        print(
            f"hadamrnn export: {stem!r} cannot be a name in C; the library is called {name} (--name gives it another)",
            file=sys.stderr,
        )
    return name


def _package_name(source: str) -> str:
    """The name of the page and its package for a bundled model or a file."""
    stem = Path(source).name.removesuffix(format.SUFFIX)
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")[:100] or "model"


def _numbers(text: str) -> list[float]:
    """argparse type: numbers separated by commas."""
    return [float(number) for number in text.split(",")]


_numbers.__name__ = "number, or numbers with commas between them,"  # what argparse calls it in its messages


def _steps(text: str) -> tuple[int, ...]:
    """argparse type: whole numbers separated by commas."""
    return tuple(int(number) for number in text.split(","))


_steps.__name__ = "two numbers of steps with a comma between them,"
