"""The engines of plain torch, which differentiate as often and in whichever mode torch does."""

from __future__ import annotations

from torch import Tensor

from . import loop, scan
from .geometry import Recurrence, full_precision
from .pool import What, read_states

_STATES = {"loop": loop.states, "scan": scan.states}
_LAST = {"loop": loop.last, "scan": scan.last}


def engine(recurrence: str) -> str:
    """The one that suits this recurrence."""
    return "scan" if recurrence == "linear" else "loop"


def states(engine: str, r: Recurrence) -> Tensor:
    """All states (B, T, n) of h_t = act(W h_{t-1} + v_t)."""
    v = r.inputs.values()
    with full_precision(v):
        return _STATES[engine](r.geometry, r.signs, v, r.h_0, r.modrelu)


def read(engine: str, r: Recurrence, what: What, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """What ``engines.read`` gives; the last states of sequences of one length without writing all states."""
    if what != "last" or lengths is not None:
        return read_states(states(engine, r), what, lengths)
    v = r.inputs.values()
    with full_precision(v):
        last = _LAST[engine](r.geometry, r.signs, v, r.h_0, r.modrelu)
    return last, last
