"""Makes the pictures of docs/images that show what a model does and how it learns: `make pictures`.

Those of results are made by `hadamrnn report docs/runs --output docs/all_runs.md` and bench/fit_page.py, the animation by
tools/reading_animation.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

import hadamrnn_ext as hr
from hadamrnn_ext import disk, drawing, plots
from hadamrnn_ext.train import curves
from hadamrnn_ext.train.log import records

__all__ = ["main"]

DOCS = Path(__file__).resolve().parents[1] / "docs"
IMAGES = DOCS / "images"


def main() -> None:
    images, digits = hr.zoo.samples("smnist")
    for name, figure in (
        ("matrices", matrices()),
        ("spectrum", plots.spectrum(hr.load("har6"))),
        ("reading", speech()),
        ("reading-orthogonal", plots.reading(hr.load("smnist"), images[0], truth=str(digits[0]))),
        ("reading-text", plots.reading(hr.load("sst2"), "a dull beginning and a wonderful end")),
        ("pmnist-published", curves.figure(records(DOCS / "runs/published-pmnist-1/log.jsonl"))),
    ):
        disk.write_picture(IMAGES / f"{name}.png", figure)


def speech() -> Figure:
    """What `digits-stream` answers while it hears its samples one after the other, with a pause at the end."""
    sounds, digits = hr.zoo.samples("digits-stream")
    model = hr.load("digits-stream")
    figure = plots.reading(model, np.concatenate([*sounds, sounds[0][:32]]))
    heard, answers = figure.axes
    for number, digit in enumerate(digits):
        louder = sounds[number].mean(axis=1) > np.median(sounds[number]) + 0.5
        middle = number * len(louder) + np.flatnonzero(louder).mean()
        assert model.card.labels is not None
        heard.text(
            middle, 33.5, model.card.labels[digit], ha="center", fontsize=drawing.LARGE, color=drawing.INK
        )
    heard.set_ylabel("pitch", fontsize=drawing.SMALL)
    answers.set_xlabel("frames of 16 ms heard", fontsize=drawing.SMALL)
    return figure


def matrices() -> Figure:
    """A Hadamard matrix of order 16, what signs make of it, blocks, and that the result is orthogonal."""
    signs = np.random.default_rng(0).choice([-1, 1], 16)[:, None]
    whole, block = hr.hadamard.matrix(16), np.kron(np.eye(4), hr.hadamard.matrix(4))
    w = signs * whole / 4
    figure = drawing.figure(12, 3.9)
    panels = figure.subplots(1, 4)
    squares(panels[0], whole, "H: a Hadamard matrix", "rows at right angles")
    squares(panels[1], signs * whole, "W: some rows negated", "a sign per row is learned")
    squares(panels[2], signs * block, "W in four blocks", "the rest is zero")
    squares(panels[3], np.abs(w @ w.T).round(12), "W times its transpose", "only the diagonal: orthogonal")
    keys = [panels[0].plot([], [], "s", markersize=11, color=color)[0] for color in COLORS_OF_SIGNS]
    drawing.legend(figure, dict(zip(("-1", "0", "+1"), keys, strict=True)))
    return figure


COLORS_OF_SIGNS = (drawing.COLORS[1], "#eef1f4", drawing.COLORS[0])


def squares(axes: Axes, matrix: NDArray[np.number[Any]], title: str, note: str) -> None:
    axes.imshow(
        np.sign(matrix), cmap=ListedColormap(COLORS_OF_SIGNS), vmin=-1, vmax=1, interpolation="nearest"
    )
    drawing.dress(axes, title, note, grid=False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


if __name__ == "__main__":
    main()
