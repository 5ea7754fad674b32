"""The command line, `hadamrnn COMMAND ...`: one module a command, each with `add(commands)` and a function to run.

Exit codes: 0 done, 1 an error that is told in one line on stderr, 2 a wrong command line, 128 + signal number
after SIGINT or SIGTERM.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from ..errors import HadamRNNError
from . import bench, data, doctor, evaluate, export, infer, info, models, plot, quantize, report, train

__all__ = ["main"]

COMMANDS = (train, evaluate, infer, info, models, plot, quantize, export, data, report, bench, doctor)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line (`sys.argv` if None) and returns its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # `hadamrnn models | head -1`: nobody reads on, which is no error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else 1
    except KeyboardInterrupt as error:
        if str(error):  # training says where it has stopped, and from where it goes on
            print(f"hadamrnn {arguments.command}: {error}", file=sys.stderr)
        return 128 + int(getattr(error, "signum", signal.SIGINT))
    except MemoryError as error:
        print(f"hadamrnn {arguments.command}: out of memory {error}".rstrip(), file=sys.stderr)
        return 1
    except (HadamRNNError, OSError, ImportError) as error:
        print(f"hadamrnn {arguments.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 128 + getattr(error, "signum", 1 - 128)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hadamrnn",
        description="Recurrent networks with binary orthogonal weights: train, evaluate, use them.",
    )
    parser.add_argument("--version", action="version", version=f"hadamrnn_ext {_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


def _version() -> str:
    try:
        return version("hadamrnn_ext")
    except PackageNotFoundError:  # run from a source tree
        return "(not installed)"
