"""Own data in memory: sequences, their targets, ids and groups."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..file.data_card import DataCard
from .places import Places, X, Y

__all__ = ["Examples"]


class Examples(NamedTuple):
    """N sequences and what is known of them. y, ids and groups have one entry per sequence, or are None.

    x: as `custom.task` takes it: (N, T, d), (N, T), or a list of N arrays or texts. y: (N,) or (N, o).
    ids: the names of the sequences in the file. groups: people, devices or the like, to split by.
    card: the form of the file, or None for arrays. understood: a line that tells the user how the file was read.
    places, y_places: the names of places in errors.
    """

    x: Any
    y: Any = None
    ids: tuple[str, ...] | None = None
    groups: Any = None
    card: DataCard | None = None
    understood: str = ""
    places: Places = X
    y_places: Places = Y
