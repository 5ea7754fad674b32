"""Own data as a task: arrays in, splits, normalization and scores out."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..card import Card
from ..errors import InputError
from ..preprocess import Normalization, Preprocess, Vocabulary
from . import metrics, words
from .missing import Impute, fill
from .series import Sequences, Series, is_texts, sequences, whole
from .targets import Kind, Targets, targets
from .task import Task

__all__ = ["NAME", "VALIDATION_SHARE", "Options", "digest", "held_out", "of_model", "scored", "split", "task"]

NAME = "custom"
#: Of the training examples, for the choice of the epoch that is kept.
VALIDATION_SHARE = 0.15
#: Words of a vocabulary that is made of texts.
WORDS = 10_000
#: Integers above this are no tokens unless somebody says so: each would have a column of weights.
MOST_TOKENS = 1 << 16


class Options(NamedTuple):
    """How own data is read.

    tokens: integers without a feature axis are tokens (True) or numbers (False); None: tokens, if of a signed type of
        32 bits or more, none negative, and none above 65,535. kind: of targets, see `targets.targets`.
    impute: what missing values become, see `missing.Impute`; None refuses them. normalize: subtract the mean of each
        channel and divide by its standard deviation. balanced: weigh classes by the inverse of their frequency.
    validation: share of the training examples that chooses the epoch.
    """

    tokens: bool | None = None
    kind: Kind | None = None
    impute: Impute | None = None
    normalize: bool = True
    balanced: bool = False
    validation: float = VALIDATION_SHARE


Pair = tuple[Any, Any]


def task(train: Pair, test: Pair | None, options: Options, seed: int = 0) -> Task:
    """The task of own sequences and targets; without `test` its test split is empty.

    Validation examples are cut from `train` by `seed`, of each class as large a share; everything that is learned of
    the data (normalization, vocabulary, means) is of the rest. Raises ShapeError or InputError.
    """
    if not 0 <= options.validation < 1:
        raise InputError(f"validation is {options.validation}; expected a share from 0 to below 1")
    reader, known = _read(train[0], options)
    answers = targets(train[1], len(known.lengths), options.kind)
    kept, held = split(answers, options.validation, seed)
    reader = reader.learned(known, kept, options)
    examples = reader.series(known, answers.values)
    training = examples.take(kept)
    empty = examples.take(slice(0))
    tested = empty
    if test is not None:
        x = reader.read(test[0], "test X")
        kind: Kind = "values" if answers.labels is None else "classes"
        y = targets(test[1], len(x.lengths), kind, answers.labels, "test y")
        if y.values.shape[1:] != answers.values.shape[1:]:
            raise InputError(f"test y has shape {y.values.shape}; expected (N, {answers.outputs})")
        tested = reader.series(x, y.values, "test X")
    chosen = Targets(training.targets, answers.labels)
    weights = _class_weights(chosen) if options.balanced else None
    scores = scored(answers.labels, chosen.normalization(), weights)
    return Task(
        name=NAME,
        train=training,
        validation=examples.take(held) if len(held) else training,
        test=tested,
        input="features" if reader.kind == "features" else "tokens",
        input_size=reader.width,
        output="last",
        output_size=answers.outputs,
        length=int(known.lengths.max()),
        scores=scores.scores,
        conclude=scores.conclude,
        chosen_by="loss" if answers.labels else "r2",
        preprocess=reader.preprocess,
        labels=answers.labels,
        class_weights=weights,
        answers=chosen.normalization(),
    )


def held_out(known: Pair, options: Options, share: float, seed: int) -> tuple[Pair, Pair]:
    """Own data in two: to learn of, and `share` of each class to test on, cut by `seed`."""
    count = len(known[0])
    kept, held = split(targets(known[1], count, options.kind), share, seed)

    def take(part: Any, index: NDArray[np.int64]) -> Any:
        return part[index] if isinstance(part, np.ndarray) else [part[i] for i in index]

    y = np.asarray(known[1])
    return (take(known[0], kept), y[kept]), (take(known[0], held), y[held])


def of_model(card: Card, pair: Pair, impute: Impute | None = None) -> Task:
    """The task whose test split is own data, read as the model of this card reads it; the other splits are empty.

    Raises ShapeError or InputError where the model is one of other data.
    """
    if card.output == "all":
        raise InputError("the model answers at every step; expected one that answers once")
    steps = card.preprocess
    means = None if steps.normalization is None else np.array(steps.normalization.offset)
    kind: Any = "texts" if steps.vocabulary is not None and is_texts(pair[0]) else card.input
    reader = _Reader(kind, card.input_size, impute, steps, means)
    x = reader.read(pair[0])
    values = card.labels is None
    labels = card.labels if card.labels is not None else None
    answers = targets(pair[1], len(x.lengths), "values" if values else "classes", labels)
    if answers.outputs != card.output_size:
        raise InputError(f"y has {answers.outputs} values a sequence; the model answers {card.output_size}")
    test = reader.series(x, answers.values)
    scores = scored(answers.labels, answers.normalization())
    empty = test.take(slice(0))
    return Task(
        name=NAME,
        train=empty,
        validation=empty,
        test=test,
        input=card.input,
        input_size=card.input_size,
        output="last",
        output_size=card.output_size,
        length=int(x.lengths.max()),
        scores=scores.scores,
        conclude=scores.conclude,
        chosen_by="loss",
        preprocess=steps,
        labels=answers.labels,
    )


def split(answers: Targets, share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which examples are kept, and which are for validation: of each class `share`, but never all of them.

    Raises InputError for a seed out of range.
    """
    if not 0 <= seed < 1 << 32:
        raise InputError(f"seed is {seed}; expected 0 to 2^32 - 1")
    shuffled = np.random.RandomState(seed).permutation(len(answers.values))
    classes = np.zeros(len(shuffled), np.int64) if answers.labels is None else answers.values[shuffled]
    held = np.zeros(len(shuffled), bool)
    for label in np.unique(classes):
        members = np.flatnonzero(classes == label)
        held[members[: min(round(share * len(members)), len(members) - 1)]] = True
    return shuffled[~held], shuffled[held]


