"""The features that a model with a pool reads instead of its state: how far and how often units exceed thresholds."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ModelFormatError
from .record import Record, within

__all__ = ["Pool"]

MAX_THRESHOLDS = 64  # of a unit
MAX_TIME_CONSTANT = 15  # the running means of an integer model fit 32 bits up to here


@dataclass(frozen=True)
class Pool(Record):
    """Features of the whole sequence so far, or of about the last 2^k steps.

    thresholds: K, the number of thresholds of each unit; the tensor "pool.thresholds" (K, n) holds their values.
    excess: whether the mean of relu(h_t - theta) is a feature.
    share: whether the share of steps with h_t > theta is a feature, as in ROCKET (Dempster et al. 2020), which calls it PPV.
    time_constant: k of a running mean, p += (f - p) 2^-k; None for the mean over all steps.

    The features are in the order of the thresholds; for each one, the excess of all units precedes the share of all units.

    Raises:
        ModelFormatError: there is no feature, or a number is out of range.

    Examples:
        >>> from hadamrnn_ext import nn
        >>> print(nn.Pool(thresholds=2, time_constant=5))
        excess and share over 2 thresholds per unit, of about the last 32 steps
    """

    thresholds: int
    excess: bool = True
    share: bool = True
    time_constant: int | None = None

    def check(self) -> None:
        within("Pool.thresholds", self.thresholds, 1, MAX_THRESHOLDS, " for each unit")
        if not (self.excess or self.share):
            raise ModelFormatError("Pool has neither excess nor share; expected at least one of them")
        if self.time_constant is not None:
            within("Pool.time_constant", self.time_constant, 1, MAX_TIME_CONSTANT, ", or None")

    def __str__(self) -> str:
        what = " and ".join(["excess"] * self.excess + ["share"] * self.share)
        when = (
            "all steps" if self.time_constant is None else f"about the last {1 << self.time_constant} steps"
        )
        return f"{what} over {self.thresholds} threshold{'s' * (self.thresholds > 1)} per unit, of {when}"

    @property
    def groups(self) -> int:
        """The number of features of each unit."""
        return self.thresholds * (self.excess + self.share)
