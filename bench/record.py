"""One measurement of ours against a peer on the same input, as it is written to the JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hadamrnn_ext import disk

__all__ = ["DeviceRecord", "FitRecord", "Record", "Run", "run_of", "write"]


@dataclass(frozen=True)
class Record:
    """Times are medians in seconds. ``ratio`` is peer_s / ours_s, how many times faster we are, unless ``note`` says
    otherwise. ``threads`` is ours and the peer's, each at the count that was fastest for it. ``ours`` and ``theirs`` say
    in words what was measured where that is not a time.
    """

    suite: str
    id: str
    peer: str
    ours_s: float | None
    peer_s: float | None
    ratio: float
    isa: str
    threads: str
    note: str = ""
    ours: str = ""
    theirs: str = ""

    @property
    def key(self) -> str:
        """The name in the table of targets, such as "pmnist_b1/torch_loop"."""
        return f"{self.id}/{self.peer}"


@dataclass(frozen=True, kw_only=True)
class DeviceRecord(Record):
    """Code on a microcontroller; ``ratio`` is the peer's instructions per step over ours, ``isa`` the processor.

    ``flash`` is text and rodata, ``ram`` data, bss, the state of a sequence and the stack, in bytes.
    """

    flash: int
    ram: int
    instructions_per_step: float
    logits_equal: bool  # whether they equal those of Python to the bit


@dataclass(frozen=True, kw_only=True)
class FitRecord(Record):
    """A model of a data set; ``ours_s`` and ``peer_s`` are the medians of the seconds to fit.

    Pairs are ours and the peer's: test accuracies of each seed, seconds to classify one series, bytes of the model. None and
    empty lists: not measured in this run.
    """

    accuracy: tuple[list[float], list[float]]
    classify_s: tuple[float, float] | None
    bytes: tuple[int, int]


@dataclass(frozen=True)
class Run:
    """A run of a suite: the machine (machine.py), whether it was a short one, and the records."""

    suite: str
    machine: dict[str, Any]
    quick: bool
    records: Sequence[Record]


def write(path: Path, run: Run) -> None:
    """The JSON file of a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    disk.write(path, (json.dumps(asdict(run), indent=2) + "\n").encode())


def run_of(document: dict[str, Any]) -> Run:
    """The run that a JSON file holds."""
    return Run(**{**document, "records": [_record(values) for values in document["records"]]})


def _record(values: dict[str, Any]) -> Record:
    kinds = (Record, DeviceRecord, FitRecord)
    return next(kind for kind in kinds if {field.name for field in fields(kind)} == values.keys())(**values)
