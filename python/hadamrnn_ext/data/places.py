"""Where something stands in the user's data: the words by which errors name it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["CellPlaces", "FilePlaces", "Places"]


@dataclass(frozen=True)
class Places:
    """Places of arrays and lists: X[3] is a sequence, X[3][17, 0] the first channel of its step 17."""

    name: str = "X"

    def sequence(self, i: int) -> str:
        return f"{self.name}[{i}]"

    def step(self, i: int, t: int, channel: int | None = None) -> str:
        return f"{self.name}[{i}][{t}]" if channel is None else f"{self.name}[{i}][{t}, {channel}]"


@dataclass(frozen=True)
class CellPlaces(Places):
    """Places of a file of rows: its `name`, the line of each sequence or of each of its steps, and names of columns.

    lines: (N,) where a sequence is a row, whose steps are `columns`; or of each sequence the lines of its steps, and the
        columns are channels.
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
    """Places of a folder, each of whose `files` is a sequence."""

    files: Sequence[str] = ()

    def sequence(self, i: int) -> str:
        return self.files[i]

    def step(self, i: int, t: int, channel: int | None = None) -> str:
        return f"{self.files[i]}, step {t}" + ("" if channel is None else f", channel {channel}")
