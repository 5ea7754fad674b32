"""Which design suits the data: by the errors, of predictions of each by models without it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..model import Model
from ..progress import Progress, silent
from .batch import Source
from .drawing import draw
from .goal import Goal
from .report import Trial
from .ridge import ridge

__all__ = ["sample", "trials"]

#: Units on which designs are compared.
UNITS = 256


def sample(count: int, most: int, seed: int) -> NDArray[np.int64]:
    """At most so many of `count` sequences, by chance, in their order."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])


def trials(
    data: Source,
    goal: Goal,
    groups: NDArray[np.int64] | None,
    units: int | None,
    seed: int,
    progress: Progress = silent,
) -> list[Trial]:
    """Each design on these examples."""
    batch = data.batch()
    found = []
    for design in data.designs:
        card, parameters = draw(design, min(UNITS, units or UNITS), batch, seed, tokens=data.tokens)
        features = data.features(Model.from_parameters(card, parameters))
        solution = ridge(features, goal.targets, goal.cost, goal.weights, groups)
        found.append(Trial(design, *goal.cost(solution.left_out)))
        progress("designs", len(found), len(data.designs))
    return found
