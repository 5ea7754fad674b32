"""A target for every step: labels along a recording, or forecasts. The network answers all the time, by pools that forget."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..data import custom, holdout
from ..data.examples import Examples
from ..data.reader import Reader
from ..data.series import Sequences, Series
from ..data.step_targets import of_steps
from ..data.targets import as_array, shape_of
from ..errors import InputError
from ..file.card import TRAINED_STEPS
from ..model import Model
from .batch import CHUNK, Batch, Data
from .choice import sample
from .design import STEP_DESIGNS
from .fitter import Fitter
from .goal import Goal
from .options import Options
from .reading import Reading
from .report import Fitted
from .sums import Sums

__all__ = ["Steps", "as_many_as_steps", "fit_steps", "of_every_step", "refuse_steps"]

#: Steps of the pieces that long sequences are cut into, and how many pieces run beside each other.
PIECE, BESIDE = 1024, 64
#: Steps that a readout is fitted to at most: neighbours are much alike.
MOST = 1 << 15
#: Parts of the data of which each is left out once, where there are fewer sequences or groups.
FOLDS = 10


def of_every_step(y: Any, lengths: NDArray[np.int64], said: bool | None) -> bool:
    """Whether targets are one for each step: `said` by the user, or a list of arrays as long as the sequences, (N, T) of
    classes, (N, T, o).

    Raises InputError for numbers (N, T), which might as well be T values of each sequence of T steps.
    """
    if said is not None:
        return said
    if isinstance(y, (list, tuple)) and len(y) and all(shape_of(part, f"y[{i}]") for i, part in enumerate(y)):
        counts = {len(part) for part in y}
        if len(counts) > 1 or any(hasattr(part, "dtype") for part in y):  # no rows of a table
            return len(counts) > 1 or counts == set(lengths.tolist())
    array = as_array(y)
    if not as_many_as_steps(array, lengths):
        return False
    if array.ndim == 2 and array.dtype.kind == "f":
        raise InputError(
            f"y has shape {array.shape}, which may be a value for each of {array.shape[1]} steps or as many values of each "
            "sequence; expected every_step=True or every_step=False beside it"
        )
    return True


def refuse_steps(y: Any, lengths: NDArray[np.int64], said: bool | None) -> None:
    """Raises InputError where every step has a target, which only data in memory may have."""
    if of_every_step(y, lengths, said):
        raise InputError(
            "y has a target for every step; expected X and y as arrays or lists in memory, or every_step=False for values of "
            "whole sequences"
        )


def as_many_as_steps(y: NDArray[Any], lengths: NDArray[np.int64]) -> bool:
    """Whether targets (N, M, ..) are as many of each sequence as it has steps, and more than one."""
    if y.ndim < 2 or len(y) != len(lengths) or y.shape[1] == 1:
        return False
    return bool((lengths == y.shape[1]).all())


@dataclass(frozen=True)
class Steps:
    """Some steps of sequences: `kept`, numbers of rows of `series.values`, ascending."""

    series: Series  # pieces
    reader: Reader
    kept: NDArray[np.int64]

    designs = STEP_DESIGNS

    @property
    def tokens(self) -> int | None:
        return Data(self.series, self.reader, 1).tokens

    def __len__(self) -> int:
        return len(self.kept)

    def take(self, index: NDArray[np.int64]) -> Steps:
        return dataclasses.replace(self, kept=self.kept[index])

    def batch(self) -> Batch:
        """The pieces in which these steps are."""
        pieces = np.unique(self._pieces)
        return Data(self.series.take(pieces), self.reader, 1).batch()

    def features(self, model: Model) -> NDArray[np.float32]:
        """What the readout multiplies after each of these steps, (rows, F)."""
        found = np.empty((len(self), model.card.output_width), np.float32)
        piece = self._pieces
        step = self.kept - self.series.starts[piece]
        present = np.unique(piece)
        for first in range(0, len(present), BESIDE):
            some = present[first : first + BESIDE]
            rows = np.flatnonzero((piece >= some[0]) & (piece <= some[-1]))
            place = np.searchsorted(some, piece[rows])
            self._run(model, self.series.take(some), place, step[rows], rows, found)
        return found

    def _run(
        self,
        model: Model,
        pieces: Series,
        place: NDArray[np.int64],
        step: NDArray[np.int64],
        rows: NDArray[np.int64],
        found: NDArray[np.float32],
    ) -> None:
        """Features of the pieces' wanted steps, into their rows of `found`."""
        x = Data(pieces, self.reader, 1).batch().x
        stream = _core.Stream(model.core, len(x), False)
        order = np.argsort(step, kind="stable")
        ends = np.searchsorted(step[order], np.arange(x.shape[1] + 1))
        for t, now in enumerate(np.ascontiguousarray(x.swapaxes(0, 1))):
            stream.step(now)
            wanted = order[ends[t] : ends[t + 1]]
            if len(wanted):
                _, totals, *_ = stream.get_state(place[wanted])  # of units, of the pool, of what was before
                found[rows[wanted]] = totals[:, : found.shape[1]]

    @property
    def _pieces(self) -> NDArray[np.int64]:
        """The piece of each step."""
        return np.asarray(np.searchsorted(self.series.starts, self.kept, side="right") - 1)


