"""The model file: a safetensors file with the card as JSON in its metadata, and a SHA-256 over everything.

Reading checks every byte that has a meaning before it builds anything, and it unpickles and evaluates nothing. ``disk``
writes the file. docs/format.md describes the format.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as deserialize
from safetensors.numpy import save as serialize

from ..errors import HadamardOrderError, ModelFormatError
from .card import Card
from .record import conform, encode
from .tensors import regenerated, validate

__all__ = ["FORMAT_VERSION", "SUFFIX", "digest", "dumps", "held", "loads", "read"]

#: The suffix of model files.
SUFFIX = ".safetensors"
#: The format versions, and what each of them added to version 1. A model is written in the first version that has all it
#: needs, so that older models keep their bytes.
FEATURES: tuple[tuple[int, Callable[[Card], bool]], ...] = (
    (2, lambda card: card.integer is not None),
    (3, lambda card: card.embedding_bits is not None),
    (4, lambda card: card.bias_bits not in (None, 8)),
    (5, lambda card: card.output == "mean"),
    (6, lambda card: any(getattr(card, key) is not None for key in Card.optional)),
)
FORMAT_VERSION = max(version for version, _ in FEATURES)
#: Keys that a version added to every card; they are null for a file of an earlier version. Since version 6, new keys are
#: optional (see `Record`): only the card of a model that uses one has it.
ADDED = {"integer": 2, "embedding_bits": 3}
METADATA_KEY = "hadamrnn"
MAX_FILE_BYTES = 1 << 28
MAX_HEADER_BYTES = 1 << 24

Tensors = dict[str, NDArray[Any]]
_DTYPE_NAMES = {
    np.dtype("<f4"): "F32",
    np.dtype("u1"): "U8",
    np.dtype("i1"): "I8",
    np.dtype("<i4"): "I32",
    np.dtype("<i2"): "I16",
}


def digest(document: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 (hex) over the JSON document without its digest and over all tensors, in the order of their names."""
    import hashlib  # which loads the library of OpenSSL, so only where there is something to hash

    rest = {key: value for key, value in document.items() if key != "digest"}
    sha = hashlib.sha256(_json(rest).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        sha.update(f"\n{name} {_DTYPE_NAMES[tensor.dtype]} {list(tensor.shape)}\n".encode())
        sha.update(tensor.tobytes())
    return sha.hexdigest()


def held(card: Card, tensors: Mapping[str, NDArray[Any]]) -> Tensors:
    """Those tensors of a model that its file holds: what is drawn is regenerated."""
    absent = regenerated(card)
    return {name: tensor for name, tensor in tensors.items() if name not in absent}


def document(card: Card, tensors: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """The JSON document of a model: format version, card and digest."""
    version = _version(card)
    encoded = {key: value for key, value in encode(card).items() if ADDED.get(key, 1) <= version}
    rest = {"format_version": version, "card": encoded}
    return {**rest, "digest": digest(rest, held(card, tensors))}


def _version(card: Card) -> int:
    """The first format version that can hold this model."""
    return max([1, *(version for version, needs in FEATURES if needs(card))])


def dumps(card: Card, tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """The bytes of a model file; the same model always gives the same bytes."""
    written = held(card, tensors)
    _reserve(sum(tensor.nbytes for tensor in written.values()))
    data: bytes = serialize(written, {METADATA_KEY: _json(document(card, tensors))})
    return data


def loads(data: bytes) -> tuple[Card, Tensors]:
    """The card and the packed tensors (read-only) of a model file, given as bytes; those that are drawn as well.

    Raises:
        ModelFormatError: the bytes do not follow docs/format.md.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ModelFormatError(f"the model file has {len(data)} bytes; expected at most {MAX_FILE_BYTES}")
    _reserve(len(data))
    said = _document(_metadata(data))
    tensors = _tensors(data)
    found = digest(said, tensors)
    if said["digest"] != found:
        raise ModelFormatError(
            f"the digest does not match: the file says {ascii(said['digest'])[:70]}, its content gives {found!r}; "
            "the file is damaged or was edited"
        )
    try:
        card: Card = conform(_upgraded(said), Card, "card")
    except HadamardOrderError as error:
        raise ModelFormatError(f"card: {error}") from None
    if said["format_version"] != (expected := _version(card)):
        raise ModelFormatError(
            f"this {card.kind} model is written as format version {said['format_version']}; expected {expected}"
        )
    drawn = regenerated(card)
    for name in sorted(drawn.keys() & tensors.keys()):
        raise ModelFormatError(f"tensor {name!r} is in the file of a model that draws it; expected none")
    tensors |= drawn
    validate(card, tensors)
    return card, tensors


def _reserve(size: int) -> None:
    """Raises MemoryError if there is not enough memory to read or write a tensor file of so many bytes.

    The safetensors library, which copies the file once or twice, would end the process when it runs out of memory.
    """
    bytearray(4 * size + (1 << 19))


def _upgraded(stored: Mapping[str, Any]) -> Any:
    """The card of a document of any version, in the form of the newest version."""
    card, version = stored["card"], stored["format_version"]
    if not isinstance(card, dict):
        return card
    younger = [key for key, since in ADDED.items() if since > version]
    for key in younger:
        if key in card:
            raise ModelFormatError(f"card has the unknown key {key!r}, which format version {version} lacks")
    return {**card, **dict.fromkeys(younger)}


def read(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a model file.

    Raises:
        ModelFormatError: the file is larger than a model file can be.
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ModelFormatError(f"the file is larger than a model file can be, {MAX_FILE_BYTES} bytes")
    return data


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _parse(text: str | bytes, what: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        parsed = dict(pairs)
        if len(parsed) != len(pairs):
            raise ValueError("a key is given twice")
        return parsed

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    try:
        parsed = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"{what} is not valid JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise ModelFormatError(f"{what} is a JSON {type(parsed).__name__}; expected an object")
    return parsed


def _metadata(data: bytes) -> str:
    """The text of the one metadata entry, from a safetensors header: 8 bytes little-endian length, then JSON."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise ModelFormatError(
            f"the file is truncated or not a safetensors file: its header is said to have {length} bytes, "
            f"{max(len(data) - 8, 0)} follow"
        )
    if length > MAX_HEADER_BYTES:
        raise ModelFormatError(f"the header has {length} bytes; expected at most {MAX_HEADER_BYTES}")
    header = data[8 : 8 + length].rstrip(b" ")
    metadata = _parse(header, "the safetensors header").get("__metadata__")
    if not header.endswith(b"}"):
        raise ModelFormatError("the padding of the safetensors header is not all spaces")
    if not isinstance(metadata, dict) or list(metadata) != [METADATA_KEY]:
        keys = sorted(metadata) if isinstance(metadata, dict) else None
        raise ModelFormatError(
            f"the safetensors metadata has the keys {ascii(keys)[:100]}; expected [{METADATA_KEY!r}]: "
            "this is not a hadamrnn model"
        )
    text = metadata[METADATA_KEY]
    if not isinstance(text, str):
        raise ModelFormatError(f"the metadata is a JSON {type(text).__name__}; expected a string")
    return text


def _document(text: str) -> dict[str, Any]:
    stored = _parse(text, "the model's metadata")
    version = stored.get("format_version")
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise ModelFormatError(
            f"format version {ascii(version)[:40]} is unknown; this release reads 1 to {FORMAT_VERSION}"
        )
    keys = ["card", "digest", "format_version"]
    if sorted(stored) != keys:
        raise ModelFormatError(f"the metadata has the keys {ascii(sorted(stored))[:200]}; expected {keys}")
    try:
        canonical = _json(stored)
        canonical.encode()
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"the model's metadata is not valid JSON: {error}") from None
    if text != canonical:  # the digest is over parsed values, so it would not notice 0.10 instead of 0.1
        raise ModelFormatError(
            "the model's metadata is not canonical JSON (docs/format.md); the file is damaged or was edited"
        )
    return stored


def _tensors(data: bytes) -> Tensors:
    try:
        tensors: Tensors = dict(deserialize(data))
    except (SafetensorError, KeyError) as error:  # KeyError: a dtype that NumPy does not have
        raise ModelFormatError(f"not a valid safetensors file: {error}") from None
    for name, tensor in tensors.items():
        if tensor.dtype not in _DTYPE_NAMES:
            expected = ", ".join(map(str, _DTYPE_NAMES))
            raise ModelFormatError(f"tensor {name!r} is {tensor.dtype}; expected one of {expected}")
    return tensors
