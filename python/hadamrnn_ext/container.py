"""The container of a model file: safetensors, as far as a model uses it, byte for byte as the library of that name.

Written here because that library ends the process where memory ends, and reads more than a model may hold.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ModelFormatError

__all__ = ["DTYPES", "METADATA", "deserialize", "serialize"]

# In the order in which tensors lie in a file: none is unaligned. Then by name.
DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "I32": np.dtype("<i4"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
}
METADATA = "__metadata__"
MAX_DIMENSIONS = 8
KEYS = {"dtype", "shape", "data_offsets"}

Tensors = dict[str, NDArray[Any]]


def serialize(tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a file: an 8-byte length, a JSON header of that length, the tensors."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    order = sorted(tensors, key=lambda name: (list(names).index(tensors[name].dtype), name))
    header: dict[str, Any] = {METADATA: dict(metadata)}
    end = 0
    for name in order:
        tensor = tensors[name]
        begin, end = end, end + tensor.nbytes
        header[name] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *(tensors[name].tobytes() for name in order)])


def deserialize(header: Mapping[str, Any], body: memoryview) -> Tensors:
    """Read-only views of the tensors that a parsed header describes in the bytes after it.

    Raises:
        ModelFormatError: an entry is not one of a tensor, has another dtype than `DTYPES`, or other bytes than its shape
            says; or the tensors overlap, leave gaps, or do not end where the file ends.
    """
    entries = [(name, *_entry(name, value, len(body))) for name, value in header.items() if name != METADATA]
    tensors: Tensors = {}
    at = 0
    for name, dtype, shape, begin, end in sorted(entries, key=lambda entry: entry[3:]):
        if begin != at:
            raise ModelFormatError(f"tensor {name!r} begins at byte {begin} of the data; expected {at}")
        tensors[name] = np.frombuffer(body[begin:end], dtype).reshape(shape)
        at = end
    if at != len(body):
        raise ModelFormatError(f"the tensors end at byte {at} of the data; the file has {len(body)}")
    return tensors


def _entry(name: str, value: Any, size: int) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    if not isinstance(value, dict) or value.keys() != KEYS:
        raise ModelFormatError(
            f"tensor {ascii(name)[:60]}: expected an object with {', '.join(sorted(KEYS))}"
        )
    kind, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(kind, str) or kind not in DTYPES:
        raise ModelFormatError(f"tensor {name!r} is {ascii(kind)[:40]}; expected one of {', '.join(DTYPES)}")
    if not _counts(shape) or not _counts(offsets) or len(offsets) != 2 or len(shape) > MAX_DIMENSIONS:
        raise ModelFormatError(
            f"tensor {name!r} has the shape {ascii(shape)[:60]} and the place {ascii(offsets)[:60]}; expected lists of "
            f"sizes, at most {MAX_DIMENSIONS}, and the first byte and the end"
        )
    begin, end = offsets
    if not begin <= end <= size or end - begin != math.prod(shape) * DTYPES[kind].itemsize:
        raise ModelFormatError(
            f"tensor {name!r} of shape {ascii(shape)[:60]} has the bytes {begin} to {end} of {size}; expected "
            f"{math.prod(shape) * DTYPES[kind].itemsize} bytes in the file"
        )
    return DTYPES[kind], tuple(shape), begin, end


def _counts(value: Any) -> bool:
    """Whether it is a list of sizes."""
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 1 << 63 for item in value)
