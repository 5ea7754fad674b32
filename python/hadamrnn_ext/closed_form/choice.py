"""Which design suits the data: by the errors, of predictions of each by models without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..file.card import Card
from ..model import Model
from ..progress import Progress, silent
from .batch import Source
from .design import Design
from .drawing import draw
from .goal import Goal
from .report import Trial
from .ridge import Solution, ridge

__all__ = ["Candidate", "candidates", "sample"]

#: Units on which designs are compared.
UNITS = 256
#: Examples above which a half of them says which designs are worth the others, and how many these are.
MANY, FINALISTS = 512, 2

Groups = NDArray[np.int64] | None


class Candidate(NamedTuple):
    """A design, the network that was drawn, its features (N, F) and the readout that they give."""

    trial: Trial
    card: Card
    parameters: dict[str, Any]
    features: NDArray[np.float32]
    solution: Solution


def sample(count: int, most: int, seed: int) -> NDArray[np.int64]:
    """At most so many of `count` sequences, by chance, in their order."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])


def candidates(
    data: Source,
    goal: Goal,
    groups: Groups,
    units: int | None,
    seed: int,
    progress: Progress = silent,
) -> tuple[Candidate, list[Trial]]:
    """The best design, and what came out of each."""
    n = min(UNITS, units or UNITS)
    designs, trials, count = list(data.designs), [], len(data.designs)
    half = sample(len(goal), len(goal) // 2, seed)
    groups_of_half = None if groups is None else groups[half]
    known = groups_of_half is None or len(np.unique(groups_of_half)) > 1
    if len(goal) > MANY and len(designs) > FINALISTS and known:
        some = data.take(half), goal.take(half), groups_of_half
        count += FINALISTS
        for candidate in _each(designs, *some, n, seed):
            trials.append(candidate.trial)
            progress("designs", len(trials), count)
        trials.sort(key=_cost)
        designs = [trial.design for trial in trials[:FINALISTS]]
    tried = []
    for candidate in _each(designs, data, goal, groups, n, seed):
        tried.append(candidate)
        progress("designs", len(trials) + len(tried), count)
    best = min(tried, key=lambda candidate: candidate.trial.cost)
    latest = {**{trial.design: trial for trial in trials}, **{one.trial.design: one.trial for one in tried}}
    return best, [latest[design] for design in data.designs]


def _cost(trial: Trial) -> float:
    return trial.cost


def _each(
    designs: Sequence[Design], data: Source, goal: Goal, groups: Groups, units: int, seed: int
) -> Iterator[Candidate]:
    """Every design on these examples."""
    batch = data.batch()
    for design in designs:
        card, parameters = draw(design, units, batch, seed, tokens=data.tokens)
        features = data.features(Model.from_parameters(card, parameters))
        solution = ridge(features, goal.targets, goal.cost, goal.weights, groups)
        trial = Trial(design, *goal.cost(solution.left_out), len(goal))
        yield Candidate(trial, card, parameters, features, solution)
