"""By what factor predictions become logits whose softmax says how often they are right (Guo et al. 2017, arXiv 1706.04599)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .goal import Goal

__all__ = ["log_loss", "temperature"]

F64 = NDArray[np.float64]
FACTORS = np.logspace(-1, 2, 61)


def temperature(goal: Goal, predictions: F64) -> float:
    """The factor with the least `log_loss` of predictions (N, K) by models that have not seen the example; of values 1.

    One more example than there are may be of any class: else all being right would say that nothing is ever wrong.
    """
    if goal.classes is None:
        return 1.0
    count = len(goal)

    def surprise(factor: float) -> float:
        losses = _losses(predictions * factor)
        right = np.take_along_axis(losses, np.asarray(goal.classes)[:, None], axis=1)
        return float(count * np.average(right[:, 0], weights=goal.weights) + losses.mean())

    return float(min(FACTORS, key=surprise))


def log_loss(goal: Goal, logits: F64) -> float:
    """The mean negative logarithm of the probability of the right class, of logits (N, K)."""
    right = np.take_along_axis(_losses(logits), np.asarray(goal.classes)[:, None], axis=1)
    return float(np.average(right[:, 0], weights=goal.weights))


def _losses(logits: F64) -> F64:
    """The negative logarithm of the probability of each class, (N, classes); of two classes there is one logit."""
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(shifted).sum(axis=1, keepdims=True)) - shifted)
