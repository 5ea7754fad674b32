"""Tasks of texts, and vocabularies of the most frequent words of the training texts, which the model file holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..file.preprocess import Preprocess, Vocabulary
from . import tokenizers
from .parsed import Arrays, parsed
from .task import Stacked, Task, classification

__all__ = ["PADDING", "UNKNOWN", "Texts", "apart", "build", "task", "tokenize"]

# By the rule of `Vocabulary` neither is a word, so no text contains them.
PADDING, UNKNOWN = "<padding>", "<unknown>"


@dataclass(frozen=True)
class Texts:
    """Texts and their classes (N,), in the order of the data set."""

    texts: list[str]
    classes: NDArray[np.int64]


def build(texts: Iterable[str], size: int, length: int | None) -> Vocabulary:
    """A vocabulary of padding (0), unknown (1) and the `size` - 2 most frequent words, the most frequent first.

    Words of the same frequency are in alphabetical order, so the order of the texts does not matter. The last `length`
    words of a text are read, or all of them if it is None.
    """
    counts = Counter(word for text in texts for word in Vocabulary.split(text))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Vocabulary((PADDING, UNKNOWN, *(word for word, _ in ranked[: size - 2])), length=length)


def apart(
    texts: list[str], held: NDArray[np.int64], kept: NDArray[np.int64], run: int = 5
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The `held` texts of at least 2 `run` words, and those `kept` texts that share no `run` words in a row with them.

    SST-2 trains on phrases of sentences. A phrase of a held sentence would give the sentence away, and only long phrases
    resemble the sentences of the test.
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
    """The vocabulary of the training texts, see `build`, and the tokens (N, length) of the training and test texts.

    The first call takes a quarter of a millisecond per review; later ones are faster, see `parsed`.
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
    """The class of each text, whose last `length` words are read. `cut` splits the known texts into training and
    validation.

    The vocabulary has `size` words of all known texts, including those for validation. With a tokenizer of transformers
    there is no vocabulary, and the trained model reads only tokens.
    """
    vocabulary = None
    if tokenizer is None:
        vocabulary, known_tokens, test_tokens = tokenize(known.texts, test.texts, size, length)
        size = len(vocabulary.words)
    else:
        size, known_tokens, test_tokens = tokenizers.tokenize(tokenizer, known.texts, test.texts, length)
    every = Stacked(known_tokens, known.classes)
    return classification(
        name,
        (every.take(cut[0]), every.take(cut[1]), Stacked(test_tokens, test.classes)),
        labels,
        input="tokens",
        input_size=size,
        length=length,
        preprocess=Preprocess(vocabulary=vocabulary),
    )
