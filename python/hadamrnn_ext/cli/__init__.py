"""The command line, `hadamrnn COMMAND ...`. Each command is a module with `add(parser)` and the function to run.

Its module is imported when the command is given, so that a command takes no longer to start than its own work needs.

Exit codes: 0 for success, 1 for an error, which is reported in one line on stderr, 2 for a command line that cannot be
parsed, and 128 + the signal number after SIGINT or SIGTERM, or if the reader of stdout has gone (SIGPIPE).
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import HadamRNNError
from . import console
from .effect import note_given, refuse_idle

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

__all__ = ["main"]

#: The module of each command, and what `hadamrnn --help` says of it.
COMMANDS = {
    "fit": ("fit", "fit a model of own data in closed form, in seconds, without torch"),
    "train": ("train", "train a model by a recipe"),
    "eval": ("evaluate", "score a model on the data of its task"),
    "infer": ("infer", "run a model on sequences"),
    "info": ("info", "describe a model: sizes, bytes, operations, kernel, training"),
    "models": ("models", "list the bundled models"),
    "plot": ("plot", "draw a model's spectrum, or its answers after every step of a sequence"),
    "quantize": ("quantize", "turn a float model into an integer model"),
    "export": ("export", "write a model as a C99 library, an ONNX graph or a web page"),
    "data": ("data", "show which data sets are found, and where to get them"),
    "report": ("report", "make a page of results from the logs of runs"),
    "bench": ("bench", "measure the kernels and torch on this machine"),
    "doctor": ("doctor", "check this installation: build, extras, data"),
}
TRACEBACK = "HADAMRNN_TRACEBACK"  # the environment variable that lets unexpected errors through


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line and returns its exit code.

    If `argv` is None, it is the command line of this process, whose standard streams are then set up as well.
    """
    if argv is not None:
        return _run(argv)
    console.prepare()
    # OpenMP's threads wait for each other by spinning, which takes time from everything else that runs on the machine.
    # With passive waiting, an epoch of imdb beside another process takes 4 to 6 s instead of 10 to 15 s. The variable is
    # read when torch is imported.
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
            sys.stdout.flush()  # an error in writing is reported now; --help passes here too
    except BrokenPipeError:  # as in `hadamrnn models | head -1`: that nobody reads on is no error
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
    """The exit code after a signal. Prints the message of the error if it has one."""
    if str(error):
        console.complain(f"{name}: {error}")
    return 128 + int(getattr(error, "signum", signal.SIGINT))


class _Parser(argparse.ArgumentParser):
    """A parser that takes files and options in any order, and raises an error if its help cannot be written.

    The parsers of the commands are of the same class.
    """

    _mixed = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        # Without this, an optional file may not follow an option: `plot reading MODEL --out x.png FILE`.
        # After --, which argparse cannot mix with that, everything is a file.
        if self._mixed or self._subparsers is not None or "--" in args:
            return super().parse_known_args(args, namespace)
        self._mixed = True
        try:
            return self.parse_known_intermixed_args(args, namespace)  # which comes back here
        finally:
            self._mixed = False

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        if file is not None and file is sys.stdout:
            file.write(message)
        else:
            super()._print_message(message, file)


class _Command(_Parser):
    """The parser of a command. It gets its options from the module when it is first asked to parse, or by `fill`."""

    def __init__(self, *, module: str, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self._module: str | None = module

    def fill(self) -> None:
        """Adds the options of the command, unless they are there."""
        if self._module is not None:
            module, self._module = import_module(f".{self._module}", __name__), None
            module.add(self)

    def parse_known_args(self, *given: Any, **options: Any) -> Any:
        self.fill()
        return super().parse_known_args(*given, **options)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="hadamrnn",
        description="Train, evaluate and use recurrent networks with binary orthogonal weights.",
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="show the version of the package and exit"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Command)
    for name, (module, summary) in COMMANDS.items():
        commands.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", module=module
        )
    return parser


class _Version(argparse.Action):
    """The option --version. argparse's own action would look the version up for every command line."""

    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> None:
        import hadamrnn_ext

        print(f"hadamrnn_ext {hadamrnn_ext.__version__}")
        parser.exit()
