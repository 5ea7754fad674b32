"""Where data sets are looked for: --data, then $HADAMRNN_DATA, then the user's cache."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["ENVIRONMENT", "cache", "candidates"]

ENVIRONMENT = "HADAMRNN_DATA"


def cache() -> Path:
    """The folder downloads go into: hadamrnn_ext in the user's cache folder of this system."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "hadamrnn_ext"


def candidates(dataset: str, directory: str | Path | None = None) -> list[Path]:
    """The folders that may hold `dataset`, first choice first.

    A `directory` given by hand is the only choice: data found elsewhere would be a surprise. It may hold the
    files themselves or a folder named as the data set.
    """
    if directory is not None:
        return [Path(directory) / dataset, Path(directory)]
    named = os.environ.get(ENVIRONMENT)
    return [*([Path(named) / dataset, Path(named)] if named else []), cache() / dataset]
