"""Finished runs as records: they are read from their logs and grouped by recipe."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import HadamRNNError
from ..recipe.config import Config
from ..recipe.preset import BASELINES, Preset
from ..recipe.setting import only_of
from .log import RATES_LOG, records

__all__ = ["METRICS", "NOTES", "Group", "ResultError", "Run", "collect", "notes"]

#: The name of a text in a folder of runs that a page ends with.
NOTES = "notes.md"

#: The score that a task is reported by is the first of these that it has.
METRICS = ("accuracy", "sequences", "r2")


class ResultError(HadamRNNError):
    """There is nothing to report, or a path is not a folder."""


@dataclass(frozen=True)
class Run:
    """A finished run: a folder with a log that ends in a summary."""

    folder: Path
    config: Config
    epochs: list[dict[str, Any]]
    summary: dict[str, Any]

    @property
    def searched(self) -> bool:
        """Whether the learning rate was searched (rates.py)."""
        return (self.folder / RATES_LOG).exists()


@dataclass(frozen=True)
class Group:
    """One or more runs of one recipe, which differ in their seeds. The groups of a page are numbered from 1."""

    number: int
    runs: list[Run]

    @property
    def config(self) -> Config:
        return self.runs[0].config

    @property
    def task(self) -> str:
        """The task, with the number of steps if the recipe sets it: "pmnist", "copy T=1000"."""
        preset = self.config.preset
        return preset.task if preset.length is None else f"{preset.task} T={preset.length}"

    @property
    def metric(self) -> str:
        """The name of the score by which these runs are reported."""
        return next(name for name in METRICS if f"test_{name}" in self.runs[0].summary)

    @property
    def name(self) -> str:
        """The model in a few words, such as "Block-HadamRNN n=512 m=32 relu V3 b8" (3 bits in V, 8 in b).

        What has its usual value is left out.
        """
        preset = self.config.preset
        n, m = preset.hidden_size, preset.block_size
        mean = " mean" if preset.output == "mean" else ""
        if preset.model in BASELINES:
            own = {name: getattr(preset, name) for name in only_of(Preset, preset.model)}
            said = "".join(f" {name}={value}" for name, value in own.items() if value is not None)
            return f"{BASELINES[preset.model]} n={n}{said}{mean}"
        name = f"HadamRNN n={n}" if m in (None, n) else f"Block-HadamRNN n={n} m={m}"
        if preset.num_layers > 1:
            name += f" L={preset.num_layers}"
        if preset.recurrence != "linear":
            name += f" {preset.recurrence}"
        if preset.weight_bits != 4:
            name += f" p={preset.weight_bits or 'float'}"
        if preset.output_weight_bits not in ("same", preset.weight_bits):
            name += f" V{preset.output_weight_bits or ' float'}"
        if preset.bias_bits is not None:
            name += f" b{preset.bias_bits}"
        if preset.state_bits is not None:
            name += f" {preset.state_bits}-bit state"
        return name + mean

    def values(self, name: str) -> list[float]:
        """This number from each summary, without the runs of versions that did not write it."""
        return [run.summary[name] for run in self.runs if name in run.summary]

    def mean(self, name: str) -> float | None:
        values = self.values(name)
        return statistics.fmean(values) if values else None

    def spread(self, name: str) -> float | None:
        """The standard deviation over the seeds, or None if there are fewer than two."""
        values = self.values(name)
        return statistics.stdev(values) if len(values) > 1 else None


def collect(paths: Iterable[str | Path]) -> tuple[list[Group], list[str]]:
    """The groups of runs in and below these folders, and a line for each run that was left out, which says why.

    Groups are sorted by task and then by size. Raises `ResultError` if a path is not a folder, or if no run in the
    folders has finished.
    """
    recipes: dict[tuple[tuple[str, Any], ...], dict[int, Run]] = {}
    left_out: list[str] = []
    for folder in _folders(paths):
        lines = list(records(folder / "log.jsonl"))
        if not lines or lines[-1]["event"] != "summary":
            left_out.append(f"{folder}: not finished, {len(lines)} epochs so far")
            continue
        config = Config.from_dict(lines[-1])
        recipe = tuple((name, value) for name, value in config.to_dict().items() if name != "seed")
        seeds = recipes.setdefault(recipe, {})
        if config.seed in seeds:
            left_out.append(f"{folder}: the same recipe and seed as {seeds[config.seed].folder}")
        else:
            seeds[config.seed] = Run(folder, config, lines[:-1], lines[-1])
    if not recipes:
        raise ResultError(f"no finished run in {', '.join(map(str, paths))}")
    groups = sorted(
        (Group(0, [seeds[seed] for seed in sorted(seeds)]) for seeds in recipes.values()), key=_place
    )
    return [replace(group, number=number) for number, group in enumerate(groups, 1)], left_out


def notes(paths: Iterable[str | Path]) -> list[str]:
    """The texts that lie as `notes.md` in these folders, which say what logs do not: published figures, for example."""
    files = [Path(path) / NOTES for path in paths]
    return [file.read_text(encoding="utf-8").strip() for file in files if file.exists()]


def _folders(paths: Iterable[str | Path]) -> Sequence[Path]:
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if not path.is_dir():
            raise ResultError(f"{path} is not a folder")
        found |= dict.fromkeys(sorted(log.parent for log in path.rglob("log.jsonl")))
    return list(found)


def _place(group: Group) -> tuple[str, int, float, str]:
    preset = group.config.preset
    return preset.task, preset.length or 0, group.mean("payload_bytes") or 0, group.config.command()
