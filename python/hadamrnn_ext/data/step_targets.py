"""Targets for every step of sequences: labels along recordings, or forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeError
from .confusion import Score
from .examples import Examples
from .metrics import Scores
from .places import Places, Y
from .series import Sequences, Series
from .targets import Kind, Targets, as_array, targets
from .task import Index

__all__ = ["StepPlaces", "StepSeries", "of_steps", "score_steps"]


@dataclass(frozen=True)
class StepPlaces(Places):
    """Places of targets that lie one after another: y[3][17] is that of step 17 of sequence 3.

    starts: where each sequence begins. of: the places of the sequences.
    """

    starts: Sequence[int] = ()
    of: Places = Y

    def sequence(self, i: int) -> str:
        one = int(np.searchsorted(self.starts, i, side="right")) - 1
        return self.of.step(one, i - self.starts[one])


def of_steps(
    given: Examples, x: Sequences, kind: Kind | None, labels: tuple[str, ...] | None = None
) -> Targets:
    """The targets of all steps one after another, as of `targets.targets`, of sequences as they were read.

    Raises ShapeError also for a sequence with another number of them than steps, or of values per step than the first.
    """
    places = given.y_places
    parts = [as_array(part, Places(f"{places.name}[{i}]")) for i, part in enumerate(given.y)]
    for i, (part, length) in enumerate(zip(parts, x.lengths, strict=False)):
        if not part.ndim or len(part) != length:
            raise ShapeError(
                f"{places.name}[{i}] has shape {part.shape}; expected a target for each of {length} steps"
            )
        if part.shape[1:] != parts[0].shape[1:]:
            raise ShapeError(
                f"{places.name}[{i}] has shape {part.shape}, and {places.name}[0] {parts[0].shape}; expected as many values "
                "of each step"
            )
    if len(parts) != len(x.lengths):
        raise ShapeError(
            f"{places.name} has {len(parts)} entries; expected one for each of {len(x.lengths)} sequences"
        )
    at = StepPlaces(places.name, x.starts.tolist(), places)
    return targets(np.concatenate(parts), len(x.values), kind, labels, at)


class StepSeries(Series):
    """Examples with a target for every step, (N, T, ..) of all and (B, T, ..) of a batch: -1 or NaN is beyond the end."""

    @staticmethod
    def of(series: Series, values: NDArray[Any]) -> StepSeries:
        """The same sequences; classes (sum of lengths,) or values (sum of lengths, o) lie one after another."""
        beyond = np.nan if values.dtype.kind == "f" else -1
        targets = np.full((len(series), int(series.lengths.max()), *values.shape[1:]), beyond, values.dtype)
        targets[np.arange(targets.shape[1]) < series.lengths[:, None]] = values
        return StepSeries(series.values, series.starts, series.lengths, targets, series.normalization)

    def raw(self, index: Index) -> tuple[NDArray[Any], ...]:
        x, targets, *ends = super().raw(index)
        return x, targets[:, : x.shape[1]], *ends


def score_steps(score: Score) -> Score:
    """The same scores of each step, of answers (B, T, o) and targets as of `StepSeries`."""

    def scores(answers: NDArray[np.float32], targets: NDArray[Any]) -> Scores:
        present = targets >= 0 if targets.ndim == 2 else ~np.isnan(targets[..., 0])
        return score(answers[present], targets[present])

    return scores
