"""The folders that are searched for data sets: --data, then $HADAMRNN_DATA, then the user's cache."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from ..errors import DataError

__all__ = ["ENVIRONMENT", "NoHomeError", "cache", "candidates", "named"]

ENVIRONMENT = "HADAMRNN_DATA"


class NoHomeError(DataError):
    """The user has no folder for a cache."""


def cache() -> Path:
    """The folder for downloads: hadamrnn_ext in the user's cache folder.

    Raises NoHomeError for a user without a home folder, as in some containers, who sets no other cache folder.
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
    """The folders that may hold `dataset`, the first choice first.

    A given `directory` is the only choice, because nobody expects data from elsewhere then. It holds either the files or a
    folder with the name of the data set.
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
