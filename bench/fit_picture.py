"""Draws accuracy against what a model costs: bytes, seconds to fit, and microseconds for one series."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from hadamrnn_ext import disk

__all__ = ["WAYS", "Known", "draw"]

#: How the ways are called, with a colour and a mark.
WAYS = {
    "ours": ("hadamrnn fit", "#0072B2", "o"),
    "ours_4096": ("hadamrnn fit, 4 kB", "#56B4E9", "o"),
    "minirocket": ("MiniRocket", "#D55E00", "s"),
    "esn": ("echo state network", "#CC79A7", "D"),
    "gru": ("GRU", "#009E73", "^"),
}
#: data set -> way -> what is known of it: "accuracy" (of each seed), "bytes", "fit_s", "classify_s"
Known = dict[str, dict[str, dict[str, Any]]]
#: What a model costs, by its name in `Known`, and in which units.
COSTS = {
    "bytes": ("bytes of the model", 1.0),
    "fit_s": ("seconds to fit", 1.0),
    "classify_s": ("microseconds to classify one series", 1e6),
}


def draw(path: Path, known: Known) -> None:
    """A panel for each cost that is known."""
    mpl.use("Agg")
    panels = [cost for cost in COSTS if any(points(known, way, cost) for way in WAYS)]
    size = 4.4 * len(panels), 3.8
    figure, axes = plt.subplots(
        1, len(panels), figsize=size, sharey=True, layout="constrained", squeeze=False
    )
    for axis, cost in zip(axes[0], panels, strict=True):
        panel(axis, {way: found for way in WAYS if (found := points(known, way, cost))})
        axis.set_xlabel(COSTS[cost][0])
    axes[0][0].set_ylabel("test accuracy, %")
    disk.write_picture(path, figure, dpi=110)
    plt.close(figure)


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
        axis.scatter(costs, shares, s=14, color=color, marker=marker, alpha=0.3, linewidths=0)
        if not common:
            continue
        x = statistics.geometric_mean(found[name][0] for name in common)
        y = statistics.fmean(found[name][1] for name in common)
        axis.scatter(x, y, s=90, color=color, marker=marker, edgecolors="black", linewidths=0.8, zorder=3)
        above = label == "hadamrnn fit"  # whose mark may lie beside another one
        offset = (0, 8 if above else -14)
        axis.annotate(label, (x, y), xytext=offset, textcoords="offset points", ha="center", fontsize=8)
    axis.set_xscale("log")
    axis.margins(x=0.2)
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
