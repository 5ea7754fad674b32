"""The four IDX files of MNIST and of data sets in its format: images of 28 x 28 bytes in ten classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..file.preprocess import Permutation, Preprocess
from . import idx
from .dataset import Dataset
from .holdout import one_in
from .task import Index, Task, classification

__all__ = ["SUFFIXES", "Images", "Pixels", "read", "task"]

CLASSES = 10
PIXEL_SCALE = 1 / 255
#: One in 6 training images is for validation, 10,000 of the 60,000.
VALIDATION_SHARE = 6
#: The suffixes that the files may have.
SUFFIXES = ("", ".gz")


@dataclass(frozen=True)
class Images:
    """Images, (N, 784) uint8 with the pixels in reading order, and their labels 0..9, (N,) uint8."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: slice | NDArray[np.int64]) -> Images:
        return Images(self.images[index], self.labels[index])


def read(
    dataset: Dataset, checksums: Mapping[str, str], directory: str | Path | None, verify: bool
) -> tuple[Images, Images]:
    """The training and the test images, in the order of the files.

    `verify` compares the md5 `checksums` of the uncompressed files. Without it, any IDX files of images and labels 0..9
    are accepted. Raises `DataError`.
    """
    folder = dataset.locate(directory)

    def array(name: str) -> tuple[Path, NDArray[np.uint8]]:
        path = dataset.find(folder, name) or folder / name
        return path, idx.read(path, md5=checksums[name] if verify else None)

    def pair(prefix: str) -> Images:
        path, images = array(f"{prefix}-images-idx3-ubyte")
        if images.ndim != 3 or images.shape[1:] != (28, 28):
            raise DataError(f"{path}: shape {images.shape}, expected (N, 28, 28)")
        path, labels = array(f"{prefix}-labels-idx1-ubyte")
        if labels.shape != images.shape[:1]:
            raise DataError(f"{path}: shape {labels.shape}, expected ({len(images)},), one for each image")
        if len(labels) and labels.max() >= CLASSES:
            raise DataError(f"{path}: label {labels.max()}, expected 0 to {CLASSES - 1}")
        return Images(images.reshape(len(images), -1), labels)

    return pair("train"), pair("t10k")


@dataclass(frozen=True)
class Pixels:
    """Images that are read pixel by pixel, in the given order, or in reading order if it is None."""

    images: Images
    order: NDArray[np.int64] | None
    ordered: NDArray[np.uint8] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        images = self.images.images
        # Reordered once for all epochs, since reordering a batch costs more than everything else for that batch.
        object.__setattr__(self, "ordered", images if self.order is None else images.take(self.order, axis=1))

    def __len__(self) -> int:
        return len(self.images)

    def take(self, index: Index) -> Pixels:
        return Pixels(self.images.take(index), self.order)

    def raw(self, index: Index) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        return self.images.images[index][..., None], self.images.labels[index].astype(np.int64)

    def batch(self, index: Index) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        pixels = self.ordered[index].astype(np.float32)
        pixels *= np.float32(PIXEL_SCALE)  # as in `Preprocess`, for the same bits in training and in use
        return pixels[..., None], self.images.labels[index].astype(np.int64)


def task(
    name: str, read: tuple[Images, Images], labels: tuple[str, ...], permutation: Permutation | None = None
) -> Task:
    """The class of each image, read pixel by pixel in the order of `permutation`. `read` is the training and test set."""
    known, test = read
    order = None if permutation is None else permutation.indices()
    kept, held = one_in(VALIDATION_SHARE, len(known))
    return classification(
        name,
        (Pixels(known.take(kept), order), Pixels(known.take(held), order), Pixels(test, order)),
        labels,
        input="features",
        input_size=1,
        length=known.images.shape[1],
        preprocess=Preprocess(uint8_scale=PIXEL_SCALE, permutation=permutation),
    )