def digest(task: Task, options: Options) -> str:
    """Of the training data and how they are read, in 16 hexadecimal digits: a run goes on with the same data only."""
    total = hashlib.sha256(repr((options, task.labels, task.preprocess)).encode())
    for part in (task.train, task.validation):
        assert isinstance(part, Series)
        for array in (part.values, part.starts, part.lengths, part.targets):
            total.update(f"{array.dtype}{array.shape}".encode())
            total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()[:16]


class Scoring(NamedTuple):
    scores: Any
    conclude: Any


def scored(
    labels: tuple[str, ...] | None, answers: Normalization | None, weights: tuple[float, ...] | None = None
) -> Scoring:
    """How answers are judged: classes by `metrics.by_class`, values by `metrics.regression`."""
    if labels is not None:
        return Scoring(partial(metrics.by_class, count=len(labels), weights=weights), metrics.balance)
    assert answers is not None
    return Scoring(partial(metrics.regression, scale=answers), metrics.explain)


def _class_weights(answers: Targets) -> tuple[float, ...]:
    """N / (K N_k) of each class k: their mean over the examples is 1."""
    if answers.labels is None:
        raise InputError("balanced is for classes; the targets are values")
    counts = np.bincount(answers.values, minlength=len(answers.labels))
    return tuple((counts.sum() / (len(counts) * np.maximum(counts, 1))).tolist())


