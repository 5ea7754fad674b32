"""Draws records: ratios with their targets, and time over n log2 n."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from hadamrnn_ext import disk
from record import Record
from targets import AT_MOST, least

__all__ = ["draw"]


def draw(stem: Path, records: Sequence[Record]) -> list[Path]:
    """Draws the pictures that the records allow and returns their paths, which begin with ``stem``."""
    mpl.use("Agg")
    paths = []
    compared = [record for record in records if record.ours_s and record.peer_s and record.key not in AT_MOST]
    if compared:
        paths.append(_ratios(stem.with_name(stem.name + "_ratios.png"), compared))
    steps = [record for record in records if record.peer == "n_log2_n" and record.ours_s]
    if steps:
        paths.append(_steps(stem.with_name(stem.name + "_steps.png"), steps))
    return paths


def _ratios(path: Path, records: Sequence[Record]) -> Path:
    figure, axes = plt.subplots(figsize=(8, 1 + 0.3 * len(records)), layout="constrained")
    places = range(len(records))
    axes.barh(places, [record.ratio for record in records], color="#4477aa")
    for place, record in zip(places, records, strict=True):
        axes.annotate(f" {record.ratio:.3g}", (record.ratio, place), va="center", fontsize=8)
        if (limit := least(record)) is not None:
            axes.plot(limit, place, "|", color="#cc3311", markersize=12, markeredgewidth=2)
    axes.set_xscale("log")
    axes.set_yticks(places, [record.key for record in records], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(f"times faster than the peer ({records[0].isa}); red: target")
    axes.margins(x=0.12)
    return _save(figure, path)


def _steps(path: Path, records: Sequence[Record]) -> Path:
    sizes = [int(record.id.removeprefix("step_n")) for record in records]
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    axes.loglog(sizes, [1e9 * (record.ours_s or 0) for record in records], "o-", base=2)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.set_yscale("log", base=10)
    axes.set_xlabel("hidden size n")
    axes.set_ylabel(f"nanoseconds a step ({records[0].isa})")
    axes.grid(alpha=0.3)
    return _save(figure, path)


def _save(figure: Figure, path: Path) -> Path:
    disk.write_picture(path, figure, dpi=120)
    plt.close(figure)
    return path
