"""The files that a command line names, folders among them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ..data import sound, sounds, source
from ..errors import DataError, InputError
from ..file.card import Card

__all__ = ["files"]

#: By their names, what is read of a folder: sound by models that hear, by others any of these.
READ = (".npy", ".npz", ".csv", ".tsv", ".txt", *sound.SUFFIXES)


def files(names: Sequence[str], card: Card) -> list[str]:
    """The files to read: for a folder those in it and in its sub-folders that the model may read by their names.

    Says on stderr how many others a folder has. Raises InputError where stdin is named twice, DataError for a folder of others.
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
