"""Pictures of results, where matplotlib is installed: accuracy against size, and training curves.

The pictures show the numbers of the table's rows, since names would cover one another. In the picture of sizes, a point
is numbered if no smaller network is better, or if its network is not a HadamRNN.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..disk import write_picture
from .results import Group

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "figure", "learning", "sizes"]

COLUMNS = 3
LINES = 6  # in a column of a legend
KINDS = {
    "hadamrnn": ("#0072B2", "o"),
    "lstm": ("#D55E00", "s"),
    "gru": ("#009E73", "^"),
    "orthogonal": ("#CC79A7", "D"),
    "fastgrnn": ("#56B4E9", "v"),
    "cornn": ("#E69F00", "P"),
}


def draw(groups: Sequence[Group], stem: Path, kind: str = "png") -> list[tuple[str, Path]]:
    """Writes both pictures beside `stem`, as "png" or "svg", and returns their titles and paths."""
    drawn = []
    for title, name, panel in (
        ("accuracy against size; numbers are rows of the table", "sizes", sizes),
        ("training curves; numbers are rows of the table", "curves", learning),
    ):
        path = stem.with_name(f"{stem.name}-{name}.{kind}")
        write_picture(path, figure(groups, panel), dpi=110)
        drawn.append((title, path))
    return drawn


def figure(groups: Sequence[Group], panel: Callable[[Axes, Sequence[Group]], None]) -> Figure:
    """A figure with a panel for each task."""
    from matplotlib.figure import Figure  # not pyplot: no state, no window

    tasks = list(dict.fromkeys(group.task for group in groups))
    columns = min(COLUMNS, len(tasks))
    rows = -(-len(tasks) // columns)
    figure = Figure(figsize=(4.2 * columns, 3.4 * rows), layout="constrained")
    for i, task in enumerate(tasks):
        axes = figure.add_subplot(rows, columns, i + 1)
        axes.set_title(task)
        panel(axes, [group for group in groups if group.task == task])
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def sizes(axes: Axes, groups: Sequence[Group]) -> None:
    """Draws the mean test score against the payload in bytes, with a bar from the worst seed to the best."""
    from matplotlib.ticker import LogLocator

    best = -1.0
    for x, y, group in sorted(
        ((_bytes(group), _score(group), group) for group in groups), key=lambda point: (point[0], -point[1])
    ):
        color, marker = KINDS[group.config.preset.model]
        scores = [100 * score for score in group.values(f"test_{group.metric}")]
        bar = [[y - min(scores)], [max(scores) - y]]
        axes.errorbar([x], [y], bar, color=color, marker=marker, capsize=3, linestyle="")
        if y > best or group.config.preset.model != "hadamrnn":
            axes.annotate(str(group.number), (x, y), xytext=(5, 3), textcoords="offset points", fontsize=8)
        best = max(best, y)
    bytes_ = [_bytes(group) for group in groups]
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(
        LogLocator(base=2, numticks=6)
    )  # leaves room for numbers of seven digits side by side
    axes.set_xlim(min(bytes_) / 2, 2 * max(bytes_))  # at least two powers of two, and room for a number
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.tick_params(axis="x", labelsize=8)
    axes.margins(y=0.15)
    axes.set_xlabel("bytes")
    axes.set_ylabel(f"test {groups[0].metric}, %")


def learning(axes: Axes, groups: Sequence[Group]) -> None:
    """Draws the validation score after each epoch: a recipe's mean over its runs, in a band from worst to best."""
    for number, group in enumerate(groups):
        runs = ([100 * line[f"val_{group.metric}"] for line in run.epochs] for run in group.runs)
        scores = list(zip(*runs, strict=False))
        epochs, color = range(1, len(scores) + 1), f"C{number % 10}"
        axes.fill_between(
            epochs, list(map(min, scores)), list(map(max, scores)), color=color, alpha=0.15, linewidth=0
        )
        axes.plot(
            epochs,
            list(map(statistics.fmean, scores)),
            color=color,
            linewidth=1.2,
            marker="." if len(scores) == 1 else "",
            label=str(group.number),
        )
    axes.locator_params(axis="x", integer=True)
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"validation {groups[0].metric}, %")
    axes.legend(fontsize=7, loc="lower right", ncols=-(-len(groups) // LINES))


def _bytes(group: Group) -> float:
    return group.mean("payload_bytes") or 0


def _score(group: Group) -> float:
    return 100 * (group.mean(f"test_{group.metric}") or 0)
