"""The search for a learning rate on validation data, over a grid that is the same for every network."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from ..data.task import Task
from ..disk import write
from ..recipe.config import Config
from ..recipe.preset import RATES, SHORT
from .initial import build
from .log import RATES_LOG, records
from .parallel import Workers
from .progress import Reporter
from .trainer import DivergedError, Trainer

__all__ = ["searched"]


def searched(
    config: Config, task: Task, out: Path, reporter: Reporter, workers: Workers, *, again: bool = False
) -> Config:
    """The configuration with that learning rate of `RATES` whose short run has the best validation scores.

    A short run has one `SHORT`-th of the epochs, rounded up, and the whole schedule in them. Two rates are compared as
    two epochs are (`Task.better`). What the log in `out` says of a rate with this very configuration is not tried once
    more, unless `again` is true. Test data are not looked at.

    Raises DivergedError if the loss diverges with every rate.
    """
    path = out / RATES_LOG
    known = workers.from_main(lambda: list(records(path)) if path.exists() and not again else [])
    lines: list[dict[str, Any]] = []
    best: tuple[float, dict[str, float]] | None = None
    for rate in RATES:
        epochs = math.ceil(config.preset.epochs / SHORT)
        short = replace(config, preset=replace(config.preset, lr=rate, epochs=epochs))
        recipe = {"event": "rate", **short.to_dict()}
        line = next((line for line in known if recipe.items() <= line.items()), None)
        if line is None:
            line = {**recipe, **_tried(short, task, reporter, workers)}
        lines.append(line)
        if workers.main:
            out.mkdir(parents=True, exist_ok=True)
            write(path, "".join(json.dumps(line) + "\n" for line in lines).encode())
        scores = {name[4:]: value for name, value in line.items() if name.startswith("val_")}
        told = "  ".join(f"val {name} {value:.4f}" for name, value in scores.items()) or "diverged"
        reporter.note(f"lr {rate:g}, {epochs} epochs: {told}")
        if scores and (best is None or task.better(scores, best[1])):
            best = rate, scores
    if best is None:
        raise DivergedError(f"the loss diverges with every learning rate of {', '.join(map(str, RATES))}")
    reporter.note(f"lr {best[0]:g} is the best in validation")
    return replace(config, preset=replace(config.preset, lr=best[0]))


def _tried(short: Config, task: Task, reporter: Reporter, workers: Workers) -> dict[str, Any]:
    """What the log says of a run: the best epoch and its validation scores, or nothing if the loss diverged."""
    torch.manual_seed(short.seed)
    with TemporaryDirectory() as folder:
        model = build(short, task)
        trainer = Trainer(short, task, model, Path(folder), reporter, workers, checkpoint_seconds=math.inf)
        try:
            trainer.fit()
        except DivergedError as error:
            reporter.note(str(error))
            return {}
    scores = {f"val_{name}": value for name, value in trainer.progress.best_scores.items()}
    return {"best_epoch": trainer.progress.best_epoch, **scores}
