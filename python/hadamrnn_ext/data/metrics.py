"""The scores of a task, computed from logits: one value per example, so that means over any batches are exact.

Scores that a single example does not have are functions of such means (`balance`, `explain`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..file.preprocess import Normalization

__all__ = ["Scores", "balance", "by_class", "classification", "explain", "predicted", "recall", "regression"]

Scores = dict[str, NDArray[np.float64]]


def classification(logits: NDArray[np.float32], labels: NDArray[np.integer]) -> Scores:
    """The cross-entropy `loss` and the `accuracy`, each (B,), of logits (B, o) and labels (B,).

    A single logit belongs to class 1, and class 0 has the logit 0, so the loss is then the binary cross-entropy.
    """
    return {
        "loss": _cross_entropy(_of_all(logits), labels),
        "accuracy": (predicted(logits) == labels).astype(np.float64),
    }


def predicted(logits: NDArray[np.float32]) -> NDArray[np.int64]:
    """The classes (...,) with the largest of logits (..., o), the first if several are equal, or -1 if one is not finite.

    A single logit belongs to class 1, as in `classification`.
    """
    return np.asarray(_best(_of_all(logits)), np.int64)


def _of_all(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([np.zeros_like(logits), logits], axis=-1) if logits.shape[-1] == 1 else logits


def recall(logits: NDArray[np.float32], targets: NDArray[np.integer]) -> Scores:
    """The scores of the copy task, each (B,), for logits (B, T, o) and targets (B, T).

    `loss` is the mean cross-entropy over all steps, `symbols` the share of non-blank targets that are predicted correctly,
    and `sequences` is 1 if all of them are.
    """
    asked = targets != 0
    right = (_best(logits) == targets) & asked
    symbols = right.sum(axis=1) / asked.sum(axis=1)
    return {
        "loss": _cross_entropy(logits, targets).mean(axis=1),
        "symbols": symbols,
        "sequences": (symbols == 1).astype(np.float64),
    }


def by_class(
    answers: NDArray[np.float32],
    labels: NDArray[np.integer],
    count: int,
    weights: tuple[float, ...] | None = None,
) -> Scores:
    """`classification`, and for each of `count` classes whether an example belongs to it and is right, for `balance`.

    `weights` (K,) multiply the loss of an example by the weight of its class.
    """
    scores = classification(answers, labels)
    if weights is not None:
        scores["loss"] = scores["loss"] * np.array(weights)[labels]
    for label in range(count):
        member = labels == label
        scores[f"share {label}"] = member.astype(np.float64)
        scores[f"right {label}"] = member * scores["accuracy"]
    return scores


def balance(means: dict[str, float]) -> dict[str, float]:
    """Adds `balanced_accuracy`, the mean of the recalls of all classes that occur in the split."""
    shares = {name.split()[1]: share for name, share in means.items() if name.startswith("share ") and share}
    scores = {name: mean for name, mean in means.items() if " " not in name}
    if shares:
        recalls = [means[f"right {label}"] / share for label, share in shares.items()]
        scores["balanced_accuracy"] = sum(recalls) / len(recalls)
    return scores


def regression(answers: NDArray[np.float32], targets: NDArray[np.float32], scale: Normalization) -> Scores:
    """The squared error `loss` and the absolute `error` of values (B, o), averaged over the o targets.

    The other scores are for `explain`: errors and targets in units of the training data's standard deviation.
    """
    difference = answers.astype(np.float64) - targets
    scores = {"loss": (difference**2).mean(1), "error": np.abs(difference).mean(1)}
    normal = (targets.astype(np.float64) - np.array(scale.offset)) / np.array(scale.scale)
    for column in range(targets.shape[1]):
        scores[f"residual {column}"] = (difference[:, column] / scale.scale[column]) ** 2
        scores[f"first {column}"] = normal[:, column]
        scores[f"second {column}"] = normal[:, column] ** 2
    return scores


def explain(means: dict[str, float]) -> dict[str, float]:
    """Adds `r2`, the coefficient of determination, averaged over the targets: 1 - residual sum of squares / sum of squares
    about the mean of the split. It is 0 for a target that is constant in the split, unless all answers are right.
    """
    scores = {name: mean for name, mean in means.items() if " " not in name}
    columns = [name.split()[1] for name in means if name.startswith("residual ")]
    ratios = []
    for column in columns:
        variance = means[f"second {column}"] - means[f"first {column}"] ** 2
        residual = means[f"residual {column}"]
        ratios.append(1 - residual / variance if variance > 1e-12 else float(residual == 0))
    return {**scores, "r2": sum(ratios) / len(ratios)} if ratios else scores


def _best(logits: NDArray[np.float32]) -> NDArray[np.integer]:
    """The class with the largest logit, or -1 if a logit is NaN or infinite."""
    return np.where(np.isfinite(logits).all(axis=-1), logits.argmax(axis=-1), -1)


def _cross_entropy(logits: NDArray[np.float32], targets: NDArray[np.integer]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", over="ignore"):  # the loss is then NaN or infinite
        shifted = logits - logits.max(axis=-1, keepdims=True)
    chosen = np.take_along_axis(shifted, targets[..., None].astype(np.int64), axis=-1)[..., 0]
    return np.asarray(np.log(np.exp(shifted).sum(axis=-1)) - chosen, dtype=np.float64)
