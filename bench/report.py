"""Records as Markdown: what was measured in words, ours, the peer, the ratio, and what is to be reached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cases
import work
from record import Record, Run
from tables import row, rule
from targets import target

__all__ = [
    "TITLES",
    "Line",
    "digits",
    "identity",
    "kernels",
    "lines",
    "machine",
    "markdown",
    "seconds",
    "table",
]

#: Suites by what they measure, in the order of the page.
TITLES = {
    "inference": "Whole models",
    "calls": "Calls from Python",
    "edge": "Integers and microcontrollers",
    "training": "Training",
    "kernels": "Single operations",
    "scaling": "Sizes and threads",
    "fit": "Models of data sets",
}
#: Additions per cycle of two units as wide as the registers.
ADDITIONS = {"avx512": 32, "avx2": 16}


class Line(NamedTuple):
    """A record in words."""

    record: Record
    what: str
    peer: str
    ratio: str  # what the ratio is


def lines(records: Iterable[Record], best: bool = False) -> list[Line]:
    """A line for each record but those of kernels alone. With ``best`` only that of the fastest peer of each case."""
    found: dict[str, Line] = {}
    for record in records:
        case = cases.case(record)
        if record.peer == "cycles" or (case is None and record.peer == "n_log2_n"):
            continue
        what, ratio = (record.id, "times faster") if case is None else (case.what, case.ratio)
        line = Line(record, what, cases.peer(record), ratio)
        place = what if best else record.key
        known = found.get(place)
        if known is None or (record.peer_s or 0) < (known.record.peer_s or 0):
            found[place] = line
    return list(found.values())


def markdown(run: Run) -> str:
    """What `run.py` prints: the machine, all records, and the kernels alone."""
    sections = [machine([run]), table(lines(run.records)), kernels(run.records)]
    return "\n\n".join(section for section in sections if section) + "\n"


def machine(runs: Sequence[Run]) -> str:
    """The machine of the runs. Raises ValueError unless they are of one machine and instruction set."""
    first = runs[0].machine
    if len(met := sorted({identity(run) for run in runs})) > 1:
        raise ValueError(f"the records are of several machines: {' and of '.join(met)}")
    loads = [run.machine["load"] for run in runs if run.machine["load"] is not None]
    said = f", load {min(loads):g}" + (f" to {max(loads):g}" if len(set(loads)) > 1 else "") if loads else ""
    packages = {name: version for run in runs for name, version in run.machine["versions"].items()}
    versions = ", ".join(f"{name} {version}" for name, version in packages.items())
    short = "; some runs were short ones (`--quick`)" if any(run.quick for run in runs) else ""
    return f"{met[0]}{said} at the start; Python {first['python']}, {versions}{short}."


def identity(run: Run) -> str:
    """The processor, how many of its CPUs there were, and the instruction set."""
    return "{cpu}, {cpus} CPUs, instruction set {isa}".format(**run.machine)


def table(found: Sequence[Line]) -> str:
    """The records under the titles of their suites."""
    columns = ("what", "ours", "compared with", "", "times faster", "to reach")
    made = [row(columns), rule("<><>>>")]
    suites = sorted({line.record.suite for line in found}, key=list(TITLES).index)
    for suite in suites:
        if len(suites) > 1:
            made.append(row([f"**{TITLES[suite]}**", *[""] * 5]))
        made += [row(_cells(line)) for line in found if line.record.suite == suite]
    return "\n".join(made)


def _cells(line: Line) -> list[str]:
    record, goal = line.record, target(line.record)
    wanted = "" if goal is None else goal[0] if goal[1] else f"{goal[0]}: missed"
    ratio = digits(record.ratio) + ("" if line.ratio == "times faster" else f" {line.ratio}")
    ours, theirs = record.ours or seconds(record.ours_s), record.theirs or seconds(record.peer_s)
    return [line.what, ours, line.peer, theirs, ratio, wanted]


def kernels(records: Iterable[Record]) -> str:
    """Kernels alone in C++ with their clock cycles, and the additions of what the core could do in that time."""
    alone = [record for record in records if record.peer == "cycles" and record.ratio]
    if not alone:
        return ""
    made = [row(("kernel", "time", "cycles", "work per cycle", "share of the additions")), rule("<>><>")]
    for record in alone:
        amount, most = work.of(record.id), ADDITIONS.get(record.isa)
        share = f"{100 * amount.adds / record.ratio / most:.0f} %" if amount.adds and most else ""
        rates = amount.rates(record.ratio).removesuffix(" per cycle")
        made.append(
            row([cases.kernel(record.id), seconds(record.ours_s), f"{record.ratio:,.0f}", rates, share])
        )
    return "\n".join(made)


def digits(value: float) -> str:
    """Three digits, with commas between thousands."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def seconds(value: float | None) -> str:
    """A time with three digits and its unit."""
    if value is None:
        return ""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if value * scale >= 1:
            return f"{value * scale:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"
