"""A task: examples to train on, to choose by and to report on, and what they are judged by. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..preprocess import Preprocess
from .metrics import Scores

__all__ = ["CALIBRATION", "EVALUATION_BATCH", "Index", "Split", "Task", "calibration", "evaluate"]

#: Sequences that are scored at a time: enough to share among threads, 36 MB of logits for the copy task.
EVALUATION_BATCH = 1000
#: Training examples that set the scales of an integer model, and how many of them run at a time.
CALIBRATION, CALIBRATION_BATCH = 500, 100

Index = slice | NDArray[np.int64]


class Split(Protocol):
    """Examples that are kept small and are made into arrays a batch at a time."""

    def __len__(self) -> int: ...

    def take(self, index: Index) -> Split:
        """The examples `index` as a split of its own."""

    def raw(self, index: Index) -> tuple[NDArray[Any], NDArray[Any]]:
        """Input as `Model.infer` takes it (before `Task.preprocess`), and targets."""

    def batch(self, index: Index) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Input as the network computes with it: (B, T, d) float32 or (B, T) int64 tokens; and targets."""


@dataclass(frozen=True)
class Task:
    """Data and its meaning. `chosen_by` is the score that picks the best epoch on the validation split."""

    name: str
    train: Split
    validation: Split
    test: Split
    input: Literal["features", "tokens"]
    input_size: int
    output: Literal["last", "all"]
    output_size: int
    length: int
    scores: Callable[[NDArray[np.float32], NDArray[Any]], Scores]
    chosen_by: str
    preprocess: Preprocess = field(default_factory=Preprocess)
    labels: tuple[str, ...] | None = None

    def better(self, new: dict[str, float], old: dict[str, float]) -> bool:
        """Whether `new` validation scores beat `old`; a tie does not, so the earlier epoch stays."""
        if self.chosen_by == "loss":
            return new["loss"] < old["loss"]
        return new[self.chosen_by] > old[self.chosen_by]


def calibration(task: Task, count: int = CALIBRATION) -> Iterator[NDArray[Any]]:
    """The first `count` training inputs, raw, in batches: what `Model.quantize` reads."""
    count = min(count, len(task.train))
    for start in range(0, count, CALIBRATION_BATCH):
        yield task.train.raw(slice(start, min(start + CALIBRATION_BATCH, count)))[0]


def evaluate(
    predict: Callable[[NDArray[Any]], NDArray[np.float32]],
    task: Task,
    split: Split,
    *,
    raw: bool,
    batch_size: int = EVALUATION_BATCH,
    progress: Callable[[int], object] = lambda done: None,
) -> dict[str, float]:
    """Mean scores of `predict` (input to logits) over `split`; `raw` says which input it takes, see `Split`."""
    totals: dict[str, float] = {}
    for start in range(0, len(split), batch_size):
        index = slice(start, start + batch_size)
        inputs, targets = split.raw(index) if raw else split.batch(index)
        for name, values in task.scores(predict(inputs), targets).items():
            totals[name] = totals.get(name, 0.0) + float(values.sum())
        progress(min(start + batch_size, len(split)))
    return {name: total / len(split) for name, total in totals.items()}
