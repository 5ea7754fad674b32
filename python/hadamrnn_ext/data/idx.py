"""Reader of IDX, the format of the MNIST files: a big-endian header followed by the raw array.

The header (see Y. LeCun's page on MNIST) is two zero bytes, a type code, the number of dimensions, and each dimension as a
32-bit integer. The elements follow in C order. This reader accepts only unsigned bytes, like those of MNIST.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..file.card import Card
from .archive import decompressed, read_at_most
from .examples import Examples

__all__ = ["parse", "pixels", "read"]

UNSIGNED_BYTE = 0x08
MAX_DIMENSIONS = 4
#: The most elements of a file; the largest file of MNIST has 47 million. A header with more is taken to be damaged.
MAX_ELEMENTS = 1 << 30


def read(path: str | Path, *, md5: str | None = None) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes, read-only. The content of the file, not its name, shows if it is gzip.

    `md5` is the expected digest over the **uncompressed** bytes, so that it does not depend on the compressor.

    Raises `DataError` naming the file if it is missing, not IDX, of another type, cut short or too long, or if its digest
    differs.
    """
    try:
        with Path(path).open("rb") as file:
            return parse(file, str(path), md5=md5)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from None


def parse(file: IO[bytes], name: str, *, md5: str | None = None) -> NDArray[np.uint8]:
    """Like `read`, for a seekable binary file that errors call `name`."""
    try:
        return _parse(decompressed(file), name, md5)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{name}: the gzip data is cut short or damaged ({error})") from None


def pixels(name: str, content: bytes, card: Card | None) -> Examples:
    """The images of a file as features (N, steps, d) or tokens (N, steps) for the model with this card.

    Without a card, a step is one pixel. Raises DataError.
    """
    images = parse(io.BytesIO(content), name)
    width = card.input_size if card is not None and card.input == "features" else 1
    if not images.size or images[0].size % width:
        raise DataError(f"{name}: IDX of shape {images.shape} cannot be cut into steps of {width} features")
    steps = images.reshape(len(images), -1, width)
    return Examples(steps[..., 0] if card is not None and card.input == "tokens" else steps)


def _parse(file: IO[bytes], name: str, md5: str | None) -> NDArray[np.uint8]:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0":
        raise DataError(
            f"{name}: not an IDX file: it begins with {head.hex(' ') or 'nothing'}, expected 00 00 08 .."
        )
    kind, rank = head[2], head[3]
    if kind != UNSIGNED_BYTE:
        raise DataError(f"{name}: IDX type 0x{kind:02x}, expected 0x08 (unsigned bytes)")
    if not 1 <= rank <= MAX_DIMENSIONS:
        raise DataError(f"{name}: {rank} dimensions, expected 1 to {MAX_DIMENSIONS}")
    sizes = file.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise DataError(f"{name}: ends inside its header")
    shape = tuple(int(size) for size in np.frombuffer(sizes, dtype=">u4"))
    count, text = math.prod(shape), " x ".join(map(str, shape))
    if count > MAX_ELEMENTS:
        raise DataError(f"{name}: the header says {text} = {count} bytes, above the limit of {MAX_ELEMENTS}")
    # One byte more than expected is enough to detect a longer file.
    body = read_at_most(file, count + 1)
    if len(body) != count:
        met = f"{len(body)} bytes" if len(body) < count else "more"
        raise DataError(f"{name}: the header says {text} = {count} bytes of data, the file has {met}")
    if md5 is not None:
        digest = hashlib.md5(head + sizes, usedforsecurity=False)
        digest.update(body)
        if digest.hexdigest() != md5:
            raise DataError(f"{name}: md5 of the uncompressed bytes is {digest.hexdigest()}, expected {md5}")
    return np.frombuffer(body, dtype=np.uint8).reshape(shape)
