"""The readout of a drawn network: of few examples at once, of many by sums over chunks at a penalty that some of them chose."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..model import Model
from .batch import CHUNK, Data
from .choice import sample
from .goal import Goal
from .ridge import Solution, ridge
from .sums import Known, Sums

__all__ = ["Solved", "solve"]


class Solved(NamedTuple):
    """The solution, and the examples that its left-out predictions are of: their goal, groups (None: each its own) and
    features."""

    solution: Solution
    goal: Goal
    groups: NDArray[np.int64] | None
    features: NDArray[np.float32]


def solve(model: Model, data: Data, goal: Goal, groups: NDArray[np.int64] | None, seed: int) -> Solved:
    """What `model` is to read of its pool, by all examples.

    The penalty is chosen on at most `CHUNK` of them. It stands against the noise of the examples, which does not grow with
    their number. Where whole groups are left out, it stands against the differences of groups instead, each of which
    weighs as many examples as it has: so it grows with them.
    """
    chosen = sample(len(data), CHUNK, seed)
    some, known = goal.take(chosen), data.take(chosen).features(model)
    of_some = None if groups is None else groups[chosen]
    solution = ridge(known, some.targets, some.cost, some.weights, of_some)
    if len(chosen) == len(data):
        return Solved(solution, some, of_some, known)
    standard = solution.standard
    sums = Sums.empty(known.shape[1], goal.outputs)
    for start in range(0, len(data), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(data)))
        weights = None if goal.weights is None else goal.weights[rows]
        sums += Sums.of(data.take(rows).features(model), goal.targets[rows], weights, standard)
    growth = 1.0 if groups is None else len(data) / len(chosen)
    of_all = sums.solve(solution.penalty * growth, standard, Known(known, some.targets, some.weights))
    if groups is not None:
        of_all = of_all._replace(left_out=solution.left_out)
    return Solved(of_all, some, of_some, known)
