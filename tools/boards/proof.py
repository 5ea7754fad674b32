"""An exported model on a board against the same model in Python, and against a dense network of its size."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import hadamrnn_ext as hr

from .dense import Dense
from .device import Figures, least, measure
from .table import Board

__all__ = ["Fit", "dense_figures", "fit", "model_figures"]

DENSE_STEPS = 16  # every step of a dense network takes the same


def model_figures(
    model: hr.Model,
    x: NDArray[Any],
    board: Board,
    transform: Literal["fwht", "popcount"] = "fwht",
    *,
    raw: bool = False,
    resolution: float | None = None,
    longest: int | None = None,
    **options: Any,
) -> tuple[Figures, bool]:
    """Run the model over ``x`` (B, T, ..), as ``infer`` takes it, on the board; and whether every logit has its bits.

    ``transform``, ``resolution`` and ``longest`` are those of ``export.c``, ``options`` go to ``measure``. With ``raw`` the board is
    given what sensors give, and prepares it itself.
    """
    with tempfile.TemporaryDirectory() as folder:
        hr.export.c(model, folder, "net", transform, resolution, longest)
        figures = measure(
            board,
            Path(folder),
            "net",
            hr.export.c_raw(model, x, resolution) if raw else hr.export.c_input(model, x),
            all_steps=model.card.output == "all",
            raw=raw,
            **options,
        )
    logits, integer = figures.logits, model.card.integer
    if integer is not None and integer.logit_scale is not None:
        logits = logits.astype(np.float32) * np.float32(integer.logit_scale)
    return figures, logits.tobytes() == model.infer(x).tobytes()


@dataclass(frozen=True)
class Fit:
    """What a model takes on a board's chip: measured there, or where it does not fit what it takes at least."""

    board: Board
    flash_bytes: int
    ram_bytes: int
    figures: Figures | None = None  # None: it does not fit, and has not run
    equal: bool = False  # whether every logit has Python's bits


def fit(model: hr.Model, x: NDArray[Any], board: Board) -> Fit:
    """Run the model over ``x`` as ``model_figures`` does, if the board's chip has the memory."""
    with tempfile.TemporaryDirectory() as folder:
        hr.export.c(model, folder, "net")
        flash, ram = least(board, Path(folder), "net")
    if (board.flash_bytes or flash) < flash or (board.ram_bytes or ram) < ram:
        return Fit(board, flash, ram)
    figures, equal = model_figures(model, x, board)
    return Fit(board, figures.flash_bytes, figures.ram_bytes, figures, equal)


def dense_figures(model: hr.Model, x: NDArray[Any], board: Board, **options: Any) -> Figures:
    """What the dense network of the model's size takes on the same input.

    Raises:
        ValueError: it does not compute what it should.
    """
    card = model.card
    x = hr.export.c_input(model, x)[:2, :DENSE_STEPS]
    dense = Dense(
        n=card.layers[-1].hidden_size,
        d=card.input_size,
        o=card.output_size,
        tokens=card.input == "tokens",
        all_steps=card.output == "all",
        input_type=f"{x.dtype}_t",
    )
    with tempfile.TemporaryDirectory() as folder:
        dense.write(Path(folder), "dense")
        figures = measure(board, Path(folder), "dense", x, all_steps=dense.all_steps, **options)
    if not np.array_equal(figures.logits, dense.logits(x)):
        raise ValueError("the dense network on the board differs from NumPy")
    return figures
