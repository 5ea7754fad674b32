"""Sequences of features of one length with their classes, as the data sets of sensors and sounds have them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..file.preprocess import Normalization, Preprocess
from .task import Index, Task, classification

__all__ = ["Frames", "task"]

SMALLEST_SCALE = 1e-6  # of a channel that is constant


@dataclass(frozen=True)
class Frames:
    """Features (N, T, d) float32, classes (N,), the person (N,) of each sequence where that is known, and the
    normalization of the channels, by which a network learns them."""

    features: NDArray[np.float32]
    classes: NDArray[np.int64]
    people: NDArray[np.int64] | None = None
    normalization: Normalization | None = None

    def __len__(self) -> int:
        return len(self.classes)

    def take(self, index: Index) -> Frames:
        people = None if self.people is None else self.people[index]
        return Frames(self.features[index], self.classes[index], people, self.normalization)

    def raw(self, index: Index) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        return self.features[index], self.classes[index]

    def batch(self, index: Index) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        assert self.normalization is not None
        return self.normalization.apply(self.features[index]), self.classes[index]


def task(
    name: str,
    known: Frames,
    cut: tuple[NDArray[np.int64], NDArray[np.int64]],
    test: Frames,
    labels: tuple[str, ...],
    silence: bool = False,
) -> Task:
    """The class of each sequence; `cut` says which of the known ones are trained on and which are for validation.

    Channels are normalized by the mean and scale of the training split. With `silence`, zero stays zero.
    """
    train, validation = map(known.take, cut)
    features = train.features.astype(np.float64)  # for the means of millions of numbers
    offset = np.zeros(features.shape[2]) if silence else features.mean((0, 1))
    scale = np.maximum(np.sqrt(((features - offset) ** 2).mean((0, 1))), SMALLEST_SCALE)
    normalization = Normalization(tuple(offset.tolist()), tuple(scale.tolist()))
    train, validation, test = (
        replace(split, normalization=normalization) for split in (train, validation, test)
    )
    return classification(
        name,
        (train, validation, test),
        labels,
        input="features",
        input_size=features.shape[2],
        length=features.shape[1],
        preprocess=Preprocess(normalization=normalization),
    )
