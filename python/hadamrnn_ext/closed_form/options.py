"""What may be said of a fit, in one record."""

from __future__ import annotations

from typing import NamedTuple

from ..data.missing import Impute
from ..data.targets import Kind
from ..errors import InputError

__all__ = ["Options"]


class Options(NamedTuple):
    """As the arguments of `fit`."""

    max_bytes: int | None = None
    hidden_size: int | None = None
    seed: int = 0
    kind: Kind | None = None
    tokens: bool | None = None
    impute: Impute | None = None
    normalize: bool = True
    balanced: bool = False
    num_threads: int | None = None
    every_step: bool | None = None
    state_bits: int | None = None

    def refuse_steps(self) -> None:
        """Raises InputError where every step has a target, which only data in memory may have."""
        if self.every_step:
            raise InputError(
                "every_step is True; expected arrays or lists in memory for targets of every step"
            )
