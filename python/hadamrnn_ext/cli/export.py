"""`hadamrnn export MODEL --c DIR`: a model as source code for a microcontroller."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from .. import export, zoo
from .options import Commands, add_command

EXAMPLES = """\
  hadamrnn quantize pmnist --readout integer --out pmnist-12.safetensors
  hadamrnn export pmnist-12.safetensors --c pmnist_library --name pmnist
"""


def add(commands: Commands) -> None:
    parser = add_command(commands, "export", run, "write a model as a C99 library", EXAMPLES)
    parser.add_argument("model", help="name of a bundled model, or a model file")
    parser.add_argument(
        "--c", metavar="DIR", required=True, help="folder of the library, made if it is missing"
    )
    parser.add_argument(
        "--transform",
        choices=("fwht", "popcount"),
        default="fwht",
        help="popcount: less memory, for an integer model (default: fwht)",
    )
    parser.add_argument("--name", help="what all C names begin with (default: the model's name)")


def run(arguments: argparse.Namespace) -> int:
    model = zoo.load(arguments.model)
    stem = Path(arguments.model).name.removesuffix(zoo.SUFFIX)
    name = arguments.name or re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_")
    for path in export.c(model, arguments.c, name, arguments.transform):
        print(path)
    return 0
