"""The standard streams of the command line, whatever it was started with, and the form of its error messages."""

from __future__ import annotations

import io
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TextIO

__all__ = ["abandoned", "complain", "place", "prepare", "reason"]


def prepare() -> None:
    """Makes stdin, stdout and stderr streams that every command can use.

    Characters that the encoding of the terminal lacks are written as escapes, rather than raising an error in the middle
    of an answer. Python has None in place of a stream that was closed (`>&-`). It is replaced by a stream that fails like
    a closed one, with "Bad file descriptor". This also takes its descriptor, which the next opened file would get
    otherwise, and with it everything that is printed.
    """
    for name, against in (("stdin", os.O_WRONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, against)
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w", encoding="utf-8"))
        elif isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def abandoned(stream: TextIO) -> bool:
    """Whether stdout or stderr cannot be written.

    If so, what it still holds is discarded, because the interpreter would try to write it at its end, and complain.
    """
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return True
    return False


def complain(message: str) -> None:
    """Prints a message as one line on stderr, if that can be written."""
    with suppress(OSError):
        print(" ".join(message.split()), file=sys.stderr, flush=True)


def reason(error: BaseException) -> str:
    """The message of an error. For one of the operating system, the file and what is wrong with it."""
    if isinstance(error, OSError) and error.strerror is not None:
        files = " -> ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
        return f"{files}: {error.strerror}" if files else error.strerror
    return str(error) or type(error).__name__


def place(error: BaseException) -> str:
    """The file and line of this package from which an error came."""
    frames = traceback.extract_tb(error.__traceback__)
    package = str(Path(__file__).parents[1])
    last = next((frame for frame in reversed(frames) if frame.filename.startswith(package)), frames[-1])
    return f"{Path(last.filename).name}:{last.lineno}"
