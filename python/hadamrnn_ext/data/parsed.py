"""Caches arrays that take long to parse in the user's cache folder, until their source changes."""

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

#: The bytes of the SHA-256 that precedes the .npz, because a damaged zip may still be a valid zip.
DIGEST = 32


def parsed(name: str, source: Path | bytes, parse: Callable[[], Arrays]) -> Arrays:
    """The result of `parse()`, or that of an earlier call for the same content of `source`, a file or bytes.

    `name` identifies the parser and its version. A cached copy that is damaged or cannot be written only costs time. Raises
    `DataError` if `source` cannot be read.
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
    np.savez(packed, **arrays)  # type: ignore[arg-type]  # no array is named `allow_pickle`
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
    """`parsed` for the only file of a data set. `checked` names its content and gives the expected array "sha256".

    Raises `DataError` if the file is missing or has another digest.
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
