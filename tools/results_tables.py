"""Writes the tables of docs/results.md that are made of the logs in docs/runs.

Usage: python tools/results_tables.py
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hadamrnn_ext.drawing import NETWORKS
from hadamrnn_ext.train import results
from hadamrnn_ext.train.pictures import comparable
from hadamrnn_ext.train.results import Group
from sections import replaced, table

__all__ = ["PAGE", "page"]

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, RUNS = DOCS / "results.md", DOCS / "runs"
#: Tasks of the paper, and what is asked there.
PAPER = {
    "copy T=1000": "ten symbols, to be repeated after 1,000 steps; whole sequences",
    "smnist": "digits, pixel by pixel",
    "pmnist": "the same, in a fixed random order",
    "imdb": "film reviews",
    "sst2": "sentences from film reviews",
}


def paper(groups: Sequence[Group]) -> list[tuple[str, ...]]:
    """A row for each task of the paper: the published recipe, which learns the signs, and ours."""
    rows: list[tuple[str, ...]] = [("task", "what is asked", "published recipe", "file", "ours", "file")]
    for task, asked in PAPER.items():
        found = [group for group in groups if group.task == task and group.config.preset.model == "hadamrnn"]
        published = next(
            group for group in found if group.config.command() == f"hadamrnn train {task.split()[0]}"
        )
        ours = bundled(found)
        rows.append(
            (f"`{task.split()[0]}`", asked, score(published), file(published), score(ours), file(ours))
        )
    return rows


def networks(groups: Sequence[Group]) -> list[tuple[str, ...]]:
    """A row for each recipe of another kind of network, after ours; for tasks in which they were trained to the end."""
    rows: list[tuple[str, ...]] = [
        (
            "task",
            "network",
            "units",
            "reads",
            "rate",
            "epochs",
            "size, bytes",
            "operations per step",
            "test",
            "seeds",
        )
    ]
    for task in dict.fromkeys(group.task for group in groups):
        among = [group for group in groups if group.task == task]
        enough = comparable(among)
        others = [group for group in among if group.config.preset.model != "hadamrnn"]
        if not any(group in enough for group in others):
            continue
        ours = bundled(among)
        for group in (ours, *others):
            preset = group.config.preset
            size = group.mean("file_bytes" if group is ours else "payload_bytes") or 0
            rows.append(
                (
                    f"`{task}`" if group is ours else "",
                    f"**{NETWORKS[preset.model][0]}**" if group is ours else NETWORKS[preset.model][0],
                    str(preset.hidden_size),
                    "the mean" if preset.output == "mean" else "the last state",
                    f"{preset.lr:g}{', searched' if any(run.searched for run in group.runs) else ''}",
                    str(preset.epochs),
                    f"{size:,.0f}",
                    f"{group.mean('operations') or 0:,.0f}",
                    score(group),
                    str(len(group.runs)),
                )
            )
    return rows


def bundled(groups: Sequence[Group]) -> Group:
    """The recipe of the model that comes with the package: its runs have the name of the task."""
    return next(group for group in groups if group.runs[0].folder.name == f"{group.config.preset.task}-0")


def score(group: Group) -> str:
    mean, spread = group.mean(f"test_{group.metric}"), group.spread(f"test_{group.metric}")
    each = [f"{100 * value:.0f}" for value in group.values(f"test_{group.metric}")]
    if spread is not None and spread > 0.2:  # some seeds fail altogether: a mean would hide it
        return f"{', '.join(each[:-1])} and {each[-1]} %"
    return f"{100 * (mean or 0):.1f}{'' if spread is None else f' ± {100 * spread:.1f}'} %"


def file(group: Group) -> str:
    return f"{group.mean('file_bytes') or 0:,.0f} B"


def page(text: str) -> str:
    """The page with its tables as they should be."""
    groups, _ = results.collect([RUNS])
    for name, rows in (("the paper", paper(groups)), ("other networks", networks(groups))):
        text = replaced(text, f"tools/results_tables.py: {name}", table(rows))
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
