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


def parsed(name: str, source: Path | bytes, parse: Callable[[], Arrays]) -> Arrays:
    """`parse()`, or what it gave for the same `source`, a file's content or bytes. `name` tells parsers and their versions apart.

    A copy that cannot be written or is damaged costs time alone. Raises `DataError` if `source` cannot be read.
    """
    key = hashlib.sha256(source if isinstance(source, bytes) else _content(source)).hexdigest()
    path = folders.cache() / "parsed" / f"{name}-{key[:32]}.npz"
    with (
        contextlib.suppress(OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile),
        path.open("rb") as file,
    ):
        return dict(np.load(file))
    arrays = parse()
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type]  # `allow_pickle` is none of the names
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, packed.getvalue())
    return arrays


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
