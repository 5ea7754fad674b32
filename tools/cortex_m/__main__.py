"""Run a model on an emulated Cortex-M over test sequences of its task, and say what it takes. See docs/microcontrollers.md.

PYTHONPATH=tools python -m cortex_m MODEL [--board m4|m0] [--count N] [--dense]
"""

from __future__ import annotations

import argparse

import hadamrnn_ext as hr
from hadamrnn_ext.cli.evaluate import task_of
from hadamrnn_ext.data import tasks
from hadamrnn_ext.data.task import calibration

from .device import BOARDS, missing_tools
from .proof import dense_figures, model_figures

ROWS = {
    "code, bytes": "code_bytes",
    "constants, bytes": "constant_bytes",
    "flash, bytes": "flash_bytes",
    "data and bss, bytes": "data_bytes",
    "state, bytes": "state_bytes",
    "stack, bytes": "stack_bytes",
    "RAM, bytes": "ram_bytes",
    "instructions a step": "instructions_per_step",
    "instructions of logits": "instructions_of_logits",
}


def main() -> None:
    options = _parser().parse_args()
    if problem := missing_tools():
        raise SystemExit(problem)
    model = hr.load(options.model)
    name, length = task_of(model, options.task, None)
    task = tasks.load(name, length=length)
    if model.card.integer is None:
        model = model.quantize(calibration(task), options.bits, readout="integer")
    raw, _ = task.test.raw(slice(0, options.count))
    board = BOARDS[options.board]
    ours, equal = model_figures(model, raw, board, options.transform, optimize=options.optimize)
    columns = {"model": ours}
    if options.dense:
        columns["dense int8"] = dense_figures(model, raw, board, optimize=options.optimize)
    print(f"{model!r}\n{board.cpu} on {board.machine}, {options.optimize}, {len(raw)} sequences of {name}")
    print(f"logits: {ours.logits.size}, {'all equal to' if equal else 'NOT equal to'} those of Python")
    print(f"{'':<24}" + "".join(f"{name:>12}" for name in columns))
    for what, field in ROWS.items():
        print(f"{what:<24}" + "".join(f"{getattr(figures, field):>12,.0f}" for figures in columns.values()))
    if not equal:
        raise SystemExit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cortex_m", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("model", help="name of a bundled model, or a model file; float models are quantized")
    parser.add_argument("--board", choices=BOARDS, default="m4")
    parser.add_argument("--task", choices=tasks.NAMES, help="default: the one that the model's card names")
    parser.add_argument("--count", type=int, default=200, metavar="N", help="test sequences (default: 200)")
    parser.add_argument("--bits", type=int, default=12, metavar="K", help="of the state (default: 12)")
    parser.add_argument("--transform", choices=("fwht", "popcount"), default="fwht", help="default: fwht")
    parser.add_argument("--dense", action="store_true", help="beside the dense network of the model's size")
    parser.add_argument("--optimize", default="-Os", metavar="FLAG", help="of the compiler (default: -Os)")
    return parser


if __name__ == "__main__":
    main()
