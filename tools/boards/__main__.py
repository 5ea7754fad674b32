"""Run a model on an emulated board over test sequences of its task, and say what it takes. See docs/microcontrollers.md.

PYTHONPATH=tools python -m boards MODEL [--board m4] [--count N] [--dense]
"""

from __future__ import annotations

import argparse
import math
import subprocess

import hadamrnn_ext as hr
from hadamrnn_ext.cli.evaluate import task_of
from hadamrnn_ext.data import tasks
from hadamrnn_ext.data.task import calibration

from .proof import dense_figures, model_figures
from .table import BOARDS, missing_tools

ROWS = {
    "code, bytes": "code_bytes",
    "constants, bytes": "constant_bytes",
    "flash, bytes": "flash_bytes",
    "data and bss, bytes": "data_bytes",
    "state, bytes": "state_bytes",
    "stack, bytes": "stack_bytes",
    "RAM, bytes": "ram_bytes",
    "{} per step": "per_step",
    "{} of logits": "per_logits",
}


def main() -> None:
    options = _parser().parse_args()
    board = BOARDS[options.board]
    if problem := missing_tools([board]):
        raise SystemExit(problem)
    model = hr.load(options.model)
    task = task_of(model, options.task, None, options.data, verify=True)
    if model.card.integer is None and not options.float:
        model = model.quantize(calibration(task), options.bits, readout="integer")
    raw = task.test.raw(slice(0, options.count))[0]
    try:
        ours, equal = model_figures(
            model, raw, board, options.transform, longest=options.longest, optimize=options.optimize
        )
        columns = {"model": ours}
        if options.dense:
            columns["dense int8"] = dense_figures(model, raw, board, optimize=options.optimize)
    except subprocess.CalledProcessError as error:  # it has said why
        raise SystemExit(f"{error.cmd[0]} failed: is the memory of the {options.board} too small?") from None
    except ValueError as error:
        raise SystemExit(f"{error}") from None
    print(
        f"{model!r}\n{board.processor} under {board.emulator[0]}, {options.optimize}, sequences of {task.name}: {len(raw)}"
    )
    print(f"logits: {ours.logits.size}, {'all equal to' if equal else 'NOT equal to'} those of Python")
    print(f"{'':<24}" + "".join(f"{name:>12}" for name in columns))
    for what, field in ROWS.items():
        values = [getattr(figures, field) for figures in columns.values()]
        if not any(map(math.isnan, values)):
            print(f"{what.format(board.counts):<24}" + "".join(f"{value:>12,.0f}" for value in values))
    if not equal:
        raise SystemExit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="boards", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", help="name of a bundled model, or a model file")
    parser.add_argument("--board", choices=BOARDS, default="m4")
    parser.add_argument("--task", choices=tasks.NAMES, help="default: the one that the model's card names")
    parser.add_argument("--data", metavar="DIR", help="where the data set lies, as of hadamrnn eval")
    parser.add_argument("--count", type=int, default=200, metavar="N", help="test sequences (default: 200)")
    parser.add_argument(
        "--bits",
        type=int,
        default=12,
        metavar="K",
        help="of the state that a float model is given (default: 12)",
    )
    parser.add_argument("--float", action="store_true", help="a float model as it is")
    parser.add_argument("--transform", choices=("fwht", "popcount"), default="fwht", help="default: fwht")
    parser.add_argument("--longest", type=int, metavar="STEPS", help="of a sequence, as of hadamrnn export")
    parser.add_argument("--dense", action="store_true", help="beside the dense network of the model's size")
    parser.add_argument("--optimize", default="-Os", metavar="FLAG", help="of the compiler (default: -Os)")
    return parser


if __name__ == "__main__":
    main()
