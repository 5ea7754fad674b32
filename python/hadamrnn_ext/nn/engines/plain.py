"""The engines of plain torch, which differentiate as often and in whichever mode torch does."""

from __future__ import annotations

from torch import Tensor

from . import loop, scan
from .geometry import full_precision
from .inputs import Recurrence
from .lengths import at_length

_STATES = {"loop": loop.states, "scan": scan.states}
_LAST = {"loop": loop.last, "scan": scan.last}


def engine(recurrence: str) -> str:
    """The one that suits this recurrence."""
    return "scan" if recurrence == "linear" else "loop"


def states(engine: str, r: Recurrence) -> Tensor:
    """All states (B, T, n) of h_t = act(W h_{t-1} + v_t)."""
    v = r.drive.values()
    with full_precision(v):
        return _STATES[engine](r.geometry, r.signs, v, r.h_0, r.modrelu)


def last(engine: str, r: Recurrence, lengths: Tensor | None) -> Tensor:
    """The state (B, n) after each sequence's own last step."""
    if lengths is not None:
        return at_length(states(engine, r), lengths)
    v = r.drive.values()
    with full_precision(v):
        return _LAST[engine](r.geometry, r.signs, v, r.h_0, r.modrelu)
