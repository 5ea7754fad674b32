"""`hadamrnn models` lists the bundled models."""

from __future__ import annotations

import argparse
from typing import Any

from .. import zoo
from .options import add_json, describe, print_json

EXAMPLES = """\
  hadamrnn models
  hadamrnn models --json
"""


def add(parser: argparse.ArgumentParser) -> None:
    describe(parser, run, EXAMPLES)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    rows = [_row(name) for name in zoo.models()]
    if arguments.json:
        print_json(rows)
        return 0
    for row in rows:
        scores = "  ".join(
            f"{name} {value:.4g}" for name, value in row["metrics"].items() if name.startswith("test_")
        )
        sizes = f"n={row['hidden_size']} m={row['block_size']}"
        default = "  (default)" if row["name"] == zoo.DEFAULT else ""
        print(f"{row['name']:<20}{sizes:<16}{row['file_bytes']:>8,} bytes  {scores}{default}")
    return 0


def _row(name: str) -> dict[str, Any]:
    model = zoo.load(name)
    sizes = model.describe()
    layer, training = model.card.layers[-1], model.card.training
    return {
        "name": name,
        "task": training.task if training else None,
        "hidden_size": layer.hidden_size,
        "block_size": layer.block_size,
        "payload_bytes": sizes.payload_bytes,
        "file_bytes": sizes.file_bytes,
        "metrics": dict(training.metrics) if training else {},
    }
