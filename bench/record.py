"""One measurement of ours against a peer on the same input, as it is written to the JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hadamrnn_ext import disk

__all__ = ["DeviceRecord", "FitRecord", "Record", "write"]


@dataclass(frozen=True)
class Record:
    """Times are medians in seconds. ``ratio`` is peer_s / ours_s, how many times faster we are, unless ``note`` says
    otherwise. ``threads`` is ours and the peer's, each at the count that was fastest for it.
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


def write(path: Path, suite: str, machine: dict[str, Any], records: Sequence[Record]) -> None:
    """The JSON file of a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"suite": suite, "machine": machine, "records": [asdict(record) for record in records]}
    disk.write(path, (json.dumps(document, indent=2) + "\n").encode())