class _Reader(NamedTuple):
    """How sequences are read: what `task` found of the training data, applied to the test data alike."""

    kind: Literal["features", "tokens", "texts"]
    width: int
    impute: Impute | None = None
    preprocess: Preprocess = Preprocess()
    means: NDArray[np.float64] | None = None

    def read(self, x: Any, name: str = "X") -> Sequences:
        if self.kind == "texts":
            assert self.preprocess.vocabulary is not None
            return _tokens(list(x), self.preprocess.vocabulary, name)
        found = sequences(x, name)
        if self.kind == "tokens" and whole(found.values):
            found = found._replace(values=found.values.astype(np.int64))
        if self.kind == "features" and found.values.ndim == 1:
            found = found._replace(values=found.values[:, None])
        if self.kind == "features" and found.values.shape[1] != self.width:
            raise InputError(f"{name} has {found.values.shape[1]} features a step; expected {self.width}")
        return found

    def learned(self, x: Sequences, kept: NDArray[np.int64], options: Options) -> _Reader:
        """With the means and scales of the sequences that are kept."""
        if self.kind != "features":
            return self
        rows = np.zeros(len(x.lengths), bool)
        rows[kept] = True
        chosen = Sequences(x.values[np.repeat(rows, x.lengths)], x.lengths[rows])
        if self.impute is None:
            fill(x, None)  # named by its place among all
        values = fill(chosen, self.impute).astype(np.float64)
        with np.errstate(invalid="ignore"):
            means = np.nanmean(chosen.values.astype(np.float64).reshape(values.shape), axis=0)
        if not options.normalize:
            return self._replace(means=means)
        scale = values.std(0)
        scale = np.where(scale > 1e-6 * np.maximum(1e-30, np.abs(values).max(0)), scale, 1.0)
        normalization = Normalization(tuple(means.tolist()), tuple(scale.tolist()))
        return self._replace(means=means, preprocess=Preprocess(normalization=normalization))

    def series(self, x: Sequences, y: NDArray[Any], name: str = "X") -> Series:
        if self.kind == "features":
            values: NDArray[Any] = fill(x, self.impute, self.means, name)
        else:
            values = _checked_tokens(x, self.width, name)
        return Series(values, x.starts, x.lengths, y, self.preprocess.normalization)


def _read(x: Any, options: Options) -> tuple[_Reader, Sequences]:
    """The kind of the sequences, told by what they are, and they themselves."""
    if is_texts(x):
        vocabulary = words.build(x, WORDS, None)
        reader = _Reader("texts", len(vocabulary.words), preprocess=Preprocess(vocabulary=vocabulary))
        return reader, reader.read(x)
    found = sequences(x)
    if options.tokens and found.values.dtype.kind == "f" and whole(found.values):
        found = found._replace(values=found.values.astype(np.int64))  # CSV does not say what its numbers are
    if _are_tokens(found.values, options.tokens):
        return _Reader("tokens", int(found.values.max()) + 1), found
    reader = _Reader("features", 1 if found.values.ndim == 1 else found.values.shape[1], options.impute)
    return reader, reader.read(x)


def _are_tokens(values: NDArray[Any], asked: bool | None) -> bool:
    integers = values.ndim == 1 and values.dtype.kind in "iu"
    if asked is not None:
        if asked and not integers:
            raise InputError(
                f"tokens is True, but X has dtype {values.dtype} and "
                f"{'a feature axis' if values.ndim == 2 else 'none'}; expected integers (N, T), or lists of them"
            )
        return asked
    usual = values.dtype.kind == "i" and values.dtype.itemsize >= 4
    return integers and usual and values.min() >= 0 and values.max() < MOST_TOKENS


def _tokens(texts: list[str], vocabulary: Vocabulary, name: str) -> Sequences:
    parts = [vocabulary.tokens(text) for text in texts]
    for i, part in enumerate(parts):
        if not len(part):
            raise InputError(f"{name}[{i}] is {texts[i][:40]!r}, a text without words; expected at least one")
    return Sequences(np.concatenate(parts), np.array([len(part) for part in parts], np.int64))


def _checked_tokens(x: Sequences, count: int, name: str) -> NDArray[np.int32]:
    if x.values.ndim != 1 or x.values.dtype.kind not in "iu":
        raise InputError(f"{name} has dtype {x.values.dtype}; expected integer tokens 0 .. {count - 1}")
    outside = (x.values < 0) | (x.values >= count)
    if outside.any():
        row = int(np.argmax(outside))
        sequence, step = x.place(row)
        raise InputError(f"{name}[{sequence}][{step}] is {x.values[row]}; expected tokens 0 .. {count - 1}")
    return x.values.astype(np.int32)
