"""What may be said of a fit, in one record."""

from __future__ import annotations

import operator
from typing import NamedTuple

from ..data.missing import Impute
from ..data.targets import Kind, check_kind
from ..errors import InputError
from ..progress import Progress, silent

__all__ = ["Options"]

#: Units that a network has at least.
LEAST = 16


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
    progress: Progress = silent

    def checked(self) -> Options:
        """These, with plain integers in place of NumPy's. Raises InputError for what no fit takes, whatever the data."""
        check_kind(self.kind)
        seed, units, most = (_integer(value) for value in (self.seed, self.hidden_size, self.max_bytes))
        if seed is None or not 0 <= seed < 1 << 32:
            raise InputError(f"seed is {self.seed!r}; expected 0 to 2^32 - 1")
        if self.hidden_size is not None and (units is None or units < LEAST or units & (units - 1)):
            raise InputError(
                f"hidden_size is {self.hidden_size!r}; expected a power of two of at least {LEAST}"
            )
        if self.max_bytes is not None and (most is None or most < 1):
            raise InputError(f"max_bytes is {self.max_bytes!r}; expected a positive integer")
        bits = _integer(self.state_bits)
        if self.state_bits is not None and (bits is None or not 8 <= bits <= 16):
            raise InputError(f"state_bits is {self.state_bits!r}; expected an integer 8 .. 16")
        if units is not None and most is not None:
            raise InputError(
                f"max_bytes is {most} and hidden_size is {units}, which says how large the network is; expected one of them"
            )
        return self._replace(seed=seed, hidden_size=units, max_bytes=most, state_bits=bits)


def _integer(value: object) -> int | None:
    """The value, if it is an integer of Python or NumPy."""
    try:
        return None if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None
