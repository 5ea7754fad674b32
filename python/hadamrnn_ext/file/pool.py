"""What a model reads instead of its last state: how far and how often its units are above thresholds."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ModelFormatError
from .record import Record

__all__ = ["Pool"]

MAX_THRESHOLDS = 64  # of a unit
MAX_TIME_CONSTANT = 15  # the running means of integer models then fit 32 bits


@dataclass(frozen=True)
class Pool(Record):
    """Features of the whole sequence so far, or of the last 2^k steps or so.

    thresholds: K, how many each unit has; their values are the tensor "pool.thresholds" (K, n).
    excess: whether the mean of relu(h_t - theta) is a feature.
    share: whether the share of steps with h_t > theta is one, as in ROCKET (Dempster et al. 2020), there called PPV.
    time_constant: k of a running mean, p += (f - p) 2^-k; None for the mean over all steps.

    Features come threshold by threshold, the excess of all units and then the share of all units.

    Raises:
        ModelFormatError: no feature at all, or a number that is out of range.
    """

    thresholds: int
    excess: bool = True
    share: bool = True
    time_constant: int | None = None

    def check(self) -> None:
        if not 1 <= self.thresholds <= MAX_THRESHOLDS:
            raise ModelFormatError(
                f"Pool.thresholds is {self.thresholds}; expected 1 .. {MAX_THRESHOLDS} for each unit"
            )
        if not (self.excess or self.share):
            raise ModelFormatError("Pool has neither excess nor share; expected at least one of them")
        if self.time_constant is not None and not 1 <= self.time_constant <= MAX_TIME_CONSTANT:
            raise ModelFormatError(
                f"Pool.time_constant is {self.time_constant}; expected 1 .. {MAX_TIME_CONSTANT}, or None"
            )

    def __str__(self) -> str:
        what = " and ".join(["excess"] * self.excess + ["share"] * self.share)
        when = (
            "all steps" if self.time_constant is None else f"about the last {1 << self.time_constant} steps"
        )
        return f"{what} over {self.thresholds} threshold{'s' * (self.thresholds > 1)} per unit, of {when}"

    @property
    def groups(self) -> int:
        """How many features each unit has."""
        return self.thresholds * (self.excess + self.share)
