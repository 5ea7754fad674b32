"""The tasks by name: `load("pmnist")` reads or makes the data and cuts the splits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..file.preprocess import Normalization, Permutation, Preprocess
from . import copy, dsa, fashion, fsdd, glue, har, imdb, metrics, mnist, words
from . import tokenizers as pieces
from .images import CLASSES
from .splits import PIXEL_SCALE, Copies, Frames, Pixels, Tokens
from .task import Task
from .words import Texts

__all__ = ["NAMES", "WORDS", "load"]

#: Cuts the validation examples from the training data; one for all runs, so that seeds can be compared.
SPLIT_SEED = 0
#: One in so many training examples is for validation: 50,000 and 10,000 of MNIST's 60,000.
VALIDATION_SHARES = {"smnist": 6, "pmnist": 6, "fashion": 6, "digits": 10, "imdb": 10, "sst2": 30, "qqp": 30}
#: Where the test is of other people, so many of the people are for validation: of the 21 of UCI HAR, the 4 of DSA.
VALIDATION_PEOPLE = {"har2": 2, "har6": 2, "dsa19": 1}
#: The published code's fixed order of the 784 pixels.
PIXEL_ORDER = Permutation(seed=92916, size=784)

COPY_LENGTH = 1000
COPY_SIZES = {"train": 512_000, "validation": 2_000, "test": 2_000}

#: Class 1 of the two, as FastGRNN's HAR-2 has it (Kusupati et al. 2018).
HAR_SECOND_CLASS = ("sitting", "laying", "walking upstairs")
#: The tasks of texts: words of the vocabulary and of a text, whose last ones are read.
WORDS = {"imdb": (10_000, 500), "sst2": (10_000, 128), "qqp": (30_000, 128)}
SMALLEST_SCALE = 1e-6  # of a channel that never changes


def load(
    name: str,
    directory: str | Path | None = None,
    *,
    verify: bool = True,
    length: int | None = None,
    tokenizer: str | None = None,
) -> Task:
    """The task `name` (one of `NAMES`).

    `directory` holds its data set (see `folders.candidates`), `verify` compares checksums, `length` is the
    number of steps of a generated sequence, `tokenizer` that of transformers which makes tokens of texts (`pieces`; None:
    words of the training texts). Raises `DataError`.
    """
    if tokenizer is not None and name not in WORDS:
        raise DataError(f"a tokenizer is for the tasks {', '.join(WORDS)}, not {name}")
    if name == "copy":
        return _copy(length or COPY_LENGTH)
    if name not in NAMES:
        raise DataError(f"no task {name!r}; there are {', '.join(NAMES)}")
    if length is not None:
        raise DataError(f"the sequences of {name} have the length of their data, not {length}")
    if name in _TEXTS:
        return _TEXTS[name](name, directory, verify, tokenizer)
    return _LOADERS[name](name, directory, verify)


def _copy(length: int) -> Task:
    copy.sequences(np.ones((1, copy.SYMBOLS), np.uint8), length)  # says so now if the length is impossible
    splits = {
        # Seeds of their own: no split is a piece of another's stream.
        split: Copies(copy.symbols(count, SPLIT_SEED + number), length)
        for number, (split, count) in enumerate(COPY_SIZES.items())
    }
    return Task(
        name="copy",
        **splits,  # type: ignore[arg-type]
        input="tokens",
        input_size=copy.INPUTS,
        output="all",
        output_size=copy.OUTPUTS,
        length=length,
        scores=metrics.recall,
        chosen_by="loss",
    )


def _pixels(name: str, directory: str | Path | None, verify: bool) -> Task:
    permutation = PIXEL_ORDER if name == "pmnist" else None
    order = None if permutation is None else permutation.indices()
    read, labels = (fashion.read, fashion.CLASSES) if name == "fashion" else (mnist.read, tuple("0123456789"))
    known, test = read(directory, verify=verify)
    kept, held = _cut(name, len(known))
    return Task(
        name=name,
        train=Pixels(known.take(kept), order),
        validation=Pixels(known.take(held), order),
        test=Pixels(test, order),
        input="features",
        input_size=1,
        output="last",
        output_size=CLASSES,
        length=known.images.shape[1],
        scores=metrics.classification,
        chosen_by="accuracy",
        preprocess=Preprocess(uint8_scale=PIXEL_SCALE, permutation=permutation),
        labels=labels,
    )


def _har(name: str, directory: str | Path | None, verify: bool) -> Task:
    known, test = har.read(directory, verify=verify)
    labels: tuple[str, ...] = har.ACTIVITIES
    meaning = np.arange(len(labels))
    if name == "har2":
        meaning = np.isin(labels, HAR_SECOND_CLASS).astype(np.int64)
        first = (activity for activity in labels if activity not in HAR_SECOND_CLASS)
        labels = (" or ".join(first), " or ".join(HAR_SECOND_CLASS))
    train, validation = _people(
        known.signals, meaning[known.activities], known.people, VALIDATION_PEOPLE[name]
    )
    return _frames(name, train, validation, (test.signals, meaning[test.activities]), labels)


def _dsa(name: str, directory: str | Path | None, verify: bool) -> Task:
    known, test = dsa.read(directory, verify=verify)
    train, validation = _people(known.signals, known.activities, known.people, VALIDATION_PEOPLE[name])
    return _frames(name, train, validation, (test.signals, test.activities), dsa.ACTIVITIES)


def _digits(name: str, directory: str | Path | None, verify: bool) -> Task:
    known, test = fsdd.read(directory, verify=verify)
    kept, held = _cut(name, len(known.digits))
    return _frames(
        name,
        (known.frames[kept], known.digits[kept]),
        (known.frames[held], known.digits[held]),
        (test.frames, test.digits),
        fsdd.CLASSES,
        silence=True,
    )


def _imdb(name: str, directory: str | Path | None, verify: bool, tokenizer: str | None) -> Task:
    known, test = imdb.read(directory, verify=verify)
    kept, held = _cut(name, len(known.classes))
    return _texts(name, known, kept, held, test, imdb.CLASSES, tokenizer)


def _glue(name: str, directory: str | Path | None, verify: bool, tokenizer: str | None) -> Task:
    """A class-balanced sample of the training examples, as the published code draws it; all of the dev set."""
    read, labels = (glue.sst2, glue.SST2_CLASSES) if name == "sst2" else (glue.qqp, glue.QQP_CLASSES)
    known, test = read(directory, verify=verify)
    kept, held = _cut(name, len(known.classes))
    if name == "sst2":
        held, kept = words.apart(known.texts, held, kept)
    count = np.bincount(known.classes[kept]).min()
    chosen = np.concatenate([kept[known.classes[kept] == label][:count] for label in range(len(labels))])
    return _texts(name, known, chosen, held, test, labels, tokenizer)


Examples = tuple[NDArray[np.float32], NDArray[np.int64]]


def _people(
    features: NDArray[np.float32], classes: NDArray[np.int64], people: NDArray[np.int64], count: int
) -> tuple[Examples, Examples]:
    """Training and validation examples; `count` of the people are for validation, since the test is of other people too."""
    chosen = np.random.RandomState(SPLIT_SEED).permutation(np.unique(people))[:count]
    held = np.isin(people, chosen)
    return (features[~held], classes[~held]), (features[held], classes[held])


def _frames(
    name: str,
    train: Examples,
    validation: Examples,
    test: Examples,
    labels: tuple[str, ...],
    silence: bool = False,
) -> Task:
    """Features and classes of each split. Channels are normalized by the training split; with `silence` zero stays zero."""
    features = train[0].astype(np.float64)  # for the means of millions of numbers
    offset = np.zeros(features.shape[2]) if silence else features.mean((0, 1))
    scale = np.maximum(np.sqrt(((features - offset) ** 2).mean((0, 1))), SMALLEST_SCALE)
    normalization = Normalization(tuple(offset.tolist()), tuple(scale.tolist()))
    return Task(
        name=name,
        train=Frames(*train, normalization),
        validation=Frames(*validation, normalization),
        test=Frames(*test, normalization),
        input="features",
        input_size=features.shape[2],
        output="last",
        output_size=_outputs(labels),
        length=features.shape[1],
        scores=metrics.classification,
        chosen_by="accuracy",
        preprocess=Preprocess(normalization=normalization),
        labels=labels,
    )


def _texts(
    name: str,
    known: Texts,
    kept: NDArray[np.int64],
    held: NDArray[np.int64],
    test: Texts,
    labels: tuple[str, ...],
    tokenizer: str | None,
) -> Task:
    """Texts by the words of all training examples, those of validation included, as a vocabulary of size `WORDS`; or by
    a tokenizer, and then the model that learns them reads tokens alone."""
    size, length = WORDS[name]
    vocabulary = None
    if tokenizer is None:
        vocabulary, known_tokens, test_tokens = words.tokenize(known.texts, test.texts, size, length)
        size = len(vocabulary.words)
    else:
        size, known_tokens, test_tokens = pieces.tokenize(tokenizer, known.texts, test.texts, length)
    return Task(
        name=name,
        train=Tokens(known_tokens[kept], known.classes[kept]),
        validation=Tokens(known_tokens[held], known.classes[held]),
        test=Tokens(test_tokens, test.classes),
        input="tokens",
        input_size=size,
        output="last",
        output_size=_outputs(labels),
        length=length,
        scores=metrics.classification,
        chosen_by="accuracy",
        preprocess=Preprocess(vocabulary=vocabulary),
        labels=labels,
    )


def _outputs(labels: tuple[str, ...]) -> int:
    """One logit says which of two classes it is, as the paper's binary tasks have it."""
    return 1 if len(labels) == 2 else len(labels)


def _cut(name: str, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which of `count` training examples are kept, and which are for validation."""
    shuffled = np.random.RandomState(SPLIT_SEED).permutation(count)
    kept = count - count // VALIDATION_SHARES[name]
    return shuffled[:kept], shuffled[kept:]


_LOADERS: dict[str, Callable[[str, str | Path | None, bool], Task]] = {
    "smnist": _pixels,
    "pmnist": _pixels,
    "fashion": _pixels,
    "har2": _har,
    "har6": _har,
    "dsa19": _dsa,
    "digits": _digits,
}
_TEXTS: dict[str, Callable[[str, str | Path | None, bool, str | None], Task]] = {
    "imdb": _imdb,
    "sst2": _glue,
    "qqp": _glue,
}
NAMES = (*_LOADERS, *_TEXTS, "copy")
