"""`hadamrnn info MODEL` describes a model and what it costs."""

from __future__ import annotations

import argparse

from .. import zoo
from ..file.record import encode
from .options import add_json, describe, print_json

EXAMPLES = """\
  hadamrnn info smnist
  hadamrnn info runs/pmnist-0/model.safetensors --json
"""


def add(parser: argparse.ArgumentParser) -> None:
    describe(parser, run, EXAMPLES)
    parser.add_argument("model", help="name of a bundled model, or a model file")
    parser.add_argument(
        "--kernel", default="auto", help="kernel that computes the recurrence (default: auto)"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    model = zoo.load(arguments.model, arguments.kernel)
    description = model.describe()
    if not arguments.json:
        print(description)
        return 0
    print_json(
        {
            "card": encode(model.card),
            "digest": model.digest,
            "payload": description.payload,
            "payload_bytes": description.payload_bytes,
            "file_bytes": description.file_bytes,
            "step": vars(description.step),
            "readout": vars(description.readout),
            "kernel": model.kernel,
            "isa": model.isa,
        }
    )
    return 0
