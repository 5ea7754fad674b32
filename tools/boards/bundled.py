"""Every bundled integer model in C on every board, those that forget as well: the tables of docs/microcontrollers.md.

One sample of each is run.

PYTHONPATH=tools python -m boards.bundled [MODEL ...] [--boards BOARD ...]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable

import numpy as np

import hadamrnn_ext as hr

from .proof import Fit, fit
from .table import BOARDS, Board, missing_tools

#: What says how good a model is, the first of them that its card has.
SCORES = ("test_accuracy", "test_symbols", "test_frames")
#: Of a longer sequence the beginning, which a chip without files has in its flash.
STEPS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="boards.bundled", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="default: all bundled integer models")
    parser.add_argument("--boards", nargs="+", choices=BOARDS, default=list(BOARDS), help="default: all")
    options = parser.parse_args()
    names = options.models or [name for name in hr.models() if hr.load(name).card.integer]
    boards = {name: BOARDS[name] for name in options.boards}
    if problem := missing_tools(boards.values()):
        raise SystemExit(problem)
    _print(("board", "processor", "a chip that has it", "flash", "RAM"), map(_board, boards, boards.values()))
    print("\nFlash:\n")
    found: dict[str, list[Fit]] = {}
    _head("model", "n / m", "correct", *boards)
    for name in names:
        found[name] = [_fit(name, board) for board in boards.values()]
        _row(name, _size(hr.load(name)), _score(hr.load(name)), *map(_flash, found[name]))
    print("\nRAM:\n")
    _print(("model", *boards), ((name, *map(_ram, fits)) for name, fits in found.items()))
    print("\nInstructions per step, and on an AVR cycles:\n")
    _print(("model", *boards), ((name, *map(_per_step, fits)) for name, fits in found.items()))


def _fit(name: str, board: Board) -> Fit:
    model = hr.load(name)
    x = np.asarray(hr.zoo.samples(name)[0])[:1]
    x = x.reshape(1, -1, 1) if x.dtype == np.uint8 else x  # images are read pixel by pixel
    found = fit(model, x if model.card.output != "all" else x[:, :STEPS], board)
    if found.figures is not None and not found.equal:
        raise SystemExit(f"{name}: a logit on {board.processor} differs from that of Python")
    return found


def _board(name: str, board: Board) -> tuple[str, ...]:
    memory = ("" if size is None else f"{size >> 10:,} KB" for size in (board.flash_bytes, board.ram_bytes))
    return (name, board.processor, board.chip, *memory)


def _flash(found: Fit) -> str:
    return f"{found.flash_bytes:,} B" + _too_many(found.flash_bytes, found.board.flash_bytes)


def _ram(found: Fit) -> str:
    words = f"{found.ram_bytes:,} B" + _too_many(found.ram_bytes, found.board.ram_bytes)
    return words if found.figures is not None else f"at least {words}"


def _too_many(needed: int, there: int | None) -> str:
    return "" if there is None or needed <= there else f": does not fit, {needed - there:,} B too many"


def _per_step(found: Fit) -> str:
    if found.figures is None:
        return "does not fit"
    return "not counted" if math.isnan(found.figures.per_step) else f"{found.figures.per_step:,.0f}"


def _print(head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    _head(*head)
    for row in rows:
        _row(*row)


def _head(*cells: str) -> None:
    _row(*cells)
    print("|---" * len(cells) + "|")


def _row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def _size(model: hr.Model) -> str:
    return " + ".join(f"{layer.hidden_size} / {layer.block_size}" for layer in model.card.layers)


def _score(model: hr.Model) -> str:
    """On the test set, as the card has it."""
    metrics = {} if model.card.training is None else model.card.training.metrics
    return next((f"{100 * metrics[score]:.2f} %" for score in SCORES if score in metrics), "")


if __name__ == "__main__":
    main()
