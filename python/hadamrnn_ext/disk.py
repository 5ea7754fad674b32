"""Writes all output files: models, exports, pictures, pages and answers.

A plain file is replaced as a whole, so that readers never see a part of it. A pipe, a device or an open file is written
into, and never replaced.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import stat
import sys
from collections.abc import Iterator
from typing import IO, Any

from .errors import InputError

__all__ = [
    "apart",
    "check",
    "growing",
    "is_plain",
    "is_stdout",
    "picture_kind",
    "whole",
    "write",
    "write_picture",
]

Path = str | os.PathLike[str]

#: The most symbolic links that are followed one after another, as in Linux.
MAX_LINKS = 40
PICTURES = ("png", "svg", "pdf")
DPI = 150  # dots per inch of a picture that has dots


def write(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` like ``whole``. Raises OSError."""
    with whole(path) as file:
        file.write(data)


@contextlib.contextmanager
def whole(path: Path, *, text: bool = False) -> Iterator[IO[Any]]:
    """A file object for bytes or UTF-8 text, whose content is at ``path`` when the block ends.

    Readers see either the old file or the new one, never a part of it. A symbolic link is followed and remains. The new
    file gets the mode and, where the system allows it, the owner of the old one. A pipe, a device or an open file
    (``/dev/stdout``, ``/dev/fd/3``) is written into directly.

    Raises:
        OSError: the file cannot be written. The old file, if any, is unchanged, and no temporary file remains.

    Examples:
        >>> with whole("answers.csv", text=True) as file:
        ...     _ = file.write("sequence,label\\n")
    """
    if (stream := _stream(path, text)) is not None:
        with stream:
            yield stream
        return
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name[:16]}.{os.urandom(8).hex()}.tmp")
    try:
        with _opened(temporary, "x", text) as file:
            _take_over(target, temporary)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.filename == temporary:
            error.filename, error.filename2 = os.fspath(path), None  # the caller knows only this name
        raise


@contextlib.contextmanager
def growing(path: Path, *, text: bool = False) -> Iterator[IO[Any]]:
    """Like ``whole``, but each line (or block of bytes) appears in the file at once, for output without an end."""
    with _stream(path, text, live=True) or _opened(path, "w", text, live=True) as file:
        yield file


def picture_kind(path: Path) -> str:
    """The kind of picture that the suffix of a name selects. Raises InputError."""
    kind = os.path.splitext(path)[1].removeprefix(".").lower()
    if kind not in PICTURES:
        raise InputError(f"{os.fspath(path)}: expected a name that ends in .png, .svg or .pdf")
    return kind


def write_picture(path: Path, figure: Any, dpi: int = DPI) -> None:
    """Write a matplotlib Figure as the kind of picture that the suffix of ``path`` selects. Raises OSError, InputError."""
    picture = io.BytesIO()
    figure.savefig(picture, format=picture_kind(path), dpi=dpi)
    write(path, picture.getvalue())


def is_stdout(path: Path) -> bool:
    """Whether ``path`` names the standard output of this process, so that nothing else should be printed there."""
    return _descriptor(path) == 1


def apart(path: Path, *inputs: Path | None) -> None:
    """Raises InputError if ``path``, which is to be written, is a plain file that is read, by whatever name."""
    if not os.path.isfile(path):
        return
    for read in inputs:
        # - is stdin, even where a file has that name
        if read is None or os.fspath(read) == "-" or not os.path.isfile(read):
            continue
        if os.path.samefile(path, read):
            raise InputError(
                f"{os.fspath(path)}: would be written over, and it is read as well; expected another file to write"
            )


def check(path: Path, *inputs: Path | None) -> None:
    """Raises the OSError that a later ``write`` would raise, as far as that can be known before a long computation.

    The folder may be missing or not writable, or ``path`` may be a folder. It may also be one of the ``inputs``, the files
    that are read: see ``apart``.
    """
    apart(path, *inputs)
    if _descriptor(path) is not None or not (is_plain(path) or os.path.isdir(path)):
        return
    folder = os.path.dirname(os.path.realpath(path))
    problem = None
    if os.path.isdir(path) or os.fspath(path).endswith((os.sep, os.altsep or os.sep)):
        problem = errno.EISDIR
    elif not os.path.isdir(folder):
        problem = errno.ENOTDIR if os.path.exists(folder) else errno.ENOENT
    elif not os.access(folder, os.W_OK | os.X_OK):
        problem = errno.EACCES
    if problem is not None:
        raise OSError(problem, os.strerror(problem), os.fspath(path))


def is_plain(path: Path) -> bool:
    """Whether writing creates or replaces a plain file at ``path``, next to which other files may be created."""
    return _descriptor(path) is None and (os.path.isfile(path) or not os.path.exists(path))


def _stream(path: Path, text: bool, live: bool = False) -> IO[Any] | None:
    """What is at ``path``, opened for writing, unless it is a plain file or missing.

    Raises IsADirectoryError for a folder.
    """
    if (descriptor := _descriptor(path)) is not None:
        for printed in filter(None, (sys.stdout, sys.stderr)):
            printed.flush()  # earlier output comes first
        return _opened(os.dup(descriptor), "w", text, live)
    if os.fspath(path).endswith((os.sep, os.altsep or os.sep)):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        if not os.fspath(path):
            raise
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    return None if stat.S_ISREG(mode) else _opened(path, "w", text, live)


def _opened(file: Path | int, mode: str, text: bool, live: bool = False) -> IO[Any]:
    """An open file. Text keeps its line ends. With ``live``, every line of text or block of bytes is written at once."""
    if text:
        return open(file, mode, buffering=1 if live else -1, encoding="utf-8", newline="")
    return open(file, f"{mode}b", buffering=0 if live else -1)


def _descriptor(path: Path) -> int | None:
    """The file descriptor of this process that a path such as /dev/stdout, /dev/fd/3 or /proc/self/fd/3 names, or None.

    Opening such a path again would truncate or replace a file to which output is being appended.
    """
    place = os.fspath(path)
    for _ in range(MAX_LINKS):
        folder, name = os.path.split(place)
        folder = os.path.realpath(folder)
        if name.isdecimal() and re.fullmatch(rf"/dev/fd|/proc/{os.getpid()}(/task/\d+)?/fd", folder):
            return int(name)
        if not os.path.islink(place):
            return None
        place = os.path.join(folder, os.readlink(place))
    return None


def _take_over(target: str, temporary: str) -> None:
    """Give the new file the mode of the old one, if there is one, and its owner where that is allowed."""
    try:
        old = os.stat(target)
    except FileNotFoundError:
        return
    if hasattr(os, "chown"):
        for owner in ((-1, old.st_gid), (old.st_uid, -1)):
            with contextlib.suppress(OSError):
                os.chown(temporary, *owner)
    if (mode := stat.S_IMODE(old.st_mode)) != stat.S_IMODE(os.stat(temporary).st_mode):
        os.chmod(temporary, mode)
