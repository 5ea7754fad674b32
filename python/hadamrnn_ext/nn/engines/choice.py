"""Chooses the engine for "auto" by a cost model with a few measured constants."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from . import derivatives, plain

# Nanoseconds of a training step (forward and backward) per unit of the state and time step, measured on one core of a
# third-generation Zen (AVX2) with n = 512 and T = 784. Only the ratios matter, and they are similar on other machines,
# because all of it is the same SIMD arithmetic. There, krylov is faster from 4 sequences on with 1 feature (the model
# says 6), and from about 31 on with 9 features (the model says 26).
NATIVE = 1.7  # the recurrence, per sequence
NATIVE_FEATURE = 0.085  # each further feature, per sequence
POWER = 5.0  # the powers of W, per column
PRODUCT = 0.06  # the matrix product, per sequence and column
MOST_FEATURES = 64  # the powers and their gradients take T (d + 1) n floats each


class Choice(NamedTuple):
    """An engine, with a short reason for it."""

    engine: str
    reason: str


def choose(
    engine: str, recurrence: str, like: Tensor, *, batch: int = 0, features: int | None = None
) -> Choice:
    """The engine that runs a recurrence of tensors such as ``like``: ``engine`` itself unless it is "auto".

    features: the number of features if krylov is possible, which needs a single layer of which only the last state is
    read, starting from zeros; otherwise None.
    """
    if engine != "auto":
        return Choice(engine, "as asked")
    if derivatives.transformed():
        return Choice(plain.engine(recurrence), "plain torch for torch.func and forward mode")
    if like.device.type != "cpu" or like.dtype not in (torch.float32, torch.float64):
        if recurrence == "linear":
            return Choice("scan", "parallel over time")
        return Choice("loop", f"{recurrence} on {like.device.type} in {like.dtype}")
    if recurrence == "linear" and features is not None and _at_least(batch, krylov_from(features)):
        return Choice("krylov", f"{features + 1} transforms a step instead of {batch}")
    return Choice("native", "fast transform on the CPU")


def _at_least(batch: int, least: float) -> bool:
    """Whether ``batch`` is at least ``least``; in a traced graph, for every size that a dynamic batch may have."""
    if not torch.compiler.is_compiling():
        return batch >= least
    from torch.fx.experimental.symbolic_shapes import statically_known_true  # it imports sympy

    return statically_known_true(batch >= least)


def krylov_from(features: int) -> float:
    """The batch size from which on krylov costs less than native; infinity if there is none."""
    if features > MOST_FEATURES:
        return math.inf
    return (features + 1) * POWER / (NATIVE + features * (NATIVE_FEATURE - PRODUCT))
