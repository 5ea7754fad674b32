"""Examples of each kind of input, as a `Split`: kept small or ready, made into batches on demand."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..file.preprocess import Normalization
from . import copy
from .images import Images
from .task import Index

__all__ = ["PIXEL_SCALE", "Copies", "Frames", "Pixels", "Tokens"]

PIXEL_SCALE = 1 / 255


@dataclass(frozen=True)
class Pixels:
    """Images read pixel by pixel, in the order `order` (None: as they are)."""

    images: Images
    order: NDArray[np.int64] | None
    ordered: NDArray[np.uint8] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        images = self.images.images
        # Once for all epochs: bytes gathered in this order per batch would cost more than the rest of a batch.
        object.__setattr__(self, "ordered", images if self.order is None else images.take(self.order, axis=1))

    def __len__(self) -> int:
        return len(self.images)

    def take(self, index: Index) -> Pixels:
        return Pixels(self.images.take(index), self.order)

    def raw(self, index: Index) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        return self.images.images[index][..., None], self.images.labels[index].astype(np.int64)

    def batch(self, index: Index) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        pixels = self.ordered[index].astype(np.float32)
        pixels *= np.float32(PIXEL_SCALE)  # as `Preprocess` does it: the same bits in training and in use
        return pixels[..., None], self.images.labels[index].astype(np.int64)


@dataclass(frozen=True)
class Copies:
    """Sequences of the copy task, kept as their ten symbols."""

    symbols: NDArray[np.uint8]
    length: int

    def __len__(self) -> int:
        return len(self.symbols)

    def take(self, index: Index) -> Copies:
        return Copies(self.symbols[index], self.length)

    def raw(self, index: Index) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self.batch(index)

    def batch(self, index: Index) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return copy.sequences(self.symbols[index], self.length)


@dataclass(frozen=True)
class Frames:
    """Sequences of features, (N, T, d) float32, their classes (N,), and the normalization of their channels."""

    features: NDArray[np.float32]
    classes: NDArray[np.int64]
    normalization: Normalization

    def __len__(self) -> int:
        return len(self.classes)

    def take(self, index: Index) -> Frames:
        return Frames(self.features[index], self.classes[index], self.normalization)

    def raw(self, index: Index) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        return self.features[index], self.classes[index]

    def batch(self, index: Index) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        return self.normalization.apply(self.features[index]), self.classes[index]


@dataclass(frozen=True)
class Tokens:
    """Texts as the tokens of a vocabulary, (N, T) int32, and their classes (N,)."""

    tokens: NDArray[np.int32]
    classes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.classes)

    def take(self, index: Index) -> Tokens:
        return Tokens(self.tokens[index], self.classes[index])

    def raw(self, index: Index) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        return self.batch(index)

    def batch(self, index: Index) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        return self.tokens[index], self.classes[index]
