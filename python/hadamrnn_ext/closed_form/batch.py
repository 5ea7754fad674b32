"""The sequences of own data as a network reads them, and what it makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..data.reader import Reader
from ..data.series import Series
from ..model import Model
from .design import DESIGNS, Design

__all__ = ["CHUNK", "Batch", "Data", "Source"]

#: Sequences that are padded to one array at a time.
CHUNK = 1024


class Batch(NamedTuple):
    """Sequences as the network reads them: x (B, T, d) float32 or tokens (B, T) int32, and how long each is."""

    x: NDArray[Any]
    lengths: NDArray[np.int64]

    def take(self, index: NDArray[np.int64]) -> Batch:
        """Some of the sequences, cut to the longest of them."""
        lengths = self.lengths[index]
        return Batch(np.ascontiguousarray(self.x[index, : lengths.max()]), lengths)


class Source(Protocol):
    """Examples of which networks make features: sequences, or their steps."""

    @property
    def reader(self) -> Reader: ...
    @property
    def tokens(self) -> int | None: ...
    @property
    def designs(self) -> Sequence[Design]: ...
    def batch(self) -> Batch: ...
    def take(self, index: NDArray[np.int64]) -> Source: ...
    def features(self, model: Model) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Data:
    """Sequences that a reader has read, and the threads that work on them."""

    designs = DESIGNS

    series: Series
    reader: Reader
    threads: int

    def __len__(self) -> int:
        return len(self.series)

    @property
    def tokens(self) -> int | None:
        """How many there are; None for features."""
        return None if self.reader.kind == "features" else self.reader.width

    def take(self, index: NDArray[np.int64]) -> Data:
        return Data(self.series.take(index), self.reader, self.threads)

    def batch(self) -> Batch:
        """All of them in one array."""
        x, _, *ends = self.series.batch(slice(None))
        lengths = ends[0] if ends else np.full(len(x), x.shape[1], np.int64)
        return Batch(np.ascontiguousarray(x), np.ascontiguousarray(lengths))

    def features(self, model: Model) -> NDArray[np.float32]:
        """What the readout of a model with a pool multiplies after each sequence, (N, F)."""
        found = np.empty((len(self), model.card.output_width), np.float32)
        for start in range(0, len(self), CHUNK):
            part = slice(start, start + CHUNK)
            batch = self.take(np.arange(len(self))[part]).batch()
            model.core.features(batch.x, batch.lengths, found[part], self.threads)
        return found
