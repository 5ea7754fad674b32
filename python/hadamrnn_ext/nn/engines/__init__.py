"""Engines: different ways to run the same recurrence, with the same values and gradients.

=========  ==================================================  =======================================
``loop``   plain torch, one product a step (the oracle)        any recurrence, any device
``native`` C++, fast transform, threads over the batch         any recurrence, CPU
``krylov`` powers of W once a batch, one product               last output, linear, zero state, CPU
``scan``   recursive doubling, parallel over time, plain torch linear, any device
=========  ==================================================  =======================================
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import InputError
from . import krylov, loop, native, scan
from .geometry import RECURRENCES, Geometry, full_precision

__all__ = [
    "ENGINES",
    "RECURRENCES",
    "Geometry",
    "check",
    "choose",
    "full_precision",
    "krylov",
    "last",
    "states",
]

ENGINES = ("auto", "loop", "native", "krylov", "scan")

_STATES = {"loop": loop.states, "native": native.states, "scan": scan.states}
_LAST = {"loop": loop.last, "scan": scan.last}


def check(engine: str, recurrence: str, num_layers: int) -> None:
    """Raises InputError for an unknown engine, or one that cannot run this recurrence."""
    if engine not in ENGINES:
        raise InputError(f"unknown engine {engine!r}; expected one of {', '.join(ENGINES)}")
    if engine in ("scan", "krylov") and recurrence != "linear":
        raise InputError(f"engine {engine!r} runs the linear recurrence only, not {recurrence!r}")
    if engine == "krylov" and num_layers > 1:
        raise InputError(f"engine 'krylov' runs a single layer, not {num_layers}")


def choose(engine: str, recurrence: str, like: Tensor, *, krylov_pays: bool = False) -> str:
    """The engine that runs a recurrence of tensors such as ``like``: ``engine`` itself unless that is "auto".

    krylov_pays: only the last state is wanted, and the inputs are few beside the sequences.
    """
    if engine != "auto":
        return engine
    native_runs = like.device.type == "cpu" and like.dtype in (torch.float32, torch.float64)
    if recurrence == "linear":
        return ("krylov" if krylov_pays else "native") if native_runs else "scan"
    return "native" if native_runs else "loop"


def states(
    engine: str, geometry: Geometry, signs: Tensor, v: Tensor, h_0: Tensor | None, modrelu: Tensor | None
) -> Tensor:
    """All states (B, T, n) of h_t = act(W h_{t-1} + v_t); v (B, T, n), h_0 (B, n) or None for zeros."""
    with full_precision(v):
        return _STATES[engine](geometry, signs, v, h_0, modrelu)


def last(
    engine: str,
    geometry: Geometry,
    signs: Tensor,
    v: Tensor,
    h_0: Tensor | None,
    modrelu: Tensor | None,
    lengths: Tensor | None,
) -> Tensor:
    """The state (B, n) after each sequence's own last step (all T of them if ``lengths`` is None)."""
    if lengths is None and engine in _LAST:
        with full_precision(v):
            return _LAST[engine](geometry, signs, v, h_0, modrelu)
    return at_length(states(engine, geometry, signs, v, h_0, modrelu), lengths)


def at_length(h: Tensor, lengths: Tensor | None) -> Tensor:
    """h (B, T, n) at each sequence's own last step: (B, n)."""
    if lengths is None:
        return h[:, -1]
    return h[torch.arange(len(h), device=h.device), lengths - 1]
