"""Arrays that are larger than memory: some sequences choose the model, then each part of the others adds its sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data import custom, holdout
from ..data.examples import Examples
from ..data.places import Places
from ..data.reader import Reader
from ..data.targets import targets
from ..model import inputs
from .batch import CHUNK, Data
from .choice import sample
from .fitter import Fitter, sums_of
from .goal import Goal
from .options import Options
from .reading import read
from .report import Fitted
from .steps import refuse_steps
from .sums import Sums

__all__ = ["Begun", "Part", "begin", "fit_array"]


class Part(NamedTuple):
    """How sequences are read and summed up, for whoever does it: small, and it may be pickled."""

    drawn: Any
    standard: Any
    reader: Reader
    threads: int

    def sums(self, x: Any, goal: Goal, start: int) -> Sums:
        """Of sequences x whose first is number `start` of all. Raises InputError naming a place."""
        places = RowPlaces("X", rows=range(start, start + len(goal)))
        found = self.reader.read(x, places)
        series = self.reader.series(found, np.zeros(len(goal)), places)
        return sums_of(self.drawn, self.standard, Data(series, self.reader, self.threads), goal)


@dataclass
class Begun:
    """A fit whose choices are made, and the goal of all sequences."""

    fitter: Fitter
    goal: Goal
    part: Part

    @property
    def needs_all(self) -> bool:
        """Whether those that have chosen are not all there are."""
        return len(self.goal) > CHUNK

    def fitted(self, begin: float) -> Fitted:
        return self.fitter.fitted(begin)


def begin(
    take: Callable[[NDArray[np.int64]], Any],
    count: int,
    y: ArrayLike,
    groups: ArrayLike | None,
    options: Options,
) -> Begun:
    """Chooses by the sequences that `take` returns for some of `count` numbers: the same that `fit` takes."""
    options = options.checked()
    numbers = None if groups is None else holdout.groups_of(groups, count)
    rows = sample(count, CHUNK, options.seed)
    given = Examples(take(rows), places=RowPlaces("X", rows=rows.tolist()))
    reader, found, warnings = read(given, options)
    refuse_steps(y, np.resize(found.lengths, count), options.every_step)  # those of an array are all alike
    goal = Goal.of(targets(y, count, options.kind), options.balanced)
    reader = reader.learned(found, np.arange(len(rows)), options.normalize, given.places)
    threads = inputs.threads(options.num_threads, count)
    some = Data(reader.series(found, np.zeros(len(rows)), given.places), reader, threads)
    of_some = None if numbers is None else numbers[rows]
    about = custom.data_card(given, reader)
    fitter = Fitter(some, goal.take(rows), of_some, options, count > len(rows), about, warnings=warnings)
    part = Part(fitter.drawn, fitter.standard, reader, threads)
    return Begun(fitter, goal, part)


def fit_array(x: Any, y: ArrayLike, groups: ArrayLike | None, options: Options, started: float) -> Fitted:
    """`fit` of an array (N, T, d) or (N, T) of which a part is in memory at a time, such as a memmap."""
    begun = begin(lambda rows: np.asarray(x[rows]), len(x), y, groups, options)
    if begun.needs_all:
        for start in range(0, len(x), CHUNK):
            rows = np.arange(start, min(start + CHUNK, len(x)))
            sums = begun.part.sums(np.asarray(x[start : start + CHUNK]), begun.goal.take(rows), start)
            begun.fitter.add(sums, len(rows))
            options.progress("sequences", start + len(rows), len(x))
    return begun.fitted(started)


@dataclass(frozen=True)
class RowPlaces(Places):
    """Places of some rows of a larger array, whose numbers there are `rows`."""

    rows: Sequence[int] = ()

    def sequence(self, i: int) -> str:
        return super().sequence(self.rows[i])

    def step(self, i: int, t: int, channel: int | None = None) -> str:
        return super().step(self.rows[i], t, channel)
