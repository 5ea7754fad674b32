"""A task: examples to train on, to choose by and to report on, and what they are judged by. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..file.data_card import DataCard
from ..file.preprocess import Normalization, Preprocess
from . import metrics
from .dataset import Dataset
from .metrics import Scores

__all__ = [
    "CALIBRATION",
    "EVALUATION_BATCH",
    "Index",
    "Known",
    "Split",
    "Task",
    "calibration",
    "classification",
    "evaluate",
    "means",
]

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

    def raw(self, index: Index) -> tuple[NDArray[Any], ...]:
        """Input as `Model.infer` takes it (before `Task.preprocess`), targets, and where sequences differ in length
        their lengths (B,)."""

    def batch(self, index: Index) -> tuple[NDArray[Any], ...]:
        """Input as the network computes with it: (B, T, d) float32 or (B, T) integer tokens; the rest as of `raw`."""


@dataclass(frozen=True)
class Task:
    """Data and its meaning. `chosen_by` is the score that picks the best epoch on the validation split.

    `conclude` makes what is reported of the means of `scores` over a split: scores of a whole split, such as balanced
    accuracy, are functions of means. `class_weights` weigh the loss of training. `answers` are the means and scales of
    targets that are values: a network learns them normalized, and its model answers in their units. `data` is what the
    model remembers of the files, and `settings` what else of the data, see `card.Training`. `note` tells how the examples
    were split, where that was not by chance.
    """

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
    conclude: Callable[[dict[str, float]], dict[str, float]] = dict
    class_weights: tuple[float, ...] | None = None
    answers: Normalization | None = None
    data: DataCard | None = None
    note: str = ""
    settings: dict[str, bool | int | float | str] = field(default_factory=dict)

    def better(self, new: dict[str, float], old: dict[str, float]) -> bool:
        """Whether `new` validation scores beat `old`. The loss decides where both have as many right, as is usual where
        there are few examples or all are right; if that is equal too, the earlier epoch stays."""
        if self.chosen_by == "loss" or new[self.chosen_by] == old[self.chosen_by]:
            return new["loss"] < old["loss"]
        return new[self.chosen_by] > old[self.chosen_by]


@dataclass(frozen=True)
class Known:
    """A task that has a name, as the module of its data set exports it in `TASKS`.

    `make` is called with its name, the folder of the data set, whether to verify, and if it is one of `texts` a
    tokenizer or None. A task of a data set that is None generates its data: `make` is called with its name and its length.
    """

    make: Callable[..., Task]
    dataset: Dataset | None
    texts: bool = False


def classification(
    name: str,
    splits: tuple[Split, Split, Split],
    labels: tuple[str, ...],
    *,
    input: Literal["features", "tokens"],
    input_size: int,
    length: int,
    preprocess: Preprocess,
) -> Task:
    """A task of one class for each sequence. Of two classes one logit says which, as the paper's binary tasks have it."""
    return Task(
        name,
        *splits,
        input=input,
        input_size=input_size,
        output="last",
        output_size=1 if len(labels) == 2 else len(labels),
        length=length,
        scores=metrics.classification,
        chosen_by="accuracy",
        preprocess=preprocess,
        labels=labels,
    )


def calibration(
    task: Task, count: int = CALIBRATION
) -> Iterator[NDArray[Any] | tuple[NDArray[Any], NDArray[Any]]]:
    """The first `count` training inputs, raw, in batches, with their lengths if they differ: what `Model.quantize` reads."""
    count = min(count, len(task.train))
    for start in range(0, count, CALIBRATION_BATCH):
        inputs, _, *lengths = task.train.raw(slice(start, min(start + CALIBRATION_BATCH, count)))
        yield (inputs, lengths[0]) if lengths else inputs


def evaluate(
    predict: Callable[..., NDArray[np.float32]],
    task: Task,
    split: Split,
    *,
    raw: bool,
    batch_size: int = EVALUATION_BATCH,
    progress: Callable[[int], object] = lambda done: None,
) -> dict[str, float]:
    """Scores of `predict` over `split`; `raw` says which input it takes, see `Split`.

    `predict` maps input to answers, with lengths as its second argument where the sequences of a batch differ in
    length. An empty split has no scores.
    """
    return task.conclude(means(predict, task, split, raw=raw, batch_size=batch_size, progress=progress))


def means(
    predict: Callable[..., NDArray[np.float32]],
    task: Task,
    split: Split,
    *,
    raw: bool,
    batch_size: int = EVALUATION_BATCH,
    progress: Callable[[int], object] = lambda done: None,
) -> dict[str, float]:
    """The means of `task.scores` over `split`, from which `task.conclude` makes its scores; as `evaluate`."""
    totals: dict[str, float] = {}
    for start in range(0, len(split), batch_size):
        index = slice(start, start + batch_size)
        inputs, targets, *lengths = split.raw(index) if raw else split.batch(index)
        for name, values in task.scores(predict(inputs, *lengths), targets).items():
            totals[name] = totals.get(name, 0.0) + float(values.sum())
        progress(min(start + batch_size, len(split)))
    return {name: total / len(split) for name, total in totals.items()}
