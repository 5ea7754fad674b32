"""Own data as a task, with its splits, normalization and scores."""

from __future__ import annotations

import dataclasses
import hashlib
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..file.card import Card
from ..file.data_card import DataCard
from ..file.preprocess import Normalization
from . import holdout, metrics
from .examples import Examples
from .missing import Impute
from .places import Places
from .reader import Reader
from .series import Sequences, Series, feature_names
from .step_targets import StepSeries, of_steps, score_steps
from .targets import Kind, Targets, targets
from .task import Task

__all__ = ["NAME", "VALIDATION_SHARE", "Options", "check_steps", "digest", "of_model", "scored", "task"]

NAME = "custom"
#: The share of the training examples that is used to choose the best epoch.
VALIDATION_SHARE = 0.15


class Options(NamedTuple):
    """How own data are read.

    tokens: whether integers without a feature axis are tokens (True) or numbers (False). By default (None) they are tokens
        if their type is signed and has at least 32 bits, and if all of them are in 0 .. 65,535.
    kind: of the targets, see `targets.targets`.
    impute: how missing values are filled in, see `missing.Impute`; None refuses them.
    normalize: subtract the mean of each channel and divide by its standard deviation.
    balanced: weight classes by the inverse of their frequency.
    validation: the share of the training examples that is used to choose the epoch.
    held_out: the share of all examples that is kept for the test, if there are no separate test examples.
    every_step: whether there is a target for every step.
    """

    tokens: bool | None = None
    kind: Kind | None = None
    impute: Impute | None = None
    normalize: bool = True
    balanced: bool = False
    validation: float = VALIDATION_SHARE
    held_out: float = 0.0
    every_step: bool = False


Pair = tuple[Any, Any]


def task(train: Examples | Pair, test: Examples | Pair | None, options: Options, seed: int = 0) -> Task:
    """The task of own sequences and targets. Without `test` and `held_out`, its test split is empty.

    `seed` selects the validation examples from `train`: the same share of each class, or whole groups if there are groups.
    Normalization, vocabulary and means are learned from the rest. Raises ShapeError or InputError, which name places in the
    data as they were given.
    """
    for name in ("validation", "held_out"):
        if not 0 <= (share := getattr(options, name)) < 1:
            raise InputError(f"{name} is {share}; expected a share from 0 to below 1")
    given = _examples(train)
    reader, found = Reader.of_data(given.x, given.places, options.tokens, options.impute)
    answers = (of_steps if options.every_step else of_sequences)(given, found, options.kind)
    count = len(found.lengths)
    groups = None if given.groups is None else holdout.groups_of(given.groups, count)
    # Sequences with a class for every step have none of their own.
    shared = Targets(np.zeros(count), None) if options.every_step else answers
    split = holdout.parts(
        shared, groups, 0.0 if test is not None else options.held_out, options.validation, seed
    )
    reader = reader.learned(found, split.train, options.normalize, given.places)
    examples = _series(reader, found, answers, given.places, options.every_step)
    tested = (
        examples.take(split.test)
        if test is None
        else _tested(_examples(test, "test "), reader, answers, options.every_step)
    )
    training = examples.take(split.train)
    chosen = Targets(_present(training) if options.every_step else training.targets, answers.labels)
    weights = class_weights(chosen) if options.balanced else None
    how = scored(answers.labels, chosen.normalization(), weights)
    if options.every_step:
        how["scores"] = score_steps(how["scores"])
    return Task(
        name=NAME,
        train=training,
        validation=examples.take(split.validation) if len(split.validation) else training,
        test=tested,
        input="features" if reader.kind == "features" else "tokens",
        input_size=reader.width,
        output="all" if options.every_step else "last",
        output_size=answers.outputs,
        length=int(found.lengths.max()),
        **how,
        chosen_by="loss" if answers.labels else "r2",
        preprocess=reader.preprocess,
        labels=answers.labels,
        class_weights=weights,
        answers=chosen.normalization(),
        data=data_card(given, reader),
        note="" if groups is None else _groups_note(groups, split),
    )


def of_model(card: Card, examples: Examples | Pair, impute: Impute | None = None) -> Task:
    """A task whose test split is own data, as the model with this card reads it. The other splits are empty.

    Of a model that answers at every step y has a target for each, as of `step_targets.one_after_another`. Missing values are
    filled in as in training, unless `impute` says otherwise. Raises ShapeError or InputError if the model was made for other
    data.
    """
    given = _examples(examples)
    reader = Reader.of_model(card, given.x, impute)
    found = reader.read(given.x, given.places)
    kind: Kind = "values" if card.labels is None else "classes"
    stepwise = card.output == "all"
    answers = (of_steps if stepwise else of_sequences)(given, found, kind, card.labels)
    if answers.outputs != card.output_size:
        each = "step" if stepwise else "sequence"
        raise InputError(f"y has {answers.outputs} values per {each}; the model answers {card.output_size}")
    how = scored(answers.labels, answers.normalization())
    if stepwise:
        how["scores"] = score_steps(how["scores"])
    test = _series(reader, found, answers, given.places, stepwise)
    empty = test.take(slice(0))
    return Task(
        name=NAME,
        train=empty,
        validation=empty,
        test=test,
        input=card.input,
        input_size=card.input_size,
        output="all" if stepwise else "last",
        output_size=card.output_size,
        length=int(found.lengths.max()),
        **how,
        chosen_by="loss",
        preprocess=card.preprocess,
        labels=answers.labels,
        data=card.data,
    )


