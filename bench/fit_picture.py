"""Draws accuracy against what a model costs: bytes, seconds to fit, and microseconds for one series."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from hadamrnn_ext import disk, drawing

__all__ = ["WAYS", "Known", "draw"]

#: How the ways are called, with a colour and a mark.
WAYS = {
    "ours": ("hadamrnn fit", drawing.COLORS[0], "o"),
    "ours_4096": ("hadamrnn fit, 4 kB", drawing.COLORS[5], "o"),
    "minirocket": ("MiniRocket", drawing.COLORS[1], "s"),
    "esn": ("echo state network", drawing.COLORS[3], "D"),
    "gru": ("GRU", drawing.COLORS[2], "^"),
}
#: data set -> way -> what is known of it: "accuracy" (of each seed), "bytes", "fit_s", "classify_s"
Known = dict[str, dict[str, dict[str, Any]]]
#: What a model costs, by its name in `Known`, and in which units.
COSTS = {
    "bytes": ("size of the model", 1.0),
    "fit_s": ("seconds to fit", 1.0),
    "classify_s": ("µs to classify one series", 1e6),
}
#: Where the name of a way stands: points to the right of its mark, points above it, and what of the name is there.
PLACES = {"ours": (10, -4, "left"), "minirocket": (0, 13, "center"), "ours_4096": (-8, -22, "left")}
LOWEST = 55  # per cent; single data sets may lie below


def draw(path: Path, known: Known) -> None:
    """A panel for each cost that is known."""
    panels = [cost for cost in COSTS if any(points(known, way, cost) for way in WAYS)]
    drawn = drawing.figure(1.2 + 4.1 * len(panels), 4.2)
    widths = [1.6 if cost == "bytes" else 1 for cost in panels]
    axes = drawn.subplots(1, len(panels), sharey=True, squeeze=False, width_ratios=widths)[0]
    for axis, cost in zip(axes, panels, strict=True):
        panel(axis, {way: found for way in WAYS if (found := points(known, way, cost))})
        if cost == "bytes":
            drawing.bytes_axis(axis, [size for way in WAYS for size, _ in points(known, way, cost).values()])
        else:
            axis.xaxis.set_major_formatter("{x:g}")
        drawing.dress(axis, "", COSTS[cost][0], "test accuracy, %" if axis is axes[0] else "")
    axes[0].set_ylim(LOWEST, 102)
    disk.write_picture(path, drawn)


def points(known: Known, way: str, cost: str) -> dict[str, tuple[float, float]]:
    """The cost and the accuracy of a way on each data set of which both are known."""
    return {
        name: (COSTS[cost][1] * ways[way][cost], 100 * statistics.fmean(ways[way]["accuracy"]))
        for name, ways in known.items()
        if {cost, "accuracy"} <= ways.get(way, {}).keys()
    }


def panel(axis: Axes, drawn: dict[str, dict[str, tuple[float, float]]]) -> None:
    """Small marks for data sets, and a large one for each way, over the data sets that all ways have."""
    common = sorted(set.intersection(*(set(found) for found in drawn.values())))
    for way, found in drawn.items():
        label, color, marker = WAYS[way]
        costs, shares = zip(*found.values(), strict=True)
        axis.scatter(costs, shares, s=22, color=color, marker=marker, alpha=0.35, linewidths=0)
        if not common:
            continue
        x = statistics.geometric_mean(found[name][0] for name in common)
        y = statistics.fmean(found[name][1] for name in common)
        axis.scatter(
            x, y, s=120, color=color, marker=marker, edgecolors=drawing.INK, linewidths=0.8, zorder=3
        )
        right, up, end = PLACES.get(way, (0, -20, "center"))
        axis.annotate(
            label,
            (x, y),
            xytext=(right, up),
            textcoords="offset points",
            ha=end,
            fontsize=drawing.SMALL,
            color=drawing.INK,
        )
    axis.set_xscale("log")
    axis.margins(x=0.25)
