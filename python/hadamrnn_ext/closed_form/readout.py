"""A drawn network and what ridge regression found for it, as a model."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..file.card import Card
from ..file.preprocess import Preprocess
from ..file.tensors import pack_parameters
from ..model import Model
from .goal import Goal
from .ridge import Solution
from .rounding import round_readout
from .temperature import temperature

__all__ = ["finished"]


def finished(
    card: Card,
    parameters: dict[str, NDArray[Any]],
    solution: Solution,
    goal: Goal,
    features: NDArray[np.float32],
    preprocess: Preprocess,
) -> Model:
    """The model with this readout, rounded by what it reads of some examples, `features` (N, F); classes get their names."""
    bits = card.output_weight_bits
    assert bits is not None
    factor = goal.scale * temperature(goal, solution.left_out)
    weight = solution.weight * factor[:, None]
    rounded = round_readout(weight, features, bits)
    card = dataclasses.replace(card, output_size=goal.outputs, labels=goal.labels, preprocess=preprocess)
    # Rounding moves the predictions of the mean, which the bias takes back.
    moved = (weight - rounded.values(bits)) @ solution.mean
    bias = (solution.bias * factor + goal.offset + moved).astype(np.float32)
    return Model(card, pack_parameters(card, {**parameters, "output.weight": rounded, "output.bias": bias}))
