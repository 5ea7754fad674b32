"""Plots of a model: its signs with the eigenvalues of W(u), and its class probabilities after every step (extra `plot`).

Each function returns a matplotlib Figure, to be shown in a notebook or saved by ``figure.savefig("x.svg")``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import hadamard
from .errors import InputError, ShapeError
from .machine import hint
from .model import Model
from .model.classify import probabilities

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["reading", "spectrum"]

LABELLED = 4  # the number of classes in the legend
PARTS = 7  # the number of pictures of an image that is being read


def spectrum(model: Model, layer: int = 0) -> Figure:
    """The signs u of a layer, and the eigenvalues of W(u) = diag(u) (I (x) H_m) / sqrt(m) on the unit circle.

    They have modulus 1, since W is orthogonal (paper, section 3). This takes m^3 operations per block, some seconds from
    n = 1000 on.

    Raises InputError if the model has no such layer, ImportError without matplotlib.

    Examples:
        >>> from hadamrnn_ext import plots
        >>> plots.spectrum(hr.load("copy")).savefig("spectrum.png")
    """
    if not 0 <= layer < len(model.card.layers):
        raise InputError(f"layer is {layer}; expected 0 to {len(model.card.layers) - 1}")
    n, m = model.card.layers[layer].hidden_size, model.card.layers[layer].block_size
    signs = np.asarray(model.parameters()[f"layers.{layer}.signs"], np.float64)
    blocks = hadamard.matrix(m) / np.sqrt(m) * signs.reshape(n // m, m, 1)
    values = np.concatenate([np.linalg.eigvals(block) for block in blocks])

    figure = _figure(8, 4)
    left, right = figure.subplots(1, 2)
    rows = next(r for r in range(int(n**0.5), 0, -1) if n % r == 0)
    left.imshow(signs.reshape(rows, -1), cmap="gray", vmin=-1, vmax=1, interpolation="nearest", aspect="auto")
    left.set_title(f"{n} signs, {np.mean(signs > 0):.0%} of them +1 (white)")
    left.set_xticks([])
    left.set_yticks([])
    angle = np.linspace(0, 2 * np.pi, 400)
    right.plot(np.cos(angle), np.sin(angle), color="0.8", linewidth=0.8)
    right.plot(values.real, values.imag, "o", color="#0072B2", markersize=2.5, alpha=0.6)
    right.set_aspect("equal")
    right.set_title(f"eigenvalues of W; largest ||λ| - 1| is {np.abs(np.abs(values) - 1).max():.0e}")
    right.set_xlabel("real part")
    right.set_ylabel("imaginary part")
    return figure


def reading(model: Model, sequence: NDArray[Any] | str, truth: str | None = None) -> Figure:
    """The class probabilities after every step of one sequence; for an image also which pixels have been read.

    sequence: raw features (T, d), tokens (T,) or a text, as ``infer`` takes it, or an image (28, 28) uint8. A model with
    ``output`` "last" or "mean" is trained to be right only after the last step.

    Raises ShapeError for anything but one sequence, the errors of ``Model.infer``, and ImportError without matplotlib.

    Examples:
        >>> from hadamrnn_ext import plots
        >>> windows, _ = hr.zoo.samples("har6")
        >>> plots.reading(hr.load("har6-stream"), windows[0], truth="walking").savefig("reading.png")
    """
    image = _image(sequence)
    ready = model.prepare(sequence if image is None else image.reshape(-1, 1))
    if ready.values.shape[0] != 1:
        raise ShapeError(
            f"sequence holds {ready.values.shape[0]} sequences; expected one, (T, d) or (T,) tokens, or a text"
        )
    stream = model.stream(raw=True)
    shares = probabilities(np.stack([stream.step(step) for step in ready.values[0]]), every_step=True)
    final = np.argsort(-shares[-1])

    figure = _figure(8, 4.2 if image is None else 4.8)
    if image is None:
        axes = figure.add_subplot()
    else:
        grid = figure.add_gridspec(2, PARTS, height_ratios=[1, 3])
        for part in range(PARTS):
            seen = round(len(shares) * (part + 1) / PARTS)
            _partly(figure.add_subplot(grid[0, part]), model, image, seen)
        axes = figure.add_subplot(grid[1, :])
    names = model.card.labels or tuple(map(str, range(shares.shape[1])))
    for place, index in enumerate(final):
        known = place < LABELLED
        axes.plot(
            np.arange(1, len(shares) + 1),
            shares[:, index],
            label=names[index] if known else None,
            color=None if known else "0.75",
            linewidth=1.5 if known else 0.7,
            zorder=2 if known else 1,
        )
    axes.set_xlabel("steps read")
    axes.set_ylabel("probability")
    axes.set_xlim(1, len(shares))
    axes.set_ylim(0, 1)
    axes.legend(loc="upper left", title="final answer" if truth is None else f"truth: {truth}")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _partly(axes: Axes, model: Model, image: NDArray[np.uint8], seen: int) -> None:
    """Draw the pixels that the first `seen` steps of an image have read, and the others in blue."""
    permutation = model.card.preprocess.permutation
    order = np.arange(image.size) if permutation is None else permutation.indices()
    colors = np.repeat(image.reshape(-1, 1), 3, axis=1) / 255
    colors[order[seen:]] = (0.55, 0.7, 0.85)
    axes.imshow(colors.reshape(*image.shape, 3), interpolation="nearest")
    axes.set_title(f"{seen}", fontsize=9)
    axes.set_axis_off()


def _image(sequence: Any) -> NDArray[np.uint8] | None:
    """The sequence, if it is an image of bytes."""
    if isinstance(sequence, np.ndarray) and sequence.dtype == np.uint8 and sequence.ndim == 2:
        return sequence if sequence.shape[1] > 1 else None
    return None


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure  # not pyplot: no state, no window
    except ImportError:
        raise ImportError(f"pictures need matplotlib, which is not installed: {hint('plot')}") from None
    return Figure(figsize=(width, height), layout="constrained")
