"""Names of places in the user's data, for errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["CellPlaces", "FilePlaces", "Places", "X", "Y"]


@dataclass(frozen=True)
class Places:
    """Places in arrays and lists: X[3] is a sequence, and X[3][17, 0] is channel 0 of its step 17."""

    name: str = "X"

    def sequence(self, i: int) -> str:
        return f"{self.name}[{i}]"

    def step(self, i: int, t: int, channel: int | None = None) -> str:
        return f"{self.name}[{i}][{t}]" if channel is None else f"{self.name}[{i}][{t}, {channel}]"


#: The usual names of sequences and of targets.
X, Y = Places("X"), Places("y")


@dataclass(frozen=True)
class CellPlaces(Places):
    """Places in a table: its `name`, the lines of the sequences or of their steps, and the names of the `columns`.

    lines: either the line of each sequence, whose steps are the columns; or for each sequence the lines of its steps, whose
        channels are the columns.
    """

    lines: Sequence[int] | Sequence[Sequence[int]] = ()
    columns: Sequence[str] = ()

    def sequence(self, i: int) -> str:
        line = self.lines[i]
        return f"{self.name}, line {line if isinstance(line, int) else line[0]}"

    def step(self, i: int, t: int, channel: int | None = None) -> str:
        line = self.lines[i]
        if isinstance(line, int):
            return f"{self.name}, line {line}, column {self._column(t)}"
        return f"{self.name}, line {line[t]}, column {self._column(channel or 0)}"

    def _column(self, number: int) -> str:
        return repr(self.columns[number]) if number < len(self.columns) else str(number)


@dataclass(frozen=True)
class FilePlaces(Places):
    """Places in a folder, where each of the `files` is a sequence."""

    files: Sequence[str] = ()

    def sequence(self, i: int) -> str:
        return self.files[i]

    def step(self, i: int, t: int, channel: int | None = None) -> str:
        return f"{self.files[i]}, step {t}" + ("" if channel is None else f", channel {channel}")
