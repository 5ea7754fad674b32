"""What the data sets of sensors and sounds have in common: the task of classifying sequences of features of one length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..file.preprocess import Normalization, Preprocess
from .task import Stacked, Task, classification

__all__ = ["Recorded", "task"]

SMALLEST_SCALE = 1e-6  # of a channel that is constant


@dataclass(frozen=True)
class Recorded:
    """Sensor signals (N, T, d) float32, the activities (N,) that they show, from 0, and the people (N,) who do them."""

    signals: NDArray[np.float32]
    activities: NDArray[np.int64]
    people: NDArray[np.int64]

    def take(self, index: NDArray[np.bool_]) -> Recorded:
        return Recorded(self.signals[index], self.activities[index], self.people[index])


def task(
    name: str,
    known: tuple[NDArray[np.float32], NDArray[np.int64]],
    cut: tuple[NDArray[np.int64], NDArray[np.int64]],
    test: tuple[NDArray[np.float32], NDArray[np.int64]],
    labels: tuple[str, ...],
    silence: bool = False,
) -> Task:
    """The class of each sequence. `known` and `test` are features (N, T, d) and classes (N,); `cut` splits the known ones
    into training and validation.

    Channels are normalized by the mean and scale of the training split. With `silence`, zero stays zero.
    """
    kept, held = cut
    features = known[0][kept].astype(np.float64)  # for exact means of millions of numbers
    offset = np.zeros(features.shape[2]) if silence else features.mean((0, 1))
    scale = np.maximum(np.sqrt(((features - offset) ** 2).mean((0, 1))), SMALLEST_SCALE)
    normalization = Normalization(tuple(offset.tolist()), tuple(scale.tolist()))
    every = Stacked(*known, normalization)
    return classification(
        name,
        (every.take(kept), every.take(held), Stacked(*test, normalization)),
        labels,
        input="features",
        input_size=features.shape[2],
        length=features.shape[1],
        preprocess=Preprocess(normalization=normalization),
    )
