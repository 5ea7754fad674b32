"""The style of all pictures, in one place: sizes, colours and how axes look (extra `plot`).

A picture is paper with ink on it, white whatever the page behind it is, so that it reads the same in light and dark. Its
letters are large enough for half of its size. A network has the same colour and mark in every picture.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .machine import hint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLORS",
    "INK",
    "LARGE",
    "NETWORKS",
    "PALE",
    "SMALL",
    "available",
    "bytes_axis",
    "dress",
    "figure",
    "in_bytes",
    "legend",
]

PAPER, INK, PALE, GRID = "white", "#1f2328", "#9aa4ae", "#e4e8ec"
LARGE, SMALL = 12, 11  # points
FOURS = [4**power for power in range(4, 16)]

#: Colours that readers with any kind of colour vision can tell apart (Okabe and Ito 2008).
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

#: The name, the colour and the mark of each kind of network.
NETWORKS = {
    "hadamrnn": ("HadamRNN", "#0072B2", "o"),
    "lstm": ("LSTM", "#D55E00", "s"),
    "gru": ("GRU", "#009E73", "^"),
    "orthogonal": ("orthogonal RNN", "#CC79A7", "D"),
    "fastgrnn": ("FastGRNN", "#56B4E9", "v"),
    "cornn": ("coRNN", "#E69F00", "P"),
}


def available() -> bool:
    """Whether matplotlib is installed; it is imported when something is drawn."""
    return find_spec("matplotlib") is not None


def figure(width: float, height: float) -> Figure:
    """An empty figure of this many inches. Raises ImportError without matplotlib."""
    try:
        from matplotlib.figure import Figure  # not pyplot: no state, no window
    except ImportError:
        raise ImportError(f"pictures need matplotlib, which is not installed: {hint('plot')}") from None
    return Figure(figsize=(width, height), layout="constrained", facecolor=PAPER)


def dress(axes: Axes, title: str = "", x: str = "", y: str = "", *, grid: bool = True) -> None:
    """Gives axes their title, their labels and the common look, and the legend, if there is one, too."""
    axes.set_facecolor(PAPER)
    axes.set_title("")
    axes.set_title(title, fontsize=LARGE, color=INK, loc="left")
    axes.set_xlabel(x, fontsize=SMALL, color=INK)
    axes.set_ylabel(y, fontsize=SMALL, color=INK)
    axes.tick_params(which="both", labelsize=SMALL, labelcolor=INK, color=PALE)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    if grid:
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
    legend = axes.get_legend()
    if legend is not None:
        legend.set_frame_on(False)
        for text in (*legend.get_texts(), legend.get_title()):
            text.set(fontsize=SMALL, color=INK)


def legend(drawn: Figure, marks: dict[str, Any]) -> None:
    """One legend for all axes of a figure, below them: the name of each mark."""
    below = drawn.legend(
        list(marks.values()),
        list(marks),
        loc="outside lower center",
        ncols=6,
        columnspacing=1.4,
        handletextpad=0.3,
    )
    below.set_frame_on(False)
    for text in below.get_texts():
        text.set(fontsize=SMALL, color=INK)


def bytes_axis(axes: Axes, values: Any) -> None:
    """Makes the horizontal axis one of bytes, logarithmic, with marks at powers of two or, where these are many, of four."""
    low, high = min(values) / 1.8, 1.8 * max(values)
    marks = [2**power for power in range(8, 31) if low <= 2**power <= high]
    if len(marks) > 4:
        marks = [mark for mark in marks if mark in FOURS]
    axes.set_xscale("log", base=2)
    axes.set_xlim(low, high)
    axes.set_xticks(marks, [in_bytes(mark) for mark in marks])
    axes.set_xticks([], minor=True)


def in_bytes(count: float) -> str:
    """Bytes in words: 4 kB, 1.5 MB; a kB has 1,024 of them."""
    for unit, size in (("MB", 2**20), ("kB", 2**10)):
        if count >= size:
            return f"{count / size:.{0 if count >= 10 * size or count % size == 0 else 1}f} {unit}"
    return f"{count:.0f} B"
