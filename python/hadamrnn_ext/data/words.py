"""Tasks of texts, and vocabularies built from training texts: the most frequent words, which travel in the model file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..file.preprocess import Preprocess, Vocabulary
from . import tokenizers
from .parsed import Arrays, parsed
from .task import Index, Task, classification

__all__ = ["PADDING", "UNKNOWN", "Texts", "Tokens", "apart", "build", "task", "tokenize"]

# Neither is a word by the rule of `Vocabulary`, so no text says them.
PADDING, UNKNOWN = "<padding>", "<unknown>"


@dataclass(frozen=True)
class Texts:
    """Texts and their classes (N,), in the order of the data set."""

    texts: list[str]
    classes: NDArray[np.int64]


@dataclass(frozen=True)
class Tokens:
    """Texts as the tokens of a vocabulary, (N, T) int32, and their classes (N,)."""

    tokens: NDArray[np.int32]
    classes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.classes)

    def take(self, index: Index) -> Tokens:
        return Tokens(self.tokens[index], self.classes[index])

    def raw(self, index: Index) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        return self.batch(index)

    def batch(self, index: Index) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        return self.tokens[index], self.classes[index]


def build(texts: Iterable[str], size: int, length: int | None) -> Vocabulary:
    """The `size` - 2 most frequent words of the texts, the most frequent first, after padding (0) and unknown (1).

    Words of the same frequency are in alphabetical order: the order of the texts does not matter. `length` is the
    number of words that are read of a text, its last ones (None: all).
    """
    counts = Counter(word for text in texts for word in Vocabulary.split(text))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Vocabulary((PADDING, UNKNOWN, *(word for word, _ in ranked[: size - 2])), length=length)


def apart(
    texts: list[str], held: NDArray[np.int64], kept: NDArray[np.int64], run: int = 5
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of the `held` texts of at least two runs of words, of the `kept` ones those that share no run with them.

    SST-2 trains on phrases of sentences: a phrase that is also held would be known, and a whole sentence is what the
    test asks about. A run is `run` words in a row; shorter texts share none.
    """

    def runs(index: int) -> set[tuple[str, ...]]:
        found = texts[index].split()
        return {tuple(found[start : start + run]) for start in range(len(found) - run + 1)}

    long = [index for index in held.tolist() if len(texts[index].split()) >= 2 * run]
    known = set[tuple[str, ...]]().union(*map(runs, long))
    free = [index for index in kept.tolist() if known.isdisjoint(runs(index))]
    return np.array(long, np.int64), np.array(free, np.int64)


def tokenize(
    training: list[str], test: list[str], size: int, length: int
) -> tuple[Vocabulary, NDArray[np.int32], NDArray[np.int32]]:
    """The vocabulary of the training texts, see `build`, and the tokens (N, length) of both.

    The first time takes a quarter of a millisecond a review, see `parsed`.
    """

    def parse() -> Arrays:
        vocabulary = build(training, size, length)
        narrow = np.min_scalar_type(size)
        return {
            "words": np.frombuffer("\n".join(vocabulary.words).encode(), np.uint8),
            "training": np.stack([vocabulary.tokens(text) for text in training]).astype(narrow),
            "test": np.stack([vocabulary.tokens(text) for text in test]).astype(narrow),
        }

    source = "\0".join([*training, "", *test]).encode()
    arrays = parsed(f"words-1-{size}-{length}", source, parse)
    vocabulary = Vocabulary(tuple(arrays["words"].tobytes().decode().split("\n")), length=length)
    return vocabulary, arrays["training"].astype(np.int32), arrays["test"].astype(np.int32)


def task(
    name: str,
    known: Texts,
    cut: tuple[NDArray[np.int64], NDArray[np.int64]],
    test: Texts,
    labels: tuple[str, ...],
    tokenizer: str | None,
    *,
    size: int,
    length: int,
) -> Task:
    """The class of each text, of which the last `length` words are read; `cut` says which of the known ones are trained
    on and which are for validation.

    The vocabulary of `size` words is that of all training texts, those for validation included. With a tokenizer the
    model that learns them reads tokens alone.
    """
    vocabulary = None
    if tokenizer is None:
        vocabulary, known_tokens, test_tokens = tokenize(known.texts, test.texts, size, length)
        size = len(vocabulary.words)
    else:
        size, known_tokens, test_tokens = tokenizers.tokenize(tokenizer, known.texts, test.texts, length)
    every = Tokens(known_tokens, known.classes)
    return classification(
        name,
        (every.take(cut[0]), every.take(cut[1]), Tokens(test_tokens, test.classes)),
        labels,
        input="tokens",
        input_size=size,
        length=length,
        preprocess=Preprocess(vocabulary=vocabulary),
    )
