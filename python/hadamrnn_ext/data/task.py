"""A task: examples for training, for validation and for the test, and the scores by which answers are judged."""

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
    "Stacked",
    "Task",
    "calibration",
    "classification",
    "evaluate",
    "means",
]

#: Sequences per batch of an evaluation: enough for several threads; the copy task then has 36 MB of logits.
EVALUATION_BATCH = 1000
#: The number of training examples that set the scales of an integer model, and how many of them are in a batch.
CALIBRATION, CALIBRATION_BATCH = 500, 100

Index = slice | NDArray[np.int64]


class Split(Protocol):
    """Examples in a compact form, which become arrays batch by batch."""

    def __len__(self) -> int: ...

    def take(self, index: Index) -> Split:
        """A split of the examples `index`."""

    def raw(self, index: Index) -> tuple[NDArray[Any], ...]:
        """Raw input as `Model.infer` takes it, targets, and the lengths (B,) if the sequences differ in length."""

    def batch(self, index: Index) -> tuple[NDArray[Any], ...]:
        """Preprocessed input, (B, T, d) float32 or (B, T) integer tokens, and the rest as in `raw`."""


@dataclass(frozen=True)
class Stacked:
    """A split of sequences of one length: features (N, T, d) float32 or tokens (N, T) int32, and their classes (N,).

    people: the person (N,) of each sequence, if known. normalization: of the features, for the network.
    """

    inputs: NDArray[Any]
    classes: NDArray[np.int64]
    people: NDArray[np.int64] | None = None
    normalization: Normalization | None = None

    def __len__(self) -> int:
        return len(self.classes)

    def take(self, index: Index) -> Stacked:
        people = None if self.people is None else self.people[index]
        return Stacked(self.inputs[index], self.classes[index], people, self.normalization)

    def raw(self, index: Index) -> tuple[NDArray[Any], NDArray[np.int64]]:
        return self.inputs[index], self.classes[index]

    def batch(self, index: Index) -> tuple[NDArray[Any], NDArray[np.int64]]:
        inputs, classes = self.raw(index)
        return inputs if self.normalization is None else self.normalization.apply(inputs), classes


@dataclass(frozen=True)
class Task:
    """Data and its meaning. `chosen_by` is the score that selects the best epoch on the validation split.

    `conclude` computes the reported scores from the means of `scores` over a split, since scores of a whole split, such as
    balanced accuracy, are functions of means. `class_weights` weight the loss of training. `answers` are the means and
    scales of targets that are values: a network learns normalized values, and its model answers in their units. `data` and
    `settings` are what the model remembers of the files and of the data, see `card.Training`. `note` says how the examples
    were split, if not at random.
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
        """Whether the `new` validation scores are better than the `old` ones.

        If both are equal, as is common with few or easy examples, the loss decides; if it is equal too, `old` stays.
        """
        if self.chosen_by == "loss" or new[self.chosen_by] == old[self.chosen_by]:
            return new["loss"] < old["loss"]
        return new[self.chosen_by] > old[self.chosen_by]


@dataclass(frozen=True)
class Known:
    """A task that is known by its name. The module of its data set exports it in `TASKS`.

    `make` is called with the name, the folder of the data set, whether to verify checksums, and for `texts` also with a
    tokenizer or None. If `dataset` is None the data are generated, and `make` is called with the name and the length.
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
    """A task with one class per sequence. A single logit tells two classes apart, as in the paper's binary tasks."""
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
    """The first `count` training inputs as `Model.quantize` takes them: raw, in batches, with lengths if these differ."""
    count = min(count, len(task.train))
    for start in range(0, count, CALIBRATION_BATCH):
        inputs, _, *lengths = task.train.raw(slice(start, min(start + CALIBRATION_BATCH, count)))
        yield (inputs, lengths[0]) if lengths else inputs


def evaluate(
    predict: Callable[..., NDArray[np.float32]], task: Task, split: Split, **how: Any
) -> dict[str, float]:
    """Scores of `predict` over `split`, as `means` computes them; an empty split has none."""
    return task.conclude(means(predict, task, split, **how))


def means(
    predict: Callable[..., NDArray[np.float32]],
    task: Task,
    split: Split,
    *,
    raw: bool,
    batch_size: int = EVALUATION_BATCH,
    progress: Callable[[int], object] = lambda done: None,
) -> dict[str, float]:
    """The means of `task.scores` over `split`, of its sequences or of their steps, from which `task.conclude` makes its scores.

    `predict` maps input to answers, with lengths as its second argument where the sequences of a batch differ in
    length; `raw` says which input it takes, see `Split`. `progress` is told how many sequences are done.
    """
    totals: dict[str, float] = {}
    counts: dict[str, int] = {}
    for start in range(0, len(split), batch_size):
        index = slice(start, start + batch_size)
        inputs, targets, *lengths = split.raw(index) if raw else split.batch(index)
        for name, values in task.scores(predict(inputs, *lengths), targets).items():
            totals[name] = totals.get(name, 0.0) + float(values.sum())
            counts[name] = counts.get(name, 0) + len(values)
        progress(min(start + batch_size, len(split)))
    return {name: total / counts[name] for name, total in totals.items()}
