"""Measure hadamrnn_ext against what could be used instead. See README.md.

python bench/run.py kernels|inference|calls|scaling|edge|training|fit [--json FILE] [--isa NAME] [--quick]
"""

from __future__ import annotations

import argparse
import importlib
import os
from pathlib import Path

#: What `--what` stands for.
WHAT = {"all": ("accuracy", "times"), "accuracy": ("accuracy",), "times": ("times",)}
SUITES = ("kernels", "inference", "calls", "scaling", "edge", "training", "fit")


def main() -> None:
    options = _parser().parse_args()
    if options.isa:
        os.environ["HADAMRNN_ISA"] = options.isa  # before anything reads it, the C++ program included
    import machine
    import plots
    import record
    import report
    from hadamrnn_ext import disk
    from session import Session

    described = machine.describe()
    session = Session(
        options.suite, options.quick, options.program, WHAT[options.what], options.sets, options.peers
    )
    importlib.import_module(f"suite_{options.suite}").run(session)
    table = report.markdown(described, session.records)
    print(table)
    if options.json:
        record.write(options.json, options.suite, described, session.records)
        disk.write(options.json.with_suffix(".md"), table.encode())
        plots.draw(options.json.with_suffix(""), session.records)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure hadamrnn_ext against what could be used instead.")
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write the records; a table (.md) and plots (.png) go beside it",
    )
    parser.add_argument(
        "--what",
        choices=WHAT,
        default="all",
        help="of the suite fit: accuracies, which a busy machine does not change, or times (default: all)",
    )
    parser.add_argument(
        "--sets", nargs="+", metavar="NAME", help="of the suite fit: these data sets alone, such as GunPoint"
    )
    parser.add_argument("--peers", nargs="+", metavar="NAME", help="likewise, such as minirocket")
    parser.add_argument("--quick", action="store_true", help="shorter, for a rough idea")
    parser.add_argument("--isa", metavar="NAME", help="force an instruction set (sets HADAMRNN_ISA)")
    parser.add_argument(
        "--program",
        type=Path,
        metavar="FILE",
        help="a hadamrnn_bench that is built already (default: build it)",
    )
    return parser


if __name__ == "__main__":
    main()
