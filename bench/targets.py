"""Whether a record reaches what cases.py asks for on its instruction set, and what microcontrollers have room for."""

from __future__ import annotations

from dataclasses import dataclass

from cases import case
from record import DeviceRecord, Record

__all__ = ["least", "target"]

# With AVX2 forced, the target is sixty per cent of a ratio to a peer. For scaling, training, and comparisons of ours with
# ours, the targets are the same for every instruction set.
AVX2_SHARE = 0.6
SAME_FOR_ALL = ("calls", "scaling", "edge", "training")


@dataclass(frozen=True)
class Limits:
    """The largest numbers of bytes, and the smallest ratio of the peer's instructions to ours (0 for no target)."""

    flash: int
    ram: int
    ratio: float = 0

    def met(self, record: DeviceRecord) -> bool:
        small = record.flash <= self.flash and record.ram <= self.ram
        return small and record.ratio >= self.ratio and record.logits_equal

    def __str__(self) -> str:
        ratio = f"{self.ratio:g}, " if self.ratio else ""
        return f"{ratio}{self.flash:,} B flash, {self.ram:,} B RAM, equal logits"


DEVICE = {
    "pmnist_m4": Limits(flash=10_000, ram=5_000, ratio=10),
    "copy_m0": Limits(flash=6_000, ram=2_000),
}


def target(record: Record) -> tuple[str, bool] | None:
    """The target as text and whether it is met; None without a target."""
    if isinstance(record, DeviceRecord):
        limits = DEVICE[record.id]
        return str(limits), limits.met(record)
    found = case(record)
    wanted = found.peers[record.peer] if found else None
    if wanted is not None and wanted.at_most:
        return f"at most {wanted.limit:g}", record.ratio <= wanted.limit
    lowest = least(record)
    return None if lowest is None else (f"{lowest:.3g}", record.ratio >= lowest)


def least(record: Record) -> float | None:
    """The smallest ratio to reach on the instruction set of the record; None without such a target."""
    found = case(record)
    wanted = found.peers[record.peer] if found else None
    if wanted is None or wanted.at_most:
        return None
    share = AVX2_SHARE if record.isa == "avx2" and record.suite not in SAME_FOR_ALL else 1
    return wanted.limit * share
