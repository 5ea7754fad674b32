"""Measure hadamrnn_ext against what could be used instead. See README.md.

python bench/run.py kernels|inference|calls|scaling|edge|training|fit [--json FILE] [--isa NAME] [--quick]
python bench/run.py --list
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
    if options.list:
        import cases

        print(cases.listing())
        return
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
    run = record.Run(options.suite, described, options.quick, session.records)
    table = report.markdown(run)
    print(table)
    if options.json:
        record.write(options.json, run)
        disk.write(options.json.with_suffix(".md"), table.encode())
        plots.draw(options.json.with_suffix(""), run.records)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure hadamrnn_ext against what could be used instead.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("suite", nargs="?", choices=SUITES)
    what.add_argument(
        "--list", action="store_true", help="say in words what the records of all suites are of"
    )
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
