"""Plots of a model: its signs with the eigenvalues of W(u), and its class probabilities after every step (extra `plot`).

Each function returns a matplotlib Figure, to be shown in a notebook or saved by ``figure.savefig("x.svg")``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import hadamard
from .drawing import COLORS, INK, PALE, dress, figure
from .errors import InputError, ShapeError
from .file.preprocess import Vocabulary
from .model import Model
from .model.classify import probabilities

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["reading", "spectrum"]

NAMED = 5  # the number of classes that are drawn in a colour and named
WORDS = 40  # the longest text whose words are shown
PARTS = 7  # the number of pictures of an image that is being read
UNREAD = (0.55, 0.7, 0.85)


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

    drawn = figure(9, 4.4)
    left, right = drawn.subplots(1, 2)
    rows = next(r for r in range(int(n**0.5), 0, -1) if n % r == 0)
    left.imshow(signs.reshape(rows, -1), cmap="gray", vmin=-1, vmax=1, interpolation="nearest", aspect="auto")
    dress(left, f"{n} signs: {np.mean(signs > 0):.0%} are +1 (white), the others -1", grid=False)
    left.set_xticks([])
    left.set_yticks([])
    angle = np.linspace(0, 2 * np.pi, 400)
    right.plot(np.cos(angle), np.sin(angle), color=PALE, linewidth=0.8)
    right.plot(values.real, values.imag, "o", color=COLORS[0], markersize=3.5, alpha=0.5, markeredgewidth=0)
    right.set_aspect("equal")
    right.set_xticks([-1, 0, 1])
    right.set_yticks([-1, 0, 1])
    dress(right, f"The {n} eigenvalues of W: all of modulus 1", "real part", "imaginary part")
    return drawn


def reading(model: Model, sequence: NDArray[Any] | str, truth: str | None = None) -> Figure:
    """The class probabilities after every step of one sequence, below what has been read: an image, features or words.

    sequence: raw features (T, d), tokens (T,) or a text, as ``infer`` takes it, or an image (28, 28) uint8. The classes
    that lead most often and the last answer are named. A model with ``output`` "last" or "mean" is trained to be right
    only after the last step; a model that forgets, or that is trained at every step, is meant to be right throughout.

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

    drawn = figure(9, 4.6)
    if image is not None:
        grid = drawn.add_gridspec(2, PARTS, height_ratios=[1, 2.6])
        for part in range(PARTS):
            seen = round(len(shares) * (part + 1) / PARTS)
            _partly(drawn.add_subplot(grid[0, part]), model, image, seen)
        axes = drawn.add_subplot(grid[1, :])
    elif ready.values.ndim == 3 and ready.values.shape[2] > 1:
        grid = drawn.add_gridspec(2, 1, height_ratios=[1, 2.6])
        _features(drawn.add_subplot(grid[0]), ready.values[0])
        axes = drawn.add_subplot(grid[1])
    else:
        axes = drawn.add_subplot()
    _answers(axes, shares, model.card.labels or tuple(map(str, range(shares.shape[1]))), truth)
    words = Vocabulary.split(sequence)[-len(shares) :] if isinstance(sequence, str) else []
    if 0 < len(words) <= WORDS:
        places = range(len(shares) - len(words) + 1, len(shares) + 1)
        axes.set_xlim(places[0] - 0.5, places[-1] + 0.5)
        axes.set_xticks(
            places, words, rotation=30 if len(words) <= 10 else 60, ha="right", rotation_mode="anchor"
        )
        axes.set_xlabel("")
    return drawn


def _answers(axes: Axes, shares: NDArray[np.float32], names: tuple[str, ...], truth: str | None) -> None:
    """Draw the probability of each class over the steps, and name those that lead for the most steps, and the last one."""
    steps, last = np.arange(1, len(shares) + 1), int(shares[-1].argmax())
    leads = np.bincount(shares.argmax(axis=1), minlength=shares.shape[1])
    leads[last] = len(shares) + 1
    order = np.lexsort((-shares.max(axis=0), -leads))
    few = len(shares) <= WORDS
    for place, index in enumerate(order):
        named = place < NAMED
        name = f"{names[index]}, the last answer" if index == last else names[index]
        axes.plot(
            steps,
            shares[:, index],
            label=name if named else "others" if place == NAMED else None,
            color=COLORS[place] if named else PALE,
            linewidth=2.2 if index == last else 1.6 if named else 0.8,
            zorder=3 if index == last else 2 if named else 1,
            marker="o" if few and named else "",
            markersize=5,
        )
    axes.set_xlim(1, len(shares))
    axes.set_ylim(0, 1.03)
    title = None if truth is None else f"right: {truth}"
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.05), title=title, alignment="left", handlelength=1.2)
    dress(axes, "", "steps read", "probability")


def _features(axes: Axes, features: NDArray[np.float32]) -> None:
    """Draw features (T, d) as an image, dark where they are large for their channel."""
    middle, largest = features.mean(axis=0), np.abs(features).max(axis=0)
    # A channel that hardly changes is grey, rather than its rounding made large.
    scaled = (features - middle) / np.maximum(features.std(axis=0), 1e-3 * largest + 1e-9)
    extent = (0.5, len(features) + 0.5, 0.5, features.shape[1] + 0.5)
    axes.imshow(
        scaled.T,
        cmap="Greys",
        vmin=-1.5,
        vmax=2.5,
        aspect="auto",
        origin="lower",
        extent=extent,
        interpolation="nearest",
    )
    dress(axes, "", "", f"{features.shape[1]} features", grid=False)
    axes.set_xlim(1, len(features))
    axes.set_xticks([])
    axes.set_yticks([])


def _partly(axes: Axes, model: Model, image: NDArray[np.uint8], seen: int) -> None:
    """Draw the pixels that the first `seen` steps of an image have read, and the others in blue."""
    permutation = model.card.preprocess.permutation
    order = np.arange(image.size) if permutation is None else permutation.indices()
    colors = np.repeat(image.reshape(-1, 1), 3, axis=1) / 255
    colors[order[seen:]] = UNREAD
    axes.imshow(colors.reshape(*image.shape, 3), interpolation="nearest")
    axes.set_title(f"{seen}", fontsize=11, color=INK)
    axes.set_axis_off()


def _image(sequence: Any) -> NDArray[np.uint8] | None:
    """The sequence, if it is an image of bytes."""
    if isinstance(sequence, np.ndarray) and sequence.dtype == np.uint8 and sequence.ndim == 2:
        return sequence if sequence.shape[1] > 1 else None
    return None
