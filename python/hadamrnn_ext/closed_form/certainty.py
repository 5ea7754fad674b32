"""How sure an accuracy is that was measured on some examples, and what too few of them cannot say."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .goal import Goal
from .temperature import log_loss

__all__ = ["accuracy_interval", "interval", "metrics", "warnings"]

Z = 1.96  # of 95 %
#: Student's quantiles of 97.5 % for 1, 2, .. degrees of freedom; beyond them 2.1.
STUDENT = (12.7, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13, 2.12)
#: Examples of a class below which its share of errors says little.
FEW = 10


def metrics(goal: Goal, left_out: NDArray[np.float64], factor: float) -> dict[str, float]:
    """Scores of predictions by models that have not seen the example; as logits they are multiplied by `factor`."""
    wrong, square = goal.cost(left_out)
    if goal.classes is None:
        return {"loo_r2": 1 - square}
    losses = {"log_loss": log_loss(goal, left_out * factor), "log_loss_before": log_loss(goal, left_out)}
    return {"loo_accuracy": 1 - wrong, **losses}


def accuracy_interval(
    goal: Goal, left_out: NDArray[np.float64], groups: NDArray[np.int64] | None
) -> tuple[float, float] | None:
    """`interval` of the classes that left-out predictions say; None for values."""
    return None if goal.classes is None else interval(goal.wrong(left_out), groups)


def interval(wrong: NDArray[np.bool_], groups: NDArray[np.int64] | None) -> tuple[float, float]:
    """Of 95 % for the accuracy, by which of N examples are wrong: Wilson's, or by how the accuracies of groups differ.

    The examples of a group are right or wrong together, so that there are as many observations as groups.
    """
    n, p = len(wrong), 1 - float(wrong.mean())
    if groups is None:
        centre, half = p + Z * Z / (2 * n), Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        return max(0.0, (centre - half) / (1 + Z * Z / n)), min(1.0, (centre + half) / (1 + Z * Z / n))
    sizes = np.bincount(groups)
    met = sizes > 0
    sizes, mistakes = sizes[met], np.bincount(groups, wrong)[met]
    # The ratio estimator of survey sampling: of each group, by how many more it has right than p says.
    surplus = (sizes - mistakes) - p * sizes
    count = len(sizes)
    error = math.sqrt(float(np.square(surplus).sum()) * count / (count - 1)) / n
    half = error * (STUDENT[count - 2] if count - 2 < len(STUDENT) else 2.1)
    return max(0.0, p - half), min(1.0, p + half)


def warnings(goal: Goal) -> tuple[str, ...]:
    """What too few examples of a class cannot say."""
    if goal.classes is None or goal.labels is None:
        return ()
    counts = np.bincount(goal.classes, minlength=len(goal.labels))
    few = [f"{label} ({count})" for label, count in zip(goal.labels, counts, strict=True) if count < FEW]
    if not few:
        return ()
    more = f" and {len(few) - 8} more" if len(few) > 8 else ""
    rough = "accuracy and probabilities are rough there"
    return (f"few examples of {', '.join(few[:8])}{more}: {rough}; {FEW} or more of each class would tell",)
