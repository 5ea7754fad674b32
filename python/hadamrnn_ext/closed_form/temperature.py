"""By what factor predictions become logits whose softmax says how often they are right (Guo et al. 2017, arXiv 1706.04599)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .goal import Goal

__all__ = ["log_loss", "temperature"]

F64 = NDArray[np.float64]
FACTORS = np.logspace(-1, 2, 31)


def temperature(goal: Goal, predictions: F64) -> float:
    """The factor with the least `log_loss` of predictions (N, K) by models that have not seen the example; of values 1."""
    if goal.classes is None:
        return 1.0
    return float(min(FACTORS, key=lambda factor: log_loss(goal, predictions * factor)))


def log_loss(goal: Goal, logits: F64) -> float:
    """The mean negative logarithm of the probability of the right class, of logits (N, K)."""
    if goal.outputs == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    shifted = logits - logits.max(axis=1, keepdims=True)
    right = np.take_along_axis(shifted, np.asarray(goal.classes)[:, None], axis=1)[:, 0]
    return float((np.log(np.exp(shifted).sum(axis=1)) - right).mean())
