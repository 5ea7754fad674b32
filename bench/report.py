"""Records as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from record import Record
from targets import target

__all__ = ["markdown"]

HEADER = ["record", "ours", "peer", "ratio", "target", "met", "threads, ours / peer", "note"]


def markdown(machine: dict[str, Any], records: Sequence[Record]) -> str:
    """One line about the machine, followed by the table."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines = [
        f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['isa']}, load {machine['load']} at the start; {versions}",
        "",
        _row(HEADER),
        _row(["---"] * len(HEADER)),
    ]
    return "\n".join(lines + [_row(_cells(record)) for record in records]) + "\n"


def _cells(record: Record) -> list[str]:
    goal = target(record)
    wanted, met = ("", "") if goal is None else (goal[0], "yes" if goal[1] else "no")
    times = [seconds(record.ours_s), seconds(record.peer_s)]
    return [f"`{record.key}`", *times, f"{record.ratio:.3g}", wanted, met, record.threads, record.note]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def seconds(value: float | None) -> str:
    """A time with three digits and its unit."""
    if value is None:
        return ""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if value * scale >= 1:
            return f"{value * scale:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"
