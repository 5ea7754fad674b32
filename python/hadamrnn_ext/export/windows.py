"""Windows of a stream without an end in exported C: the values for ``windows.c.in``, which does what ``Model.windows`` does.

A window that is answered makes room for a later one, so that ceil(length / hop) states are enough. Each of them starts afresh
every so many hops, and rests between its answer and its next start.
"""

from __future__ import annotations

from typing import Any

from ..errors import InputError
from ..file.card import Card
from ..model.inputs import count

__all__ = ["windows_values"]

#: The longest window: the age of a state has 32 bits.
MOST = 1 << 30


def windows_values(card: Card, windows: tuple[int, int] | None) -> dict[str, Any]:
    """The values for windows of (length, hop) steps.

    Raises:
        InputError: they are not two numbers of steps of which the hop is the smaller, or the model permutes its time steps.
    """
    if windows is None:
        return {"windows": False}
    if not isinstance(windows, (tuple, list)) or len(windows) != 2:
        raise InputError(f"windows is {ascii(windows)[:40]}; expected two numbers of steps, (length, hop)")
    length = count(windows[0], "length", MOST)
    hop = count(windows[1], "hop", length)
    if card.preprocess.permutation is not None:
        raise InputError(
            "windows are given for a model that permutes the time steps of a sequence; expected one that "
            "reads them as they come"
        )
    states = -(-length // hop)
    return {
        "windows": True,
        "window_length": length,
        "window_hop": hop,
        "window_states": states,
        "window_cycle": states * hop,
    }
