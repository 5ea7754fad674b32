"""Fashion-MNIST (Xiao, Rasul, Vollgraf 2017): 60,000 training and 10,000 test images of clothes, 28 x 28 bytes."""

from __future__ import annotations

from pathlib import Path

from . import images
from .dataset import Dataset
from .task import Known, Task

__all__ = ["CLASSES", "DATASET", "FILES", "TASKS", "read"]

#: File name -> md5 of its uncompressed bytes.
FILES = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
CLASSES = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
DATASET = Dataset(
    "fashion",
    "Fashion-MNIST",
    "fashion",
    tuple(FILES),
    "or install Debian's package dataset-fashion-mnist; they come from https://github.com/zalandoresearch/fashion-mnist",
    images.SUFFIXES,
    (Path("/usr/share/datasets/fashion-mnist"),),
)


def read(directory: str | Path | None = None, *, verify: bool = True) -> tuple[images.Images, images.Images]:
    """The training and the test images, in the order of the files; see `images.read`. Raises `DataError`."""
    return images.read(DATASET, FILES, directory, verify)


def task(name: str, directory: str | Path | None, verify: bool) -> Task:
    """The kind of clothes on an image, read pixel by pixel."""
    return images.task(name, read(directory, verify=verify), CLASSES)


TASKS = {"fashion": Known(task, DATASET)}
