"""Engines: different ways to run the same recurrence, with the same values and gradients.

=========  ==================================================  =======================================
``loop``   plain torch, one product per step (the oracle)      any recurrence, any device
``native`` C++, fast transform, threads over the batch         any recurrence, CPU
``krylov`` powers of W once per batch, one product             last output, linear, zero state, CPU
``scan``   recursive doubling, parallel over time, plain torch linear, any device
=========  ==================================================  =======================================

All of them run layers that forget, because decays are only factors of the signs. All but krylov, whose input must be
linear, apply an input activation.
"""

from __future__ import annotations

from torch import Tensor

from ...errors import InputError
from . import derivatives, fused, krylov, native, plain, threads
from .choice import Choice, choose, krylov_from
from .fused import loss as sequence_loss
from .geometry import (
    INPUT_ACTIVATIONS,
    RECURRENCES,
    Geometry,
    Inputs,
    Recurrence,
    activated,
    at_length,
    full_precision,
    mask_past,
    mean_until,
    reverse,
    used_tokens,
)
from .pool import Pooling, What, read_states
from .threads import torch_on_one_thread

__all__ = [
    "ENGINES",
    "INPUT_ACTIVATIONS",
    "RECURRENCES",
    "SEGMENT",
    "Choice",
    "Geometry",
    "Inputs",
    "Pooling",
    "Recurrence",
    "What",
    "activated",
    "at_length",
    "check",
    "choose",
    "derivatives",
    "krylov_from",
    "mask_past",
    "mean_until",
    "read",
    "read_states",
    "reverse",
    "sequence_loss",
    "threads",
    "torch_on_one_thread",
    "used_tokens",
]

ENGINES = ("auto", "loop", "native", "krylov", "scan")
#: The number of steps between the snapshots of a backward pass that does not store the states.
SEGMENT = 256


def check(engine: str, recurrence: str, num_layers: int, input_activation: str | None = None) -> None:
    """Raises InputError for an unknown engine, or one that cannot run this recurrence."""
    if engine not in ENGINES:
        raise InputError(f"unknown engine {engine!r}; expected one of {', '.join(ENGINES)}")
    if engine in ("scan", "krylov") and recurrence != "linear":
        raise InputError(f"engine {engine!r} runs the linear recurrence only, not {recurrence!r}")
    if engine == "krylov" and num_layers > 1:
        raise InputError(f"engine 'krylov' runs a single layer, not {num_layers}")
    if engine == "krylov" and input_activation is not None:
        raise InputError(f"engine 'krylov' runs a linear input only, not {input_activation!r}")


def read(
    engine: str, r: Recurrence, what: What, lengths: Tensor | None, segment: int | None = None
) -> tuple[Tensor, Tensor]:
    """What is read of the states h_t = act(W h_{t-1} + v_t), and the state (B, n) after the last step of each sequence.

    what: "all" for all states (B, T, n), which have no meaning past a sequence's length; "last" for the last state
    (B, n); "mean" for the mean (B, n) of relu(h_t) over the steps of the sequence; a ``Pooling`` for its features (B, F).
    segment: the number of steps between the snapshots of ``fused``; engines that store their states ignore it.
    """
    if engine == "krylov":
        return _read_krylov(r, what, lengths)
    if engine != "native":
        return plain.read(engine, r, what, lengths)
    if what != "all" and fused.runs(r.inputs):
        return fused.read(r, what, lengths, segment)
    return read_states(native.states(r), what, lengths)


def _read_krylov(r: Recurrence, what: What, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    if what != "last":
        raise InputError("engine 'krylov' computes the last state alone: call last_state instead")
    if r.h_0 is not None:
        raise InputError("engine 'krylov' starts from zeros: it takes no h_0")
    with full_precision(r.inputs.x):
        last = krylov.last(r.geometry, r.signs, r.inputs, lengths, r.twice)
    return last, last
