"""`hadamrnn doctor` checks the installation and shows what is installed and found."""

from __future__ import annotations

import argparse
import ast
import sys
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np

from .. import _core, isa, machine, zoo
from ..data.tasks import DATASETS
from ..golden import floats as golden
from .data import place
from .options import add_json, describe, print_json

EXAMPLES = """\
  hadamrnn doctor              exit code 0 if the extension fits this package and computes the right bits, else 1
  hadamrnn doctor --json       the same as JSON, to attach to a bug report
"""

STEPS = 20  # steps of a real digit that the kernels and the plain definition read


def add(parser: argparse.ArgumentParser) -> None:
    describe(parser, run, EXAMPLES)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    problems = [*_build(), *_bits()]
    found = {
        **machine.describe(),
        "extension": str(_core.__file__),
        "extras": {extra: _extra(packages) for extra, packages in machine.EXTRAS.items()},
        "data": {name: place(name) for name in DATASETS},
        "models": zoo.models(),
        "problems": problems,
    }
    if arguments.json:
        print_json(found)
    else:
        _print(found)
    return 1 if problems else 0


def _print(found: dict[str, Any]) -> None:
    rows = [
        ("package", f"hadamrnn_ext {found['versions'].get('hadamrnn_ext', '(from a source tree)')}"),
        ("python", f"{found['python']}, numpy {found['versions']['numpy']}, {found['system']}"),
        ("machine", f"{found['cpu']}, {found['cpus']} CPUs to use"),
        ("kernels", f"{found['isa']}, of {', '.join(found['isa_available'])}"),
        ("extension", found["extension"]),
        *(("extra", f"{name}: {state}") for name, state in found["extras"].items()),
        *(
            ("data", f"{name}: {place or f'not found; hadamrnn data {name} says more'}")
            for name, place in found["data"].items()
        ),
        ("models", ", ".join(found["models"])),
        *(("PROBLEM", problem) for problem in found["problems"]),
    ]
    if not found["problems"]:
        rows.append(
            ("result", "the extension fits, and every instruction set gives the bits of the plain definition")
        )
    for title, text in rows:
        print(f"{title:<11}{text}")


def _extra(packages: tuple[str, ...]) -> str:
    versions = {name: machine.package_version(name) for name in packages}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        return f"without {', '.join(missing)}"
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _build() -> list[str]:
    """Problems of the build: the extension lacks something that this package needs, or was built for another Python."""
    problems = []
    stub = Path(__file__).parents[1] / "_core.pyi"
    for node in ast.parse(stub.read_text(encoding="utf-8")).body if stub.is_file() else []:
        if isinstance(node, ast.FunctionDef) and not hasattr(_core, node.name):
            problems.append(
                f"the extension has no {node.name}: it is of another version; install the package again"
            )
        if isinstance(node, ast.ClassDef):
            owner = getattr(_core, node.name, None)
            names = [member.name for member in node.body if isinstance(member, ast.FunctionDef)]
            if lacking := [name for name in names if not hasattr(owner, name)]:
                problems.append(
                    f"the extension's {node.name} has no {', '.join(lacking)}: it is of another version; install the "
                    "package again"
                )
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    if suffix and not str(_core.__file__).endswith(
        (suffix, ".abi3.so", ".so" if sys.platform == "win32" else suffix)
    ):
        problems.append(f"{_core.__file__} is not for this Python, whose extensions end in {suffix}")
    return problems


def _bits() -> list[str]:
    """Problems of the kernels: on a real digit, an instruction set gives other bits than golden/floats.py."""
    problems = []
    x = zoo.samples("smnist")[0][:1].reshape(1, -1, 1)[:, :STEPS]
    before = isa.active()
    try:
        for name in isa.available():
            isa.use(name)
            model = zoo.load("smnist")
            parameters = model.parameters()
            layer = model.card.layers[0]
            network = golden.Network(
                [golden.Layer(layer.block_size, parameters["layers.0.signs"], parameters["layers.0.bias"])],
                input_weight=parameters["input.weight"],
                output_weight=parameters["output.weight"],
                output_bias=parameters["output.bias"],
            )
            expected = golden.forward(network, model.prepare(x).values)
            if not np.array_equal(model.infer(x), expected):
                problems.append(f"the kernels of {name} give other bits than the plain definition")
    finally:
        isa.use(before)
    return problems
