"""What a task is judged by, from logits: one value an example, so that means over any batches are exact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scores", "classification", "recall"]

Scores = dict[str, NDArray[np.float64]]


def classification(logits: NDArray[np.float32], labels: NDArray[np.integer]) -> Scores:
    """Cross-entropy `loss` and `accuracy`, each (B,), for logits (B, o) and labels (B,).

    A single logit y is that of class 1, the one of class 0 being 0: the loss is then binary cross-entropy.
    """
    if logits.shape[-1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=-1)
    return {
        "loss": _cross_entropy(logits, labels),
        "accuracy": (logits.argmax(axis=-1) == labels).astype(np.float64),
    }


def recall(logits: NDArray[np.float32], targets: NDArray[np.integer]) -> Scores:
    """Scores of the copy task, each (B,), for logits (B, T, o) and targets (B, T).

    `loss` is the mean cross-entropy over all steps, `symbols` the share of the non-blank targets that are
    right, `sequences` 1 where all of them are.
    """
    asked = targets != 0
    right = (logits.argmax(axis=-1) == targets) & asked
    symbols = right.sum(axis=1) / asked.sum(axis=1)
    return {
        "loss": _cross_entropy(logits, targets).mean(axis=1),
        "symbols": symbols,
        "sequences": (symbols == 1).astype(np.float64),
    }


def _cross_entropy(logits: NDArray[np.float32], targets: NDArray[np.integer]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    chosen = np.take_along_axis(shifted, targets[..., None].astype(np.int64), axis=-1)[..., 0]
    return np.asarray(np.log(np.exp(shifted).sum(axis=-1)) - chosen, dtype=np.float64)
