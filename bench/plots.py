"""Draws lines of the table: how many times faster we are, with what is to be reached."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from hadamrnn_ext import disk
from record import Record
from report import Line, digits, lines
from targets import least

__all__ = ["draw", "steps"]

BLUE, ORANGE = "#0072B2", "#D55E00"
SIZE = 16  # points, which are legible at half of the size of the picture


def draw(stem: Path, records: Sequence[Record], best: bool = False) -> list[Path]:
    """Draws the pictures that the records allow and returns their paths, which begin with ``stem``.

    best: draw the fastest peer of each case alone.
    """
    mpl.use("Agg")
    paths = []
    compared = [line for line in lines(records, best) if line.ratio == "times faster" and line.record.ratio]
    if compared:
        paths.append(_ratios(stem.with_name(stem.name + "_ratios.png"), compared, best))
    if found := steps(records):
        paths.append(_steps(stem.with_name(stem.name + "_steps.png"), found))
    return paths


def steps(records: Sequence[Record]) -> list[Record]:
    """The times of a step of each size."""
    return [record for record in records if record.peer == "n_log2_n" and record.ours_s]


def _ratios(path: Path, compared: Sequence[Line], best: bool) -> Path:
    """A bar for each line, from 1 on, with the peer in a column on the right. It is to be read at half of its size."""
    figure, axes = plt.subplots(
        figsize=(13, 1.8 + 0.68 * len(compared)), layout="constrained", facecolor="white"
    )
    for place, line in enumerate(compared):
        ratio, limit = line.record.ratio, least(line.record)
        axes.barh(place, ratio - 1, left=1, color=BLUE, height=0.55)
        if limit is not None:
            axes.plot(limit, place, "D", color=ORANGE, markersize=10, markeredgecolor="white", clip_on=False)
        beyond = max(ratio, limit or 1, 1), place
        style: dict[str, Any] = {"fontsize": SIZE, "va": "center", "textcoords": "offset points"}
        axes.annotate(digits(ratio), beyond, xytext=(10, 0), **style)
        axes.annotate(line.peer, (1, place), xycoords=("axes fraction", "data"), xytext=(10, 0), **style)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    least_of_all = min(line.record.ratio for line in compared)
    axes.set_xlim(
        min(0.5, least_of_all), 3 * max(max(line.record.ratio, least(line.record) or 0) for line in compared)
    )
    axes.set_yticks(range(len(compared)), [textwrap.fill(line.what, 46) for line in compared], fontsize=SIZE)
    axes.set_ylim(len(compared) - 0.4, -0.6)
    axes.set_title(f"times faster than the {'best ' if best else ''}peer on the right", fontsize=SIZE + 2)
    if any(least(line.record) is not None for line in compared):
        axes.set_xlabel("orange: to reach", fontsize=SIZE, color=ORANGE)
    axes.tick_params(axis="x", labelsize=SIZE)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return _save(path, figure)


def _steps(path: Path, records: Sequence[Record]) -> Path:
    sizes = [int(record.id.removeprefix("step_n")) for record in records]
    figure, axes = plt.subplots(figsize=(10, 6), layout="constrained", facecolor="white")
    axes.loglog(sizes, [1e9 * (record.ours_s or 0) for record in records], "o-", base=2, color=BLUE)
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set_yscale("log", base=10)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.set_xlabel("units", fontsize=SIZE)
    axes.set_ylabel("nanoseconds per step", fontsize=SIZE)
    axes.tick_params(labelsize=SIZE)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return _save(path, figure)


def _save(path: Path, figure: Figure) -> Path:
    disk.write_picture(path, figure, dpi=80)
    plt.close(figure)
    return path
