"""Sequences of features of one length with their classes: the splits and the task of the data sets of sensors and sounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..file.preprocess import Normalization, Preprocess
from .task import Index, Task, classification

__all__ = ["Frames", "task"]

SMALLEST_SCALE = 1e-6  # of a channel that never changes


@dataclass(frozen=True)
class Frames:
    """Sequences of features, (N, T, d) float32, their classes (N,), and the normalization of their channels."""

    features: NDArray[np.float32]
    classes: NDArray[np.int64]
    normalization: Normalization

    def __len__(self) -> int:
        return len(self.classes)

    def take(self, index: Index) -> Frames:
        return Frames(self.features[index], self.classes[index], self.normalization)

    def raw(self, index: Index) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        return self.features[index], self.classes[index]

    def batch(self, index: Index) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        return self.normalization.apply(self.features[index]), self.classes[index]


def task(
    name: str,
    known: tuple[NDArray[np.float32], NDArray[np.int64]],
    cut: tuple[NDArray[np.int64], NDArray[np.int64]],
    test: tuple[NDArray[np.float32], NDArray[np.int64]],
    labels: tuple[str, ...],
    silence: bool = False,
) -> Task:
    """The class of each sequence; `known` and `test` are features (N, T, d) and classes (N,), and `cut` says which of
    the known ones are trained on and which are for validation.

    Channels are normalized by the mean and scale of the training split; with `silence` zero stays zero.
    """
    kept, held = cut
    features = known[0][kept].astype(np.float64)  # for the means of millions of numbers
    offset = np.zeros(features.shape[2]) if silence else features.mean((0, 1))
    scale = np.maximum(np.sqrt(((features - offset) ** 2).mean((0, 1))), SMALLEST_SCALE)
    normalization = Normalization(tuple(offset.tolist()), tuple(scale.tolist()))
    every = Frames(*known, normalization)
    return classification(
        name,
        (every.take(kept), every.take(held), Frames(*test, normalization)),
        labels,
        input="features",
        input_size=features.shape[2],
        length=features.shape[1],
        preprocess=Preprocess(normalization=normalization),
    )
