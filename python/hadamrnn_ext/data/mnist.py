"""MNIST handwritten digits (LeCun, Cortes, Burges): 60,000 training and 10,000 test images of 28 x 28 bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..format import write
from . import folders, idx
from .download import fetch

__all__ = ["FILES", "MIRRORS", "Digits", "download", "locate", "read"]

#: File name -> published md5 of its uncompressed bytes.
FILES = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
#: Places that serve the four files as FILE.gz, tried in this order.
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)
MAX_DOWNLOAD = 16 << 20  # bytes; the largest compressed file has 10 million
LABELS = 10


@dataclass(frozen=True)
class Digits:
    """Images as rows of pixels in reading order, (N, 784) uint8, and their labels 0..9, (N,) uint8."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: slice | NDArray[np.int64]) -> Digits:
        return Digits(self.images[index], self.labels[index])


def locate(directory: str | Path | None = None) -> Path:
    """The folder that holds the four files (each with or without .gz): `directory`, $HADAMRNN_DATA or the cache.

    Raises `DataError` that says what is missing and where to put it.
    """
    looked = []
    for place in folders.candidates("mnist", directory):
        missing = [name for name in FILES if _find(place, name) is None]
        if not missing:
            return place
        looked.append(str(place) + (f" (without {', '.join(missing)})" if len(missing) < len(FILES) else ""))
    raise DataError(
        f"MNIST is not in {', '.join(looked)}. Put {', '.join(FILES)} (.gz or not) into one of these folders, or"
        f" name theirs with --data or ${folders.ENVIRONMENT}, or run `hadamrnn data mnist` to download them"
    )


def read(directory: str | Path | None = None, *, verify: bool = True) -> tuple[Digits, Digits]:
    """The training and the test digits, in the order of the files.

    `verify` compares the content with the published checksums; without it any pair of IDX files of images
    and labels 0..9 will do, such as digits of one's own. Raises `DataError`.
    """
    folder = locate(directory)
    return _pair(folder, "train", verify), _pair(folder, "t10k", verify)


def download(progress: Callable[[str, int, int | None], object] = lambda name, received, total: None) -> Path:
    """Fills the user's cache with the four files and returns its folder; those already there and right are kept.

    Each file is checked before it appears. `progress` gets the file's name, bytes received, bytes in all or None.
    Raises `DataError` when no mirror gives a file, without a network for one.
    """
    folder = folders.cache() / "mnist"
    folder.mkdir(parents=True, exist_ok=True)
    for name, md5 in FILES.items():
        if _intact(folder, name, md5):
            continue
        try:
            content = fetch(
                [f"{mirror}{name}.gz" for mirror in MIRRORS],
                max_bytes=MAX_DOWNLOAD,
                check=partial(_check, name),
                progress=partial(progress, name),
            )
        except DataError as error:
            raise DataError(
                f"no mirror gave {name} ({error}). A copy from elsewhere (.gz or not) can be put into {folder}"
            ) from None
        write(folder / f"{name}.gz", content)
    return folder


def _find(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def _check(name: str, content: bytes) -> None:
    idx.parse(io.BytesIO(content), name, md5=FILES[name])


def _intact(folder: Path, name: str, md5: str) -> bool:
    path = _find(folder, name)
    if path is None:
        return False
    try:
        idx.read(path, md5=md5)
    except DataError:
        path.unlink()  # a damaged copy in our own cache would hide the good one
        return False
    return True


def _pair(folder: Path, prefix: str, verify: bool) -> Digits:
    images_name, labels_name = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
    images = _array(folder, images_name, verify)
    labels = _array(folder, labels_name, verify)
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise DataError(f"{folder / images_name}: shape {images.shape}, expected (N, 28, 28)")
    if labels.shape != images.shape[:1]:
        raise DataError(
            f"{folder / labels_name}: shape {labels.shape}, expected ({len(images)},), one for each image"
        )
    if len(labels) and labels.max() >= LABELS:
        raise DataError(f"{folder / labels_name}: label {labels.max()}, expected 0 to {LABELS - 1}")
    return Digits(images.reshape(len(images), -1), labels)


def _array(folder: Path, name: str, verify: bool) -> NDArray[np.uint8]:
    path = _find(folder, name)
    if path is None:
        raise DataError(f"{folder / name}: no such file")
    return idx.read(path, md5=FILES[name] if verify else None)
