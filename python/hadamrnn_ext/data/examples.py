"""Own data in memory, whatever file it came from: sequences, their targets, ids and groups."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..file.data_card import DataCard
from .places import Places

__all__ = ["Examples"]


class Examples(NamedTuple):
    """N sequences, and what is known of them; y, ids and groups have an entry for each, or are None.

    x: as `custom.task` takes it: (N, T, d), (N, T), a list of N arrays or texts. y: (N,) or (N, o).
    ids: how the file calls the sequences. groups: people, devices or the like, to split by.
    card: the form of the file; None: there was none. understood: how it was read, in a line. places, y_places: words for
        errors.
    """

    x: Any
    y: Any = None
    ids: tuple[str, ...] | None = None
    groups: Any = None
    card: DataCard | None = None
    understood: str = ""
    places: Places = Places("X")
    y_places: Places = Places("y")
