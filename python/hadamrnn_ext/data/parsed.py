"""Arrays that took long to parse, kept in the user's cache until the file they come from changes."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..disk import write
from ..errors import DataError
from . import folders
from .dataset import Dataset

__all__ = ["Arrays", "parsed", "parsed_file"]

Arrays = dict[str, NDArray[Any]]

#: Bytes of a SHA-256, which goes before the .npz: damage to the lists of a zip can pass for another zip.
DIGEST = 32


def parsed(name: str, source: Path | bytes, parse: Callable[[], Arrays]) -> Arrays:
    """`parse()`, or what it gave for the same `source`, a file's content or bytes. `name` tells parsers and their versions apart.

    A copy that cannot be written or is damaged costs time alone. Raises `DataError` if `source` cannot be read.
    """
    key = hashlib.sha256(source if isinstance(source, bytes) else _content(source)).hexdigest()
    try:
        path = folders.cache() / "parsed" / f"{name}-{key[:32]}.npz"
    except folders.NoHomeError:
        return parse()
    with contextlib.suppress(OSError):
        stored = path.read_bytes()
        if hashlib.sha256(stored[DIGEST:]).digest() == stored[:DIGEST]:
            return dict(np.load(io.BytesIO(stored[DIGEST:]), allow_pickle=False))
    arrays = parse()
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type]  # `allow_pickle` is none of the names
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, hashlib.sha256(packed.getvalue()).digest() + packed.getvalue())
    return arrays


def parsed_file(
    name: str,
    dataset: Dataset,
    directory: str | Path | None,
    parse: Callable[[Path], Arrays],
    *,
    checked: tuple[str, str] | None = None,
) -> Arrays:
    """`parsed` of the only file of a data set. `checked` says of what, and which, the array "sha256" has to be.

    Raises `DataError` when the file is not there or has other content.
    """
    path = dataset.locate(directory) / dataset.files[0]
    arrays = parsed(name, path, lambda: parse(path))
    if checked is not None and (met := str(arrays["sha256"])) != checked[1]:
        raise DataError(f"{path}: sha256 of {checked[0]} is {met}, expected {checked[1]}")
    return arrays


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
