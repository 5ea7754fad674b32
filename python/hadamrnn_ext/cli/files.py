"""The files that a command line names, directly or by a folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ..data import sound, sounds, source
from ..errors import DataError, InputError
from ..file.card import Card

__all__ = ["files"]

#: The suffixes of the files that are read from a folder. A model that hears reads only sound, others any of these.
READ = (".npy", ".npz", ".csv", ".tsv", ".txt", *sound.SUFFIXES)


def files(names: Sequence[str], card: Card) -> list[str]:
    """The files to read. A folder stands for the files in it and its sub-folders whose suffixes the model can read.

    Reports on stderr how many other files a folder has. Raises InputError if stdin is named twice, and DataError if a
    folder has nothing to read.
    """
    if names.count(source.STDIN) > 1:
        raise InputError(f"{source.STDIN} is stdin, which can be read once; expected it once")
    found: list[str] = []
    for name in names:
        found += _inside(Path(name), card) if source.is_folder(name) else [name]
    return found


def _inside(folder: Path, card: Card) -> list[str]:
    suffixes = sound.SUFFIXES if sounds.hearing(card) is not None else READ
    chosen, others = source.files(folder, suffixes)
    if not chosen:
        raise DataError(f"{folder}: holds no files to read; expected names that end in {', '.join(suffixes)}")
    if others:
        left = f"{len(others)} left out, first {others[0]}"
        print(f"{folder}: {len(chosen)} files are read, {left}", file=sys.stderr)
    return list(map(str, chosen))
