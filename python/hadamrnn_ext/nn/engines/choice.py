"""Which engine runs a recurrence when nobody says: a cost model of a few measured constants."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from . import derivatives, plain

# Nanoseconds of a training step (forward and backward) for one unit of the state and one time step, on one core of a
# third-generation Zen (AVX2), n = 512 and T = 784. Ratios alone matter, and they are alike elsewhere: all of it is the
# same SIMD arithmetic. With 1 feature krylov wins from 4 sequences there (model: 6), with 9 from about 31 (26).
NATIVE = 1.7  # the recurrence of one sequence
NATIVE_FEATURE = 0.085  # one more feature of one sequence
POWER = 5.0  # one column of the powers of W
PRODUCT = 0.06  # one sequence meets one column
MOST_FEATURES = 64  # the powers, and their gradients, are T (d + 1) n floats each


class Choice(NamedTuple):
    """An engine, and why in a word."""

    engine: str
    reason: str


def choose(
    engine: str, recurrence: str, like: Tensor, *, batch: int = 0, features: int | None = None
) -> Choice:
    """What runs a recurrence of tensors such as ``like``: ``engine`` itself unless that is "auto".

    features: how many there are, if krylov may be taken: only the last state is wanted, from zeros, in a single layer.
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
    """Whether it is, of every batch that a traced graph with a dynamic one will meet."""
    if not torch.compiler.is_compiling():
        return batch >= least
    from torch.fx.experimental.symbolic_shapes import statically_known_true  # it imports sympy

    return statically_known_true(batch >= least)


def krylov_from(features: int) -> float:
    """The batch from which on krylov costs less than native; infinity if there is none."""
    if features > MOST_FEATURES:
        return math.inf
    return (features + 1) * POWER / (NATIVE + features * (NATIVE_FEATURE - PRODUCT))
