"""The log of a run, `log.jsonl`: one JSON object per line, with one line per epoch and a last one for the summary."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["RATES_LOG", "Log", "records"]

#: The name of the log of a search for a learning rate, in the folder of the run: a line for each rate of the grid.
RATES_LOG = "rates.jsonl"


class Log:
    """Appends records to a file; each is on disk when `append` returns.

    `keep` is the size in bytes to which an existing file is cut. A checkpoint stores how long the log was when it was
    made, and whatever was logged after that is logged again.
    """

    def __init__(self, path: str | Path, keep: int = 0) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("r+b" if self.path.exists() else "w+b")
        keep = self._file.truncate(
            min(keep, self.path.stat().st_size)
        )  # never lengthen a file that has been cut
        self._file.seek(keep)

    def append(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record, allow_nan=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    @property
    def size(self) -> int:
        """The size of the file in bytes, for `keep`."""
        return self._file.tell()

    def close(self) -> None:
        self._file.close()


def records(path: str | Path) -> Iterator[dict[str, Any]]:
    """The records of a log file. A last line that a crash cut short is left out."""
    with Path(path).open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)
