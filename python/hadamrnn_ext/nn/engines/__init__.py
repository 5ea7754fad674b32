"""Engines: different ways to run the same recurrence, with the same values and gradients.

=========  ==================================================  =======================================
``loop``   plain torch, one product a step (the oracle)        any recurrence, any device
``native`` C++, fast transform, threads over the batch         any recurrence, CPU
``krylov`` powers of W once a batch, one product               last output, linear, zero state, CPU
``scan``   recursive doubling, parallel over time, plain torch linear, any device
=========  ==================================================  =======================================
"""

from __future__ import annotations

from torch import Tensor

from ...errors import InputError
from . import derivatives, fused, fused_mean, krylov, native, plain
from .choice import Choice, choose, krylov_from
from .fused_loss import loss as sequence_loss
from .geometry import RECURRENCES, Geometry, full_precision
from .inputs import Drive, Recurrence, used_tokens
from .lengths import at_length, mask_past, mean_and_last, mean_until
from .reverse import reverse

__all__ = [
    "ENGINES",
    "RECURRENCES",
    "SEGMENT",
    "Choice",
    "Drive",
    "Geometry",
    "Recurrence",
    "at_length",
    "check",
    "choose",
    "derivatives",
    "full_precision",
    "fused",
    "fused_mean",
    "krylov",
    "krylov_from",
    "last",
    "mask_past",
    "mean_until",
    "means",
    "reverse",
    "sequence_loss",
    "states",
    "used_tokens",
]

ENGINES = ("auto", "loop", "native", "krylov", "scan")
#: Steps between the snapshots of a backward pass that does not store the states.
SEGMENT = 256


def check(engine: str, recurrence: str, num_layers: int) -> None:
    """Raises InputError for an unknown engine, or one that cannot run this recurrence."""
    if engine not in ENGINES:
        raise InputError(f"unknown engine {engine!r}; expected one of {', '.join(ENGINES)}")
    if engine in ("scan", "krylov") and recurrence != "linear":
        raise InputError(f"engine {engine!r} runs the linear recurrence only, not {recurrence!r}")
    if engine == "krylov" and num_layers > 1:
        raise InputError(f"engine 'krylov' runs a single layer, not {num_layers}")


def states(engine: str, r: Recurrence) -> Tensor:
    """All states (B, T, n) of h_t = act(W h_{t-1} + v_t)."""
    if engine == "krylov":
        raise InputError("engine 'krylov' computes the last state alone: call last_state instead")
    if engine == "native":
        return native.states(r)
    return plain.states(engine, r)


def last(engine: str, r: Recurrence, lengths: Tensor | None, segment: int | None = None) -> Tensor:
    """The state (B, n) after each sequence's own last step (all T of them if ``lengths`` is None).

    segment: see ``fused``; engines that store their states do not need it.
    """
    if engine == "krylov":
        if r.h_0 is not None:
            raise InputError("engine 'krylov' starts from zeros: it takes no h_0")
        with full_precision(r.drive.x):
            return krylov.last(r.geometry, r.signs, r.drive, lengths, r.twice)
    if engine == "native" and fused.runs(r.drive):
        return fused.last(r, lengths, segment)
    if engine == "native":
        return at_length(native.states(r), lengths)
    return plain.last(engine, r, lengths)


def means(
    engine: str, r: Recurrence, lengths: Tensor | None, segment: int | None = None
) -> tuple[Tensor, Tensor]:
    """The mean of relu(h_t) over each sequence's own steps, (B, n), and the state after its last one, (B, n).

    segment: see ``fused``.
    """
    if engine == "native" and fused.runs(r.drive):
        return fused_mean.means(r, lengths, segment)
    return mean_and_last(states(engine, r), lengths)