def fit_steps(
    given: Examples,
    reading: Reading,
    options: Options,
    begin: float,
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> Fitted:
    """`fit` where y has a target for every step."""
    reader, found, warnings = reading
    count, total = len(found.lengths), int(found.lengths.sum())
    answers = of_steps(given, found, options.kind)
    folds, fold = _folds(found, given.groups)
    reader = reader.learned(found, np.arange(count), options.normalize, given.places)
    series = reader.series(found, np.zeros(count), given.places)
    steps = Steps(_cut(series), reader, sample(total, MOST, options.seed))
    goal = Goal.of(answers, options.balanced, given.y_places.name).take(steps.kept)
    rows = sample(len(steps), CHUNK, options.seed)
    many = len(steps) > CHUNK
    settings = {TRAINED_STEPS: int(found.lengths.max()), **settings}
    about, some_folds = custom.data_card(given, reader), folds[steps.kept[rows]]
    fitter = Fitter(steps.take(rows), goal.take(rows), some_folds, options, many, about, settings, warnings)
    if many:
        for first in range(0, len(steps), 8 * CHUNK):
            part = np.arange(first, min(first + 8 * CHUNK, len(steps)))
            some = goal.take(part)
            features = steps.take(part).features(fitter.drawn)
            fitter.add(Sums.of(features, some.targets, some.weights, fitter.standard), len(part))
            options.progress("steps", first + len(part), len(steps))
    return fitter.fitted(begin, "steps", fold)


def _folds(found: Sequences, groups: Any) -> tuple[NDArray[np.int64], str]:
    """What is left out together, of each step, and what that is: its group or its sequence, or where these are few a
    stretch of it."""
    count = len(found.lengths)
    owner = np.arange(count) if groups is None else holdout.groups_of(groups, count)
    if groups is not None or count >= FOLDS:
        return np.repeat(owner, found.lengths), "sequence" if groups is None else "group"
    stretches = -(-FOLDS // count)
    within = np.concatenate([np.arange(length) * stretches // length for length in found.lengths])
    return np.asarray(np.repeat(owner, found.lengths) * stretches + within), "stretch"


def _cut(series: Series) -> Series:
    """Pieces of at most `PIECE` steps. A network that forgets hardly misses what was before one."""
    counts = -(-series.lengths // PIECE)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = np.repeat(series.starts, counts) + number * PIECE
    lengths = np.minimum(PIECE, np.repeat(series.lengths, counts) - number * PIECE)
    return Series(series.values, starts, lengths, np.zeros(len(starts)), series.normalization)
