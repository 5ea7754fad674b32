"""What `fit` has chosen and why, and how sure it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from ..model import Model
from .design import Design

__all__ = ["Fitted", "Report", "Trial"]


class Trial(NamedTuple):
    """A design and its leave-one-out errors: the share of wrong classes (0 of values) and the mean squared error."""

    design: Design
    wrong: float
    square: float

    @property
    def cost(self) -> float:
        """What designs are compared by: of few examples the squares tell apart what the classes do not."""
        return self.wrong + 0.1 * self.square


@dataclass(frozen=True)
class Report:
    """Prints well.

    metrics: "loo_accuracy" of classes or "loo_r2" of values: by predictions of each example without the example.
    """

    trials: tuple[Trial, ...]
    design: Design
    hidden_size: int
    output_weight_bits: int
    metrics: dict[str, float]
    examples: int
    file_bytes: int
    seconds: float

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the leave-one-out accuracy; None for values."""
        if (p := self.metrics.get("loo_accuracy")) is None:
            return None
        n, z = self.examples, 1.96
        centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, (centre - half) / (1 + z * z / n)), min(1.0, (centre + half) / (1 + z * z / n))

    def __str__(self) -> str:
        rows = ["error   squares  design"]
        rows += [
            f"{trial.wrong:6.1%}  {trial.square:7.4f}  {trial.design}{'  <- chosen' * (trial.design == self.design)}"
            for trial in self.trials
        ]
        (name, value), interval = next(iter(self.metrics.items())), self.interval
        sure = "" if interval is None else f" (95 %: {interval[0]:.1%} to {interval[1]:.1%})"
        rows.append(
            f"{name.replace('loo_', 'leave-one-out ')} {value:.1%}{sure}; {self.hidden_size} units, readout of "
            f"{self.output_weight_bits} bits, {self.file_bytes:,} bytes, {self.seconds:.2f} s"
        )
        return "\n".join(rows)


class Fitted(NamedTuple):
    """The model, and how it came about."""

    model: Model
    report: Report
