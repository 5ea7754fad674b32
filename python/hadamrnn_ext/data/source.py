"""What people name as input: a file, a pipe, stdin, compressed or not; opened once and read once."""

from __future__ import annotations

import contextlib
import gzip
import io
import mmap
import os
import stat
import sys
import zlib
from collections.abc import Container, Iterator
from pathlib import Path
from typing import IO

from ..errors import DataError
from .archive import decompressed, read_at_most

__all__ = ["STDIN", "Content", "content", "files", "is_folder", "label", "suffix", "text"]

STDIN = "-"
#: Bytes that are read of what does not say how long it is, or decompressed.
MAX_BYTES = 1 << 32
NUMPY = b"\x93NUMPY"
GZIP = b"\x1f\x8b"
#: How other compressed files begin.
COMPRESSED = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}

Content = bytes | mmap.mmap


def content(name: str | Path) -> Content:
    """All that a file, a pipe (``<(command)``), a device or, as ``-``, stdin gives, decompressed if it is of gzip.

    Opened once and read to its end once, since a pipe has nothing more to give. A file of .npy is not read but mapped
    into memory, where what is used of it is read.

    Raises DataError: it cannot be read, is empty, damaged or compressed otherwise, or is larger than 4 GiB.

    Example:
        >>> content("walks.csv.gz")[:8]
        b'id,label'
    """
    called = label(name)
    try:
        with _opened(name) as file:
            head = read_at_most(file, len(NUMPY))
            if head == NUMPY and (mapped := _mapped(file)) is not None:
                return mapped
            data = head + read_at_most(file, MAX_BYTES + 1 - len(head))
    except OSError as error:
        raise DataError(f"{called}: cannot be read ({error})") from None
    for beginning, form in COMPRESSED.items():
        if data.startswith(beginning):
            raise DataError(f"{called}: is compressed by {form}; expected gzip, or what is not compressed")
    if data.startswith(GZIP):
        data = _decompressed(called, data)
    if len(data) > MAX_BYTES:
        raise DataError(f"{called}: more than {MAX_BYTES} bytes")
    if not data:
        raise DataError(f"{called}: is empty{' or has been read before' if str(name) == STDIN else ''}")
    return data


def files(folder: Path, suffixes: Container[str]) -> tuple[list[Path], list[Path]]:
    """All files in a folder and its sub-folders, in order: those of a name with one of the suffixes, and the others.

    Links are followed, but not in circles. What is hidden is left out. Raises DataError for a folder that cannot be read.
    """
    chosen: list[Path] = []
    others: list[Path] = []
    for path in _walk(folder, (folder.resolve(),)):
        (chosen if suffix(path) in suffixes else others).append(path)
    return chosen, others


def _walk(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    try:
        places = sorted(place for place in folder.iterdir() if not place.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error})") from None
    for place in places:
        if not place.is_dir():
            yield place
        elif (real := place.resolve()) not in above:
            yield from _walk(place, (*above, real))


def is_folder(name: str | Path) -> bool:
    """Whether what is named is a folder; ``-`` is stdin, whatever lies here under that name."""
    return str(name) != STDIN and Path(name).is_dir()


def label(name: str | Path) -> str:
    """What messages call a source."""
    return "stdin" if str(name) == STDIN else str(name)


def suffix(name: str | Path) -> str:
    """The ending of a name that says what is in a file, in small letters: .csv of walks.CSV.gz; empty of stdin."""
    return Path(str(name).lower().removesuffix(".gz")).suffix


def text(name: str, data: bytes) -> str:
    """Decoded as UTF-8 or, where a byte order mark says so, UTF-16, with line ends of any system as ``\\n``.

    Raises DataError naming `name` and the line.
    """
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        decoded = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{name}, line {line}: is no text in UTF-8 ({error})") from None
    return decoded.replace("\r\n", "\n").replace("\r", "\n")


def _opened(name: str | Path) -> contextlib.AbstractContextManager[IO[bytes]]:
    if str(name) != STDIN:
        return open(name, "rb")
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise DataError("stdin: there is none to read bytes from")
    return contextlib.nullcontext(stream)


def _mapped(file: IO[bytes]) -> mmap.mmap | None:
    """A plain file in memory, from its beginning; None where it is none, or is not to be mapped."""
    try:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode) and file.tell() == len(NUMPY):
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            file.seek(0, os.SEEK_END)  # read, as any other source
            return mapped
    except (OSError, ValueError, io.UnsupportedOperation):
        pass
    return None


def _decompressed(called: str, data: bytes) -> bytes:
    try:
        with decompressed(io.BytesIO(data)) as file:
            return read_at_most(file, MAX_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{called}: the gzip data is cut short or damaged ({error})") from None
