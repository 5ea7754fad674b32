"""What `fit` has chosen and why, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from ..model import Model
from .design import Design

__all__ = ["Fitted", "Report", "Trial"]


class Trial(NamedTuple):
    """A design and its left-out errors on so many examples: the share of wrong classes (0 of values) and the mean squared error."""

    design: Design
    wrong: float
    square: float
    examples: int

    @property
    def cost(self) -> float:
        """What designs are compared by: of few examples the squares tell apart what the classes do not."""
        return self.wrong + 0.1 * self.square


@dataclass(frozen=True)
class Report:
    """Prints well.

    Attributes:
        metrics: "loo_accuracy" of classes or "loo_r2" of values: by predictions of each example by a model without the example,
            or with `groups` without its group. Of classes also "log_loss" of the probabilities that the model gives, and
            "log_loss_before" of those of the bare regression.
        interval: of 95 % for that accuracy; None for values.
        examples: how many the metrics are of, of `sequences` in all, or of steps as `unit` says.
        groups: how many there are, None without.
        left_out: what predictions are made without: an "example", its "group", or of a step its "sequence" or, where those are
            few, a "stretch" of it; folds: how many of these there are, None of examples.
        warnings: what to be careful with, in sentences.

    Examples:
        >>> y = np.arange(40) % 2
        >>> report = hr.fit(np.random.default_rng(0).normal(size=(40, 20)) + y[:, None], y, hidden_size=16).report
        >>> sorted(report.metrics), report.sequences
        (['log_loss', 'log_loss_before', 'loo_accuracy'], 40)
        >>> report.as_dict()["hidden_size"]
        16
    """

    trials: tuple[Trial, ...]
    design: Design
    hidden_size: int
    output_weight_bits: int
    metrics: dict[str, float]
    interval: tuple[float, float] | None
    examples: int
    sequences: int
    unit: str
    groups: int | None
    left_out: str
    folds: int | None
    warnings: tuple[str, ...]
    file_bytes: int
    seconds: float

    @property
    def trials_on(self) -> int:
        """On how many examples the designs were compared that were not given up before."""
        return max(trial.examples for trial in self.trials)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it; of the trials, design and errors."""
        plain = {**vars(self), "design": str(self.design)}
        plain["trials"] = [{**trial._asdict(), "design": str(trial.design)} for trial in self.trials]
        return plain

    def __str__(self) -> str:
        rows = ["error   squares  design"]
        rows += [
            f"{trial.wrong:6.1%}  {trial.square:7.4f}  {trial.design}{'  <- chosen' * (trial.design == self.design)}"
            + f", on {trial.examples} of them" * (trial.examples < self.trials_on)
            for trial in self.trials
        ]
        name, value = next(iter(self.metrics.items()))
        one = "" if self.folds is None else f"{self.left_out}-"
        what = name.replace("loo_", f"leave-one-{one}out ")
        sure = "" if self.interval is None else f" (95 %: {self.interval[0]:.1%} to {self.interval[1]:.1%})"
        of = (
            ""
            if self.folds is None
            else f" of {self.folds} {self.left_out}{'e' * (self.left_out == 'stretch')}s"
        )
        some = f" on {self.examples:,} of {self.sequences:,} {self.unit}" * (self.examples < self.sequences)
        rows.append(f"{what} {value:.1%}{sure}{of}{some}")
        if "log_loss" in self.metrics:
            rows.append(
                f"log loss of the probabilities {self.metrics['log_loss']:.3f}, before calibration "
                f"{self.metrics['log_loss_before']:.3f}"
            )
        rows.append(
            f"{self.hidden_size} units, readout of {self.output_weight_bits} bits, {self.file_bytes:,} bytes, "
            f"{self.seconds:.2f} s"
        )
        return "\n".join([*rows, *(f"warning: {warning}" for warning in self.warnings)])


class Fitted(NamedTuple):
    """The model, and how it came about.

    Examples:
        >>> y = np.arange(40) % 2
        >>> model, report = hr.fit(np.random.default_rng(0).normal(size=(40, 20)) + y[:, None], y, hidden_size=16)
        >>> model.card.output_size
        1
    """

    model: Model
    report: Report
