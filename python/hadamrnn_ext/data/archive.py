"""Reads members of zip and tar archives into memory, under limits, since an archive from the network may be hostile.

Nothing is unpacked to disk. A name that leads out of the archive, a link, a member that is too large or occurs twice, and
a damaged or shortened file each raise a `DataError`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Container, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

__all__ = ["decompressed", "digest", "read_at_most", "read_tar", "read_zip", "table"]

#: The most bytes of a decompressed tar.
MAX_TOTAL = 1 << 32
CHUNK = 1 << 20
#: The most bytes after the last member of a tar; usually there are up to 10,240.
MAX_PADDING = 1 << 20
DAMAGED = (
    EOFError,
    OSError,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
    NotImplementedError,
    RuntimeError,
    ValueError,  # a name that is not in its encoding
    OverflowError,
    struct.error,
)


def read_zip(path: str | Path, names: Sequence[str], *, max_bytes: int) -> dict[str, bytes]:
    """The content of the members `names` of a zip archive, in this order. None may be larger than `max_bytes`."""
    try:
        with zipfile.ZipFile(path) as archive:
            members: dict[str, zipfile.ZipInfo] = {}
            for info in archive.infolist():
                size = max(
                    info.file_size, info.compress_size
                )  # memory of either size is allocated before reading
                _admit(path, info.filename, size, members, max_bytes)
                members[info.filename] = info
            if absent := [name for name in names if name not in members]:
                raise DataError(f"{path}: lacks {len(absent)} of {len(names)} members, first {absent[0]!r}")
            return {name: archive.read(members[name]) for name in names}
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except DAMAGED as error:
        raise DataError(f"{path}: the zip archive is cut short or damaged ({error})") from None


def read_tar(path: str | Path, pattern: str, *, max_bytes: int, max_members: int) -> dict[str, bytes]:
    """The content, by name, of the members whose whole name matches `pattern`, of a tar archive with or without gzip.

    None may be larger than `max_bytes`, and the archive may have at most `max_members`.
    """
    wanted = re.compile(pattern)
    found: dict[str, bytes] = {}
    names: set[str] = set()
    try:
        with (
            Path(path).open("rb") as file,
            decompressed(file) as stream,
            tarfile.open(fileobj=cast("IO[bytes]", _Bounded(stream, path, max_bytes)), mode="r:") as archive,
        ):
            for member in archive:
                _admit(path, member.name, member.size, names, max_bytes)
                names.add(member.name)
                if len(names) > max_members:
                    raise DataError(f"{path}: more than {max_members} members")
                if wanted.fullmatch(member.name):
                    content = archive.extractfile(member) if member.isfile() else None
                    if content is None:
                        raise DataError(f"{path}: {member.name!r} is not a plain file")
                    found[member.name] = content.read()
            # Padding and the checksum of gzip follow the last member, and reading them verifies the content.
            if len(stream.read(MAX_PADDING + 1)) > MAX_PADDING:
                raise DataError(f"{path}: more than {MAX_PADDING} bytes after the last member")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except DAMAGED as error:
        raise DataError(f"{path}: the tar archive is cut short or damaged ({error})") from None
    return dict(sorted(found.items()))


class _Bounded:
    """A stream with limits on a single read and on the total size.

    `tarfile` reads long names at once, of whatever size the archive states, and zeros compress a thousandfold.
    """

    def __init__(self, stream: IO[bytes], path: str | Path, max_bytes: int) -> None:
        self._stream, self._path, self._max_bytes = stream, path, max_bytes
        self.tell = stream.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self._max_bytes + tarfile.BLOCKSIZE:
            raise DataError(f"{self._path}: a part of {size} bytes, above the limit of {self._max_bytes}")
        self._check(self.tell() + size)
        return read_at_most(self._stream, size)

    def seek(self, position: int) -> int:
        self._check(position)
        return self._stream.seek(position)

    def _check(self, position: int) -> None:
        if position > MAX_TOTAL:
            raise DataError(f"{self._path}: more than {MAX_TOTAL} bytes, decompressed")


def read_at_most(file: IO[bytes], size: int) -> bytes:
    """Up to `size` bytes. Allocates memory only for bytes that the file really holds, whatever its header says."""
    parts = []
    while size > 0 and (part := file.read(min(size, CHUNK))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def digest(contents: Iterable[bytes]) -> str:
    """SHA-256 over the contents and their sizes, in order, which does not depend on how the archive was packed."""
    total = hashlib.sha256()
    for content in contents:
        total.update(len(content).to_bytes(8, "little"))
        total.update(content)
    return total.hexdigest()


def decompressed(file: IO[bytes]) -> IO[bytes]:
    """A seekable file, decompressed if its content (not its name) shows that it is gzip."""
    compressed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if compressed else file


def _admit(path: str | Path, name: str, size: int, known: Container[str], max_bytes: int) -> None:
    pure = PurePosixPath(name.replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts or re.match("[A-Za-z]:", name):
        raise DataError(f"{path}: the member {name!r} leads out of the archive")
    if name in known:
        raise DataError(f"{path}: holds {name!r} twice")
    if size > max_bytes:
        raise DataError(f"{path}: {name!r} has {size} bytes, above the limit of {max_bytes}")


def table(name: str, content: bytes, delimiter: str | None = None) -> NDArray[np.float32]:
    """The numbers (rows, columns), all of them finite, in a text with one row per line. Raises `DataError` naming `name`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about an empty input
            numbers = np.loadtxt(io.BytesIO(content), dtype=np.float32, delimiter=delimiter, ndmin=2)
    except ValueError as error:
        raise DataError(f"{name}: no table of numbers ({error})") from None
    if not numbers.size:
        raise DataError(f"{name}: holds no numbers")
    if not np.isfinite(numbers).all():
        raise DataError(f"{name}: holds a number that is not finite")
    return numbers
