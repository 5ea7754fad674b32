"""The sources of input: files, pipes and stdin, compressed or not. They are opened once and read once."""

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
#: The most bytes that are read or decompressed.
MAX_BYTES = 1 << 32
NUMPY = b"\x93NUMPY"
GZIP = b"\x1f\x8b"
#: The first bytes of files that are compressed by other programs.
COMPRESSED = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}

Content = bytes | mmap.mmap


def content(name: str | Path) -> Content:
    """The content of a file, a pipe (``<(command)``), a device or stdin (``-``), decompressed if it is gzip.

    The source is opened and read only once, since a pipe cannot be read again. An .npy file is mapped into memory, so that
    only the part that is used is read.

    Raises DataError if the source cannot be read, is empty, damaged, compressed otherwise, or larger than 4 GiB.

    Examples:
        >>> with open("walks.csv", "w") as file:
        ...     _ = file.write("id,label")
        >>> content("walks.csv")
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
            raise DataError(f"{called}: is compressed by {form}; expected gzip, or no compression")
    if data.startswith(GZIP):
        data = _decompressed(called, data)
    if len(data) > MAX_BYTES:
        raise DataError(f"{called}: more than {MAX_BYTES} bytes")
    if not data:
        raise DataError(f"{called}: is empty{' or has been read before' if str(name) == STDIN else ''}")
    return data


def files(folder: Path, suffixes: Container[str]) -> tuple[list[Path], list[Path]]:
    """The files in a folder and its sub-folders, sorted: those with one of the suffixes, and the others.

    Links are followed, except in circles. Hidden files are left out. Raises DataError if a folder cannot be read.
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
    """Whether a source is a folder. ``-`` is stdin, even if a folder has that name."""
    return str(name) != STDIN and Path(name).is_dir()


def label(name: str | Path) -> str:
    """The name of a source in messages."""
    return "stdin" if str(name) == STDIN else str(name)


def suffix(name: str | Path) -> str:
    """The suffix that tells the format of a file, in lower case: .csv for walks.CSV.gz, and empty for stdin."""
    return Path(str(name).lower().removesuffix(".gz")).suffix


def text(name: str, data: bytes) -> str:
    """The text of bytes in UTF-8 or, with a byte order mark, UTF-16. Line ends of all systems become ``\\n``.

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
        raise DataError("stdin: is not there, or cannot be read as bytes")
    return contextlib.nullcontext(stream)


def _mapped(file: IO[bytes]) -> mmap.mmap | None:
    """A plain file, mapped into memory from its beginning; None if it is not plain or cannot be mapped."""
    try:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode) and file.tell() == len(NUMPY):
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            file.seek(0, os.SEEK_END)  # so that it has been read, like any other source
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
