"""The engines of plain torch, which can be differentiated as often and in every mode that torch supports."""

from __future__ import annotations

from torch import Tensor

from . import loop, scan
from .geometry import Recurrence, full_precision
from .pool import What, read_states

_STATES = {"loop": loop.states, "scan": scan.states}
_LAST = {"loop": loop.last, "scan": scan.last}


def engine(recurrence: str) -> str:
    """The plain torch engine that suits this recurrence."""
    return "scan" if recurrence == "linear" else "loop"


def states(engine: str, r: Recurrence) -> Tensor:
    """All states (B, T, n) of h_t = act(W h_{t-1} + v_t)."""
    v = r.inputs.values()
    with full_precision(v):
        return _STATES[engine](r.geometry, r.signs, v, r.h_0, r.modrelu)


def read(engine: str, r: Recurrence, what: What, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """The result of ``engines.read``. For the last states of sequences of equal length, not all states are written."""
    if what != "last" or lengths is not None:
        return read_states(states(engine, r), what, lengths)
    v = r.inputs.values()
    with full_precision(v):
        last = _LAST[engine](r.geometry, r.signs, v, r.h_0, r.modrelu)
    return last, last
