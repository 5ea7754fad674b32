"""Files of own data: .npz with X and y, .ts, tables of text, CSV and the UCR archive's among them, or a folder of sounds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from ..file.data_card import DataCard
from . import csv_series, npz, sounds, source, ts
from .columns import BY_NAME, Columns, Known, refuse_columns
from .examples import Examples
from .places import Places
from .targets import Kind

__all__ = ["Columns", "Known", "examples", "ids", "known", "parsed", "parts", "read"]


def read(path: str | Path, columns: Columns = BY_NAME) -> tuple[Any, Any]:
    """Sequences and targets, as `train.fit` takes them; see `examples`. Raises DataError."""
    found = examples(path, columns)
    return found.x, found.y


def examples(
    path: str | Path,
    columns: Columns = BY_NAME,
    known: Known | None = None,
    kind: Kind | None = None,
    how: sounds.Hearing | None = None,
) -> Examples:
    """What a file of own data holds, or what else `source` reads, targets included.

    Args:
        path: .npz with the arrays X (of which `parts` tells) and y, and maybe groups and ids (N,); a folder of sounds, see
            `sounds.read`; .ts as sktime and aeon have it; all else is a table of text, see `csv_series`.
        columns: what the columns of a table are; None of them: as they are usually called.
        known: who reads it, where it is not the data to train on. kind: of the targets. how: a model hears sounds.

    Raises DataError naming the file.
    """
    if source.is_folder(path):
        refuse_columns(str(path), columns)
        return sounds.read(path, how)
    content, name = source.content(path), source.label(path)
    if content[:6] == source.NUMPY:
        raise DataError(f"{name}: holds one array; expected .npz with X and y, or CSV")
    content = bytes(content)
    if content.startswith(b"PK"):
        refuse_columns(name, columns)
        return _arrays(name, npz.read(name, content))
    found = parsed(name, source.text(name, content), columns, known=known, kind=kind)
    if found.y is None:
        raise DataError(f"{name}: has no targets; expected a class or a value for each series")
    return found


def known(examples: Examples) -> Known:
    """What training data says of the files of test data beside it."""
    first = examples.x[0]
    texts = isinstance(first, str)
    width = 1 if texts or np.ndim(first) < 2 else np.shape(first)[1]
    return Known(examples.card or DataCard(), width, texts)


def parsed(
    name: str,
    text: str,
    columns: Columns = BY_NAME,
    *,
    labelled: bool = True,
    known: Known | None = None,
    kind: Kind | None = None,
) -> Examples:
    """What a text holds: that of a .ts file, told by its header, or a table. Raises DataError."""
    if re.match(r"(?:\s*%[^\n]*\n)*\s*@relation\b", text[:100_000], re.IGNORECASE):
        raise DataError(
            f"{name}: is ARFF, which is not read; the archive has the same data as .ts and as .tsv or .txt"
        )
    if ts.is_ts(text):
        refuse_columns(name, columns)
        return ts.parse(name, text)
    return csv_series.parse(name, text, columns, labelled=labelled, known=known, kind=kind)


def parts(path: str | Path, arrays: dict[str, Any]) -> Any:
    """The sequences of an .npz file: the array X, or a list of N where there are lengths (N,).

    X is then (N, T, ..), filled up to one length, or (sum of lengths, ..), one sequence after another. Raises DataError.
    """
    named = _named(arrays)
    if "x" not in named:
        raise DataError(f"{path}: holds {', '.join(arrays) or 'nothing'}; expected an array X")
    x, lengths = named["x"], named.get("lengths")
    if lengths is None:
        if not x.ndim or not len(x):
            raise DataError(
                f"{path}: X has shape {x.shape}; expected at least one sequence, (N, T) or (N, T, d)"
            )
        return x
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or not lengths.size or not x.ndim:
        raise DataError(
            f"{path}: lengths of shape {lengths.shape} and dtype {lengths.dtype}; expected integers (N,)"
        )
    counts = [int(length) for length in lengths]
    filled = x.ndim > 1 and len(x) == len(counts)
    if filled and sum(counts) == len(x) and x.ndim == 2 and x.shape[1] > 1:
        raise DataError(
            f"{path}: X of shape {x.shape} with lengths of 1 can be read in two ways; expected X (N, T, d)"
        )
    if min(counts) < 1 or (max(counts) > x.shape[1] if filled else sum(counts) != len(x)):
        expected = f"1 .. {x.shape[1]}" if filled else f"a sum of {len(x)}"
        raise DataError(
            f"{path}: X of shape {x.shape} with {len(counts)} lengths {min(counts)} .. {max(counts)}, "
            f"{sum(counts)} in all; expected {expected}"
        )
    if filled:
        return [row[:count] for row, count in zip(x, counts, strict=True)]
    return np.split(x, np.cumsum(counts)[:-1])


def ids(path: str | Path, arrays: dict[str, Any], count: int) -> tuple[str, ...] | None:
    """The array ids (N,) of an .npz file, if there is one. Raises DataError."""
    found = _named(arrays).get("ids")
    if found is None:
        return None
    if found.shape != (count,):
        raise DataError(f"{path}: ids of shape {found.shape}; expected ({count},), one for each sequence")
    return tuple(map(str, found.tolist()))


def _arrays(path: str | Path, arrays: dict[str, Any]) -> Examples:
    named = _named(arrays)
    if not {"x", "y"} <= named.keys():
        raise DataError(f"{path}: holds {', '.join(arrays) or 'nothing'}; expected X and y")
    x = parts(path, arrays)
    understood = f"{path}: arrays {', '.join(f'{name} {array.shape}' for name, array in arrays.items())}"
    return Examples(
        x,
        named["y"],
        ids=ids(path, arrays, len(x)),
        groups=named.get("groups"),
        understood=understood,
        places=Places(f"{path}: X"),
        y_places=Places(f"{path}: y"),
    )


def _named(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name.lower(): array for name, array in arrays.items()}
