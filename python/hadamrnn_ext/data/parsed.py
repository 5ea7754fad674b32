"""Arrays that took long to parse, kept in the user's cache until the file they come from changes."""

from __future__ import annotations

import contextlib
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..format import write
from . import folders

__all__ = ["parsed"]

Arrays = dict[str, NDArray[Any]]


def parsed(name: str, source: Path, parse: Callable[[], Arrays]) -> Arrays:
    """`parse()`, or what it gave for a file with the content of `source`. `name` tells parsers and their versions apart.

    A copy that cannot be written or is damaged costs time alone. Raises `DataError` if `source` cannot be read.
    """
    try:
        key = hashlib.sha256(source.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error})") from None
    path = folders.cache() / "parsed" / f"{name}-{key[:32]}.npz"
    with (
        contextlib.suppress(OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile),
        path.open("rb") as file,
    ):
        return dict(np.load(file))
    arrays = parse()
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]  # `allow_pickle` is none of the names
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, content.getvalue())
    return arrays
