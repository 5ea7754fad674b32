"""Makes the results in README.md, and their picture, from the records of runs on one machine.

    make bench
    python bench/page.py bench/results/*.json

What was measured is kept in measured.json. A run replaces that of the same suite there, and all that is of another machine.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import plots
import report
from hadamrnn_ext import disk
from record import Record, Run, run_of
from tables import replaced

__all__ = ["KERNELS", "PAGE", "TABLE", "kept", "page", "together"]

PAGE = Path(__file__).with_name("README.md")
KEPT = PAGE.with_name("measured.json")
#: The sections, each of which says who made it.
TABLE, KERNELS = "bench/page.py: the table", "bench/page.py: kernels alone"


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the results in bench/README.md from records.")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="what run.py --json wrote")
    files = [run_of(json.loads(path.read_text())) for path in parser.parse_args().files]
    runs = together(kept(), [run for run in files if run.suite != "fit"])  # that suite has fit_page.py
    try:
        made = page(PAGE.read_text(encoding="utf-8"), runs)
    except ValueError as error:
        parser.error(str(error))
    disk.write(KEPT, (json.dumps([asdict(run) for run in runs], indent=1) + "\n").encode())
    plots.draw(PAGE.with_name("results"), records(runs), best=True)
    disk.write(PAGE, made.encode())


def kept() -> list[Run]:
    """The runs of which the page is made now."""
    return [run_of(run) for run in json.loads(KEPT.read_text())] if KEPT.exists() else []


def together(old: Sequence[Run], new: Sequence[Run]) -> list[Run]:
    """The new runs, and the old ones of other suites unless they are of another machine, in the order of the page."""
    machines = {report.identity(run) for run in new or old}
    suites = {run.suite for run in new}
    others = [run for run in old if run.suite not in suites and report.identity(run) in machines]
    return sorted([*others, *new], key=lambda run: list(report.TITLES).index(run.suite))


def records(runs: Sequence[Run]) -> list[Record]:
    return [record for run in runs for record in run.records]


def page(text: str, runs: Sequence[Run]) -> str:
    """The page with the results of these runs. Raises ValueError if they are of several machines."""
    if not runs:
        return text
    lines = [
        "## Results",
        "",
        report.machine(runs),
        "",
        report.table(report.lines(records(runs), best=True)),
        "",
        "![How many times faster, against the best peer of each case](results_ratios.png)",
    ]
    text = replaced(text, TABLE, "\n".join(lines))
    alone = report.kernels(records(runs))
    if not alone:
        return text
    parts = [report.machine(runs), alone]
    if plots.steps(records(runs)):
        parts.append("![Nanoseconds per step by the number of units](results_steps.png)")
    return replaced(text, KERNELS, "\n\n".join(parts))


if __name__ == "__main__":
    main()
