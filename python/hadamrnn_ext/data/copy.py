"""The copy task (Hochreiter and Schmidhuber 1997, as in the paper): remember ten symbols for T steps.

The input is 10 symbols from 1..8, T-20 blanks (0), one marker (9) and 9 blanks. The target is blank until the last 10
steps, which repeat the symbols. A model that predicts blanks and then guesses uniformly has a loss of 10·ln(8)/T.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from . import metrics
from .holdout import SPLIT_SEED
from .task import Index, Known, Task

__all__ = [
    "INPUTS",
    "LONGEST",
    "OUTPUTS",
    "SIZES",
    "SYMBOLS",
    "TASKS",
    "Copies",
    "chance",
    "sequences",
    "symbols",
]

SYMBOLS = 10  # the number of symbols to remember
ALPHABET = 8  # 1..8
MARKER = 9
INPUTS = 10  # blank, alphabet, marker
OUTPUTS = 9  # blank, alphabet
LONGEST = 1 << 24  # the most steps of a sequence
LENGTH = 1000  # where nothing else is said
SIZES = {"train": 512_000, "validation": 2_000, "test": 2_000}


def symbols(count: int, seed: int) -> NDArray[np.uint8]:
    """(count, 10) symbols from 1..8, which determine the sequences; 512,000 of them take 5 MB.

    They come from RandomState and not from default_rng, because NumPy promises that its numbers never change.
    """
    return np.random.RandomState(seed).randint(1, ALPHABET + 1, size=(count, SYMBOLS), dtype=np.uint8)


def sequences(symbols: NDArray[np.uint8], length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Input tokens in 0..9 and target classes in 0..8, both (B, length) int64, for (B, 10) symbols.

    Raises `DataError` when `length` is below 20, since the symbols and the recall must not overlap, or above `LONGEST`.
    """
    if not 2 * SYMBOLS <= length <= LONGEST:
        raise DataError(
            f"a copy sequence has at least {2 * SYMBOLS} steps and at most {LONGEST}, got {length}"
        )
    inputs = np.zeros((len(symbols), length), dtype=np.int64)
    inputs[:, :SYMBOLS] = symbols
    inputs[:, length - SYMBOLS] = MARKER
    targets = np.zeros_like(inputs)
    targets[:, length - SYMBOLS :] = symbols
    return inputs, targets


def chance(length: int) -> float:
    """The cross-entropy, averaged over all steps, of a model that remembers nothing."""
    return SYMBOLS * math.log(ALPHABET) / length


@dataclass(frozen=True)
class Copies:
    """Sequences of the copy task, stored as their ten symbols."""

    symbols: NDArray[np.uint8]
    length: int

    def __len__(self) -> int:
        return len(self.symbols)

    def take(self, index: Index) -> Copies:
        return Copies(self.symbols[index], self.length)

    def raw(self, index: Index) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self.batch(index)

    def batch(self, index: Index) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return sequences(self.symbols[index], self.length)


def task(name: str, length: int | None) -> Task:
    """The copy task with generated sequences of `length` steps."""
    length = length or LENGTH
    sequences(np.ones((1, SYMBOLS), np.uint8), length)  # raises now if the length is impossible
    # Every split has its own seed, so that no split is part of another's random stream.
    train, validation, test = (
        Copies(symbols(count, SPLIT_SEED + number), length) for number, count in enumerate(SIZES.values())
    )
    return Task(
        name,
        train,
        validation,
        test,
        input="tokens",
        input_size=INPUTS,
        output="all",
        output_size=OUTPUTS,
        length=length,
        scores=metrics.recall,
        chosen_by="loss",
    )


TASKS = {"copy": Known(task, None)}
