"""What may be said of a fit, in one record."""

from __future__ import annotations

from typing import NamedTuple

from ..data.missing import Impute
from ..data.targets import Kind
from .sizes import MAX_BYTES

__all__ = ["Options"]


class Options(NamedTuple):
    """As the arguments of `fit`."""

    max_bytes: int = MAX_BYTES
    hidden_size: int | None = None
    seed: int = 0
    kind: Kind | None = None
    tokens: bool | None = None
    impute: Impute | None = None
    normalize: bool = True
    balanced: bool = False
    num_threads: int | None = None
    state_bits: int | None = None
