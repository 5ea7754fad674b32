"""The command line, `hadamrnn COMMAND ...`: one module a command, each with `add(commands)` and a function to run.

Exit codes: 0 done, 1 an error that is told in one line on stderr, 2 a command line that is none, 128 + signal number
after SIGINT or SIGTERM, and where the reader of stdout has gone.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import HadamRNNError
from . import (
    bench,
    console,
    data,
    doctor,
    evaluate,
    export,
    fit,
    infer,
    info,
    models,
    plot,
    quantize,
    report,
    train,
)
from .effect import note_given, refuse_idle

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

__all__ = ["main"]

COMMANDS = (fit, train, evaluate, infer, info, models, plot, quantize, export, data, report, bench, doctor)
TRACEBACK = "HADAMRNN_TRACEBACK"  # the environment variable that lets an error nobody has foreseen through


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line and returns its exit code: that of this process if None, whose streams it then sets up."""
    if argv is not None:
        return _run(argv)
    console.prepare()
    # Threads of OpenMP that wait for each other by spinning take the time of whatever else runs here: an epoch of imdb
    # beside another process takes 4 to 6 s instead of 10 to 15. It is read when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        return _run(sys.argv[1:])
    finally:
        console.abandoned(sys.stderr)


def _run(argv: Sequence[str]) -> int:
    name = "hadamrnn"
    try:
        try:
            parser = _parser()
            arguments = note_given(parser, parser.parse_args(argv), argv)
            name += f" {arguments.command}"
            refuse_idle(arguments)
            return int(arguments.run(arguments))
        finally:
            sys.stdout.flush()  # what cannot be written is said now; --help passes here too
    except BrokenPipeError:  # `hadamrnn models | head -1`: nobody reads on, which is no error
        console.abandoned(sys.stdout)
        return 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else 1
    except KeyboardInterrupt as error:
        return _stopped(name, error)
    except MemoryError as error:
        return _failed(name, f"out of memory{f' ({error})' if str(error) else ''}")
    except (HadamRNNError, OSError, ImportError) as error:
        if hasattr(error, "signum"):
            return _stopped(name, error)
        where = "stdout: " if console.abandoned(sys.stdout) else ""
        return _failed(name, f"{where}{console.reason(error)}")
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        met = f"unexpected {type(error).__name__} in {console.place(error)}: {console.reason(error)}"
        fault = "This is a fault of hadamrnn_ext, or of its installation, which `hadamrnn doctor` checks"
        advice = f"with {TRACEBACK}=1 the same command shows where it comes from, for a report"
        return _failed(name, f"{met}. {fault}; {advice}")


def _failed(name: str, message: str) -> int:
    console.complain(f"{name}: {message}")
    return 1


def _stopped(name: str, error: BaseException) -> int:
    """The exit code after a signal, with what the run says of itself, if it does."""
    if str(error):
        console.complain(f"{name}: {error}")
    return 128 + int(getattr(error, "signum", signal.SIGINT))


class _Parser(argparse.ArgumentParser):
    """One that does not keep it to itself where its help cannot be written. Parsers of commands are of the same class."""

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        if file is not None and file is sys.stdout:
            file.write(message)
        else:
            super()._print_message(message, file)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="hadamrnn",
        description="Recurrent networks with binary orthogonal weights: train, evaluate, use them.",
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="show the version of the package and exit"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


class _Version(argparse.Action):
    """argparse's own would look the version up for every command line."""

    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> None:
        import hadamrnn_ext

        print(f"hadamrnn_ext {hadamrnn_ext.__version__}")
        parser.exit()
