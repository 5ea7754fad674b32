"""A drawn network and what ridge regression found for it, as a model."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..file.card import Card
from ..file.tensors import pack_parameters
from ..model import Model
from .goal import Goal
from .ridge import Solution
from .rounding import round_by_inverse, round_readout

__all__ = ["Solved", "finished"]


class Solved(NamedTuple):
    """The solution, and the examples that its left-out predictions are of: their goal and their features."""

    solution: Solution
    goal: Goal
    features: NDArray[np.float32]


def finished(card: Card, parameters: dict[str, Any], solved: Solved, factor: float) -> Model:
    """The model of this card with this readout, times `factor`, rounded by what it reads of the examples that are known."""
    solution, goal = solved.solution, solved.goal
    bits = card.output_weight_bits
    assert bits is not None
    scale = goal.scale * factor
    weight = solution.weight * scale[:, None]
    if solution.inverse is None:
        rounded = round_readout(weight, solved.features, bits)
    else:
        unit = solution.standard.inverse
        rounded = round_by_inverse(weight, unit[:, None] * solution.inverse * unit, bits)
    # Rounding moves the predictions of the mean, which the bias takes back.
    moved = (weight - rounded.values(bits)) @ solution.standard.mean
    bias = (solution.bias * scale + goal.offset + moved).astype(np.float32)
    return Model(card, pack_parameters(card, {**parameters, "output.weight": rounded, "output.bias": bias}))
