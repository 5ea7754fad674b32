"""The least work of a kernel, to compare its time with what the machine could do in that time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Work", "of"]


@dataclass(frozen=True)
class Work:
    """The work of one unit: additions (or multiply-adds) of elements, 64-bit words counted, bytes read and written once."""

    adds: float = 0
    words: float = 0
    bytes: float = 0

    def rates(self, cycles: float) -> str:
        """Each kind of work per clock cycle."""
        amounts = {"adds": self.adds, "words counted": self.words, "bytes": self.bytes}
        return (
            ", ".join(f"{amount / cycles:.2f} {name}" for name, amount in amounts.items() if amount)
            + " per cycle"
        )


def of(id: str) -> Work:
    """The work of a case of the timing program. Raises KeyError for an unknown kind of case."""
    kind, *numbers = re.split(r"_[nkdo](?=\d)", id)
    n, *rest = (int(number) for number in numbers)
    return _KINDS[kind](n, *rest)


def _step(n: int, d: int = 1) -> Work:
    """A step of d inputs: the transform, z = su acc + v and v = w x + b, with the bytes of signs, weights, bias and state."""
    return Work(adds=n * (math.log2(n) + 1 + d), bytes=4 * n * (4 + d))


_KINDS: dict[str, Callable[..., Work]] = {
    "step": _step,
    "fwht_f32": lambda n: Work(adds=n * math.log2(n), bytes=8 * n),
    "fwht_i32": lambda n: Work(adds=n * math.log2(n), bytes=8 * n),
    "xnor": lambda n, bits: Work(words=n * n / 64 * bits, bytes=n * n / 8),
    "masked_add": lambda n, blocks: Work(adds=n * n / blocks, bytes=n * n / blocks / 8),
    "readout": lambda n, o: Work(adds=n * o, bytes=4 * n * (o + 1)),
    "project": lambda n, d: Work(adds=n * d, bytes=4 * n * (d + 1)),
}
