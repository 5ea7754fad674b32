"""Medians of two functions that are measured in turns, each with its best number of threads."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Budget", "Call", "Candidate", "Pair", "best", "measure", "samples"]

Call = Callable[[], object]


@dataclass(frozen=True)
class Candidate:
    """One way to do the work: the call, the number of threads it uses, and a function that sets this number before timing."""

    name: str
    call: Call
    threads: int = 1
    prepare: Call = lambda: None


@dataclass(frozen=True)
class Budget:
    """How long to measure: seconds per sample, seconds per side and round, and the number of rounds."""

    sample: float = 2e-4
    side: float = 0.15
    rounds: int = 7

    @classmethod
    def quick(cls) -> Budget:
        """Long enough to see that everything runs, and roughly how fast."""
        return cls(side=0.03, rounds=3)


@dataclass(frozen=True)
class Pair:
    """Median seconds per call of each side."""

    ours: float
    peer: float


def best(candidates: Sequence[Candidate], budget: Budget) -> Candidate:
    """The fastest of several ways to do the same work, by four looks at each in turns, or one look if a call is long."""
    if len(candidates) == 1:
        return candidates[0]
    fastest = [math.inf] * len(candidates)
    for _ in range(4):
        for i, candidate in enumerate(candidates):
            if not budget.side < fastest[i] < math.inf:
                fastest[i] = min(fastest[i], statistics.median(samples(candidate, budget)))
    return candidates[fastest.index(min(fastest))]


def measure(ours: Candidate, peer: Candidate, budget: Budget) -> Pair:
    """Times both sides in turns, so that a change in the speed of the machine affects both."""
    sides: tuple[list[float], list[float]] = ([], [])
    for _ in range(budget.rounds):
        for side, candidate in zip(sides, (ours, peer), strict=True):
            side += samples(candidate, budget)
    return Pair(*(statistics.median(side) for side in sides))


def samples(candidate: Candidate, budget: Budget) -> list[float]:
    """Seconds per call, measured over and over.

    A sample is much shorter than a scheduler's time slice where the call allows it, so that most samples are
    undisturbed. The first call is not counted: caches are cold, and threads of the other side may still spin.
    """
    candidate.prepare()
    call = candidate.call
    call()
    once = _run(call, 1)
    if once >= budget.side:
        return [once]
    calls = max(1, int(budget.sample / min(_run(call, 1) for _ in range(5))))
    found: list[float] = []
    end = time.perf_counter() + budget.side
    while time.perf_counter() < end:
        found.append(_run(call, calls) / calls)
    return found or [once]


def _run(call: Call, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return time.perf_counter() - start