def digest(task: Task, options: Options) -> str:
    """A digest of the training data and of how they are read, in 16 hexadecimal digits; resuming needs the same one."""
    total = hashlib.sha256(repr((options, task.labels, task.preprocess)).encode())
    for part in (task.train, task.validation):
        assert isinstance(part, Series)
        for array in (part.values, part.starts, part.lengths, part.targets):
            total.update(f"{array.dtype}{array.shape}".encode())
            total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()[:16]


def scored(
    labels: tuple[str, ...] | None, answers: Normalization | None, weights: tuple[float, ...] | None = None
) -> dict[str, Any]:
    """The `scores` of a task and how it `conclude`s, for classes or for values."""
    if labels is not None:
        scores = partial(metrics.by_class, count=len(labels), weights=weights)
        return {"scores": scores, "conclude": metrics.balance}
    assert answers is not None
    return {"scores": partial(metrics.regression, scale=answers), "conclude": metrics.explain}


def _examples(given: Examples | Pair, what: str = "") -> Examples:
    if isinstance(given, Examples):
        return given
    return Examples(*given, places=Places(f"{what}X"), y_places=Places(f"{what}y"))


def _tested(given: Examples, reader: Reader, answers: Targets, stepwise: bool = False) -> Series:
    """Test examples, which must have the features and classes of the training data."""
    x = reader.read(given.x, given.places)
    kind: Kind = "values" if answers.labels is None else "classes"
    y = (of_steps if stepwise else of_sequences)(given, x, kind, answers.labels)
    if y.values.shape[1:] != answers.values.shape[1:]:
        raise InputError(f"{given.y_places.name} has shape {y.values.shape}; expected (N, {answers.outputs})")
    return _series(reader, x, y, given.places, stepwise)


def _series(reader: Reader, x: Sequences, y: Targets, places: Places, stepwise: bool) -> Series:
    """Examples with a target each, or one for each step."""
    if not stepwise:
        return reader.series(x, y.values, places)
    return StepSeries.of(reader.series(x, np.zeros(len(x.lengths)), places), y.values)


def _present(examples: Series) -> Any:
    """The targets of all steps, one after another."""
    return examples.targets[np.arange(examples.targets.shape[1]) < examples.lengths[:, None]]


def check_steps(train: Examples, test: Examples, options: Options) -> None:
    """Raises ShapeError or InputError for a test on which no model of these training data can be scored at every step."""
    reader, found = Reader.of_data(train.x, train.places, options.tokens, options.impute)
    answers = of_steps(train, found, options.kind)
    reader = reader.learned(found, np.arange(len(found.lengths)), options.normalize, train.places)
    _tested(test, reader, answers, stepwise=True)


def of_sequences(
    given: Examples, x: Sequences, kind: Kind | None, labels: tuple[str, ...] | None = None
) -> Targets:
    """The targets of whole sequences, as of `targets.targets`."""
    return targets(given.y, len(x.lengths), kind, labels, given.y_places)


def data_card(given: Examples, reader: Reader) -> DataCard | None:
    """What the model remembers: the form of the file, the columns of data frames, and the treatment of missing values."""
    card = given.card or DataCard(features=feature_names(given.x))
    impute = reader.impute if reader.kind == "features" else None
    if impute is not None:
        apart = reader.preprocess.normalization is None and reader.means is not None
        means = tuple(np.asarray(reader.means).tolist()) if apart else None
        card = dataclasses.replace(card, impute=impute, means=means)
    return None if card == DataCard() else card


def _groups_note(groups: Any, split: holdout.Parts) -> str:
    """A note on the number of groups in each split."""
    counts = {name: len(np.unique(groups[index])) for name, index in split._asdict().items() if len(index)}
    shares = [f"{count} to {'validate' if name == 'validation' else name}" for name, count in counts.items()]
    return f"split by group: {', '.join(shares)}"


def class_weights(answers: Targets) -> tuple[float, ...]:
    """The weight N / (K N_k) of each class k; the mean weight of the examples is 1."""
    if answers.labels is None:
        raise InputError("balanced is for classes; the targets are values")
    counts = np.bincount(answers.values, minlength=len(answers.labels))
    return tuple((counts.sum() / (len(counts) * np.maximum(counts, 1))).tolist())
