"""MNIST handwritten digits (LeCun, Cortes, Burges): 60,000 training and 10,000 test images of 28 x 28 bytes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..disk import write
from ..errors import DataError
from ..file.preprocess import Permutation
from . import folders, idx, images
from .dataset import Dataset
from .download import fetch
from .task import Known, Task

__all__ = ["DATASET", "FILES", "MIRRORS", "TASKS", "download", "read"]

#: File name -> published md5 of its uncompressed bytes.
FILES = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
#: Servers of the four files (as FILE.gz), which are tried in this order.
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)
MAX_DOWNLOAD = 16 << 20  # bytes; the largest compressed file has 10 million


DATASET = Dataset(
    "mnist", "MNIST", "mnist", tuple(FILES), "or run `hadamrnn data mnist` to download them", images.SUFFIXES
)


def read(directory: str | Path | None = None, *, verify: bool = True) -> tuple[images.Images, images.Images]:
    """The training and the test digits, in the order of the files; see `images.read`. Raises `DataError`."""
    return images.read(DATASET, FILES, directory, verify)


def task(name: str, directory: str | Path | None, verify: bool) -> Task:
    """The digit of an image: `smnist` reads its pixels row by row, `pmnist` in the published code's fixed order."""
    order = Permutation(seed=92916, size=784) if name == "pmnist" else None
    return images.task(name, read(directory, verify=verify), tuple("0123456789"), order)


TASKS = {"smnist": Known(task, DATASET), "pmnist": Known(task, DATASET)}


def download(progress: Callable[[str, int, int | None], object] = lambda name, received, total: None) -> Path:
    """The folder with the four files: $HADAMRNN_DATA if it has all of them, else the user's cache, which is filled.

    Intact files in the cache are kept, those that $HADAMRNN_DATA has are copied, and the others are downloaded. Each file is
    checked before it is written. `progress` is called with the name of a file, the bytes received, and the total or None.

    Raises `DataError` if no mirror provides a file, for example without a network, or if $HADAMRNN_DATA has all files and
    one of them is damaged.
    """
    others = folders.named("mnist")
    for place in others:
        paths = [path for name in FILES if (path := DATASET.find(place, name)) is not None]
        if len(paths) == len(FILES):
            for path, md5 in zip(paths, FILES.values(), strict=True):
                idx.read(path, md5=md5)
            return place
    folder = folders.cache() / "mnist"
    folder.mkdir(parents=True, exist_ok=True)
    for name, md5 in FILES.items():
        kept = DATASET.find(folder, name)
        if _intact(kept, md5):
            continue
        if kept is not None:
            kept.unlink()  # otherwise this damaged copy would hide an intact one
        copies = (DATASET.find(place, name) for place in others)
        if (copy := next((path for path in copies if _intact(path, md5)), None)) is not None:
            write(folder / copy.name, copy.read_bytes())
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


def _check(name: str, content: bytes) -> None:
    idx.parse(io.BytesIO(content), name, md5=FILES[name])


def _intact(path: Path | None, md5: str) -> bool:
    """Whether a file exists and has this checksum."""
    if path is not None:
        with contextlib.suppress(DataError):
            idx.read(path, md5=md5)
            return True
    return False
