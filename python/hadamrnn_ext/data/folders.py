"""Where data sets are looked for: --data, then $HADAMRNN_DATA, then the user's cache."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from ..errors import DataError

__all__ = ["ENVIRONMENT", "NoHomeError", "cache", "candidates", "named"]

ENVIRONMENT = "HADAMRNN_DATA"


class NoHomeError(DataError):
    """There is no folder for a cache."""


def cache() -> Path:
    """The folder downloads go into: hadamrnn_ext in the user's cache folder of this system.

    Raises NoHomeError for a user who has neither a home nor says where else, as some containers have it.
    """
    try:
        if sys.platform == "win32":
            base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:
        raise NoHomeError("this user has no home folder for a cache; set XDG_CACHE_HOME") from None
    return Path(base) / "hadamrnn_ext"


def candidates(dataset: str, directory: str | Path | None = None) -> list[Path]:
    """The folders that may hold `dataset`, first choice first.

    A `directory` given by hand is the only choice: data found elsewhere would be a surprise. It may hold the
    files themselves or a folder named as the data set.
    """
    if directory is not None:
        return [Path(directory) / dataset, Path(directory)]
    found = named(dataset)
    with contextlib.suppress(NoHomeError):
        found.append(cache() / dataset)
    return found


def named(dataset: str) -> list[Path]:
    """The folders of $HADAMRNN_DATA that may hold `dataset`."""
    folder = os.environ.get(ENVIRONMENT)
    return [Path(folder).expanduser() / dataset, Path(folder).expanduser()] if folder else []
