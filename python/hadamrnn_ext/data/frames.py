"""The task of the data sets of sensors and sounds: the class of each sequence of features, all of one length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..file.preprocess import Normalization, Preprocess
from .task import Stacked, Task, classification

__all__ = ["task"]

SMALLEST_SCALE = 1e-6  # of a channel that is constant


def task(
    name: str,
    known: Stacked,
    cut: tuple[NDArray[np.int64], NDArray[np.int64]],
    test: Stacked,
    labels: tuple[str, ...],
    silence: bool = False,
) -> Task:
    """The class of each sequence. `cut` splits the known sequences into training and validation.

    Channels are normalized by the mean and scale of the training split. With `silence`, zero stays zero.
    """
    train, validation = map(known.take, cut)
    features = train.inputs.astype(np.float64)  # for exact means of millions of numbers
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
