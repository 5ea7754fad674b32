"""What the suites share: how long to measure, on how many threads, and how to turn a pair of times into a record."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import hadamrnn_ext as hr
from machine import cpus
from native import Program
from record import Record
from timing import Budget, Candidate, best, measure

__all__ = ["Session"]


@dataclass
class Session:
    """One run of a suite."""

    suite: str
    quick: bool
    program_path: Path | None = None
    what: tuple[str, ...] = ("accuracy", "times")  # to measure, where a suite has both
    sets: list[str] | None = None  # of data, where a suite has several
    peers: list[str] | None = None  # likewise
    records: list[Record] = field(default_factory=list)

    @property
    def budget(self) -> Budget:
        return Budget.quick() if self.quick else Budget()

    @property
    def threads(self) -> list[int]:
        """The numbers of threads that both sides may choose from: one, and all."""
        return sorted({1, cpus()})

    def program(self) -> Program:
        self.say("building the timing program")
        return Program(self.program_path)

    def compare(
        self, id: str, peer: str, ours: Sequence[Candidate], theirs: Sequence[Candidate], note: str = ""
    ) -> None:
        """Measures our fastest way against the fastest way of the peer."""
        us, them = best(ours, self.budget), best(theirs, self.budget)
        pair = measure(us, them, self.budget)
        how = "; ".join(text for text in (f"peer: {them.name}", note) if text)
        self.add(id, peer, pair.ours, pair.peer, f"{us.threads} / {them.threads}", how)

    def add(
        self, id: str, peer: str, ours: float | None, theirs: float | None, threads: str, note: str = ""
    ) -> None:
        """A record whose ratio is the time of the peer over ours."""
        ratio = theirs / ours if ours and theirs else 0.0
        self.append(Record(self.suite, id, peer, ours, theirs, ratio, hr.isa.active(), threads, note))

    def append(self, record: Record) -> None:
        self.records.append(record)
        self.say(f"{record.key:<32} {record.ratio:8.2f}")

    def say(self, text: str) -> None:
        print(f"[{self.suite}] {text}", file=sys.stderr, flush=True)
