"""Every bundled integer model in C on Cortex-M, as the table of docs/microcontrollers.md, from one sample each.

PYTHONPATH=tools python -m boards.bundled [MODEL ...]
"""

from __future__ import annotations

import argparse

import numpy as np

import hadamrnn_ext as hr

from .proof import model_figures
from .table import BOARDS, missing_tools

#: What says how good a model is, the first of them that its card has.
SCORES = ("test_accuracy", "test_symbols", "test_frames")


def main() -> None:
    parser = argparse.ArgumentParser(prog="boards.bundled", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="default: all bundled integer models")
    names = parser.parse_args().models or [name for name in hr.models() if hr.load(name).card.integer]
    boards = [BOARDS["m4"], BOARDS["m0"]]
    if problem := missing_tools(boards):
        raise SystemExit(problem)
    print(
        "| model | n / m | correct | flash: M4, M0+ | RAM: M4, M0+ | instructions per step: M4, M0+ |\n|---|---|---|---|---|---|"
    )
    for name in names:
        model = hr.load(name)
        x = np.asarray(hr.zoo.samples(name)[0])[:1]
        x = x.reshape(1, -1, 1) if x.dtype == np.uint8 else x  # images are read pixel by pixel
        found = [model_figures(model, x, board) for board in boards]
        if not all(equal for _, equal in found):
            raise SystemExit(f"{name}: a logit on a board differs from that of Python")
        columns = (
            (f"{figures.flash_bytes:,} B" for figures, _ in found),
            (f"{figures.ram_bytes:,} B" for figures, _ in found),
            (f"{figures.per_step:,.0f}" for figures, _ in found),
        )
        print(
            f"| {name} | {_size(model)} | {_score(model)} | {' | '.join(map(', '.join, columns))} |",
            flush=True,
        )


def _size(model: hr.Model) -> str:
    return " + ".join(f"{layer.hidden_size} / {layer.block_size}" for layer in model.card.layers)


def _score(model: hr.Model) -> str:
    """On the test set, as the card has it."""
    metrics = {} if model.card.training is None else model.card.training.metrics
    return next((f"{100 * metrics[score]:.2f} %" for score in SCORES if score in metrics), "")


if __name__ == "__main__":
    main()
