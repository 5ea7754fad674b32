"""The four IDX files of MNIST and of the sets made in its likeness: 28 x 28 bytes an image, ten classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from . import idx
from .dataset import Dataset

__all__ = ["CLASSES", "SUFFIXES", "Images", "read"]

CLASSES = 10
#: What the name of each file may end in.
SUFFIXES = ("", ".gz")


@dataclass(frozen=True)
class Images:
    """Images as rows of pixels in reading order, (N, 784) uint8, and their labels 0..9, (N,) uint8."""

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

    `verify` compares the content with the md5 `checksums` of the uncompressed files; without it any pair of IDX
    files of images and labels 0..9 will do, such as images of one's own. Raises `DataError`.
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
