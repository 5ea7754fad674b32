"""`hadamrnn report RUNS ...` makes a page of results from the logs of runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .. import disk
from ..machine import hint
from .effect import Idle, refuse
from .options import beside, describe

EXAMPLES = """\
  hadamrnn report runs                               print the page for all finished runs in the folder
  hadamrnn report runs --output docs/results.md      write it, with pictures beside it if matplotlib is installed
"""


def add(parser: argparse.ArgumentParser) -> None:
    describe(parser, run, EXAMPLES)
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUNS",
        help="folders of runs, or folders that contain them; a text notes.md in such a folder ends the page",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="Markdown file to write (default: stdout)"
    )
    parser.add_argument("--svg", action="store_true", help="draw the pictures as SVG instead of PNG")
    parser.set_defaults(
        idle=(Idle(("--svg",), lambda given: given.output is None, "pictures are drawn beside --output"),)
    )


def run(arguments: argparse.Namespace) -> int:
    from ..train import curves, pictures, report, results  # imports torch, so only when it is needed

    groups, left_out = results.collect(arguments.runs)
    for line in left_out:
        print(f"left out: {line}", file=sys.stderr)
    notes = results.notes(arguments.runs)
    output: Path | None = arguments.output
    if output is None:
        print(report.markdown(groups, notes=notes), end="")
        return 0
    if not curves.available():
        refuse(arguments, ("--svg",), f"pictures need matplotlib, which is not installed: {hint('plot')}")
    output.parent.mkdir(parents=True, exist_ok=True)
    kind = "svg" if arguments.svg else "png"
    pictured = curves.available() and disk.is_plain(output)  # a pipe has no folder for pictures
    drawn = pictures.draw(groups, output.with_suffix(""), kind) if pictured else []
    addresses = [(title, path.name) for title, path in drawn]
    disk.write(output, report.markdown(groups, addresses, notes).encode())
    with beside(output):
        print(f"{output}: {len(groups)} recipes, {sum(len(group.runs) for group in groups)} runs")
    return 0
