"""The tasks by name: `load("pmnist")` reads or makes the data and cuts the splits."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..preprocess import Permutation, Preprocess
from . import copy, metrics, mnist
from .task import Index, Task

__all__ = ["NAMES", "load"]

NAMES = ("smnist", "pmnist", "copy")

#: Cuts the validation examples from the training data; one for all runs, so that seeds can be compared.
SPLIT_SEED = 0
#: Of the training digits, one in six is for validation: 50,000 and 10,000 of MNIST's 60,000.
VALIDATION_SHARE = 6
PIXEL_SCALE = 1 / 255
#: The published code's fixed order of the 784 pixels.
PIXEL_ORDER = Permutation(seed=92916, size=784)

COPY_LENGTH = 1000
COPY_SIZES = {"train": 512_000, "validation": 2_000, "test": 2_000}


def load(
    name: str, directory: str | Path | None = None, *, verify: bool = True, length: int | None = None
) -> Task:
    """The task `name` (one of `NAMES`).

    `directory` holds its data set (see `folders.candidates`), `verify` compares checksums, `length` is the
    number of steps of a generated sequence. Raises `DataError`.
    """
    if name == "copy":
        return _copy(length or COPY_LENGTH)
    if name not in NAMES:
        raise DataError(f"no task {name!r}; there are {', '.join(NAMES)}")
    if length is not None:
        raise DataError(f"the sequences of {name} have the length of their data, not {length}")
    return _pixels(name, directory, verify)


@dataclass(frozen=True)
class Pixels:
    """Digits read pixel by pixel, in the order `order` (None: as they are)."""

    digits: mnist.Digits
    order: NDArray[np.int64] | None
    ordered: NDArray[np.uint8] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        images = self.digits.images
        # Once for all epochs: bytes gathered in this order per batch would cost more than the rest of a batch.
        object.__setattr__(self, "ordered", images if self.order is None else images.take(self.order, axis=1))

    def __len__(self) -> int:
        return len(self.digits)

    def take(self, index: Index) -> Pixels:
        return Pixels(self.digits.take(index), self.order)

    def raw(self, index: Index) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        return self.digits.images[index][..., None], self.digits.labels[index].astype(np.int64)

    def batch(self, index: Index) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        pixels = self.ordered[index].astype(np.float32)
        pixels *= np.float32(PIXEL_SCALE)  # as `Preprocess` does it: the same bits in training and in use
        return pixels[..., None], self.digits.labels[index].astype(np.int64)


@dataclass(frozen=True)
class Copies:
    """Sequences of the copy task, kept as their ten symbols."""

    symbols: NDArray[np.uint8]
    length: int

    def __len__(self) -> int:
        return len(self.symbols)

    def take(self, index: Index) -> Copies:
        return Copies(self.symbols[index], self.length)

    def raw(self, index: Index) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self.batch(index)

    def batch(self, index: Index) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return copy.sequences(self.symbols[index], self.length)


def _pixels(name: str, directory: str | Path | None, verify: bool) -> Task:
    permutation = PIXEL_ORDER if name == "pmnist" else None
    order = None if permutation is None else permutation.indices()
    known, test = mnist.read(directory, verify=verify)
    shuffled = np.random.RandomState(SPLIT_SEED).permutation(len(known))
    kept = len(known) - len(known) // VALIDATION_SHARE
    return Task(
        name=name,
        train=Pixels(known.take(shuffled[:kept]), order),
        validation=Pixels(known.take(shuffled[kept:]), order),
        test=Pixels(test, order),
        input="features",
        input_size=1,
        output="last",
        output_size=mnist.LABELS,
        length=known.images.shape[1],
        scores=metrics.classification,
        chosen_by="accuracy",
        preprocess=Preprocess(uint8_scale=PIXEL_SCALE, permutation=permutation),
        labels=tuple("0123456789"),
    )


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
