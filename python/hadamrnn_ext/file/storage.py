"""How a model file stores one parameter: its tensors, and their conversion to what the network computes with.

Packed tensors do not depend on the instruction set. The kernels repack them when a model is made.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import codes as packing
from .codes import code_width

__all__ = [
    "Bytes",
    "Coded",
    "Codes",
    "Float32",
    "Int8",
    "Int16",
    "Int32",
    "Quantized",
    "QuantizedRows",
    "Signs",
    "Storage",
    "coded",
]

Array = NDArray[Any]
Shape = tuple[int, ...]
Schema = dict[str, tuple[np.dtype[Any], Shape]]
F32, I32, I16 = np.dtype("<f4"), np.dtype("<i4"), np.dtype("<i2")
U8, I8 = np.dtype("u1"), np.dtype("i1")


class Coded(NamedTuple):
    """A parameter that is quantized already: its codes and their scale (alpha), which are packed without rounding."""

    codes: Array
    scale: Array | np.float32

    def values(self, bits: int) -> NDArray[np.float32]:
        """The float32 values of codes that share one scale."""
        return packing.dequantize(self.codes, np.float32(self.scale), bits)


def coded(name: str) -> tuple[str, str]:
    """The names of the two tensors of a quantized parameter, its codes and its scale."""
    if name.endswith(".bias"):
        return f"{name}_codes", f"{name}_scale"
    stem = name.removesuffix(".weight")
    return f"{stem}.codes", f"{stem}.scale"


class Storage(ABC):
    """One way to store a parameter, given its name and its shape."""

    @abstractmethod
    def schema(self, name: str, shape: Shape) -> Schema:
        """Name -> (dtype, shape) of the tensors in the file."""

    @abstractmethod
    def pack(self, name: str, value: Any) -> dict[str, Array]:
        """The tensors of a parameter. Raises InputError for values that this storage cannot hold."""

    @abstractmethod
    def unpack(self, name: str, shape: Shape, tensors: Mapping[str, Array]) -> Array:
        """What the network computes with. Raises ModelFormatError for an invalid code, or for padding that is not zero."""


@dataclass(frozen=True)
class Plain(Storage):
    """Unpacked little-endian numbers."""

    dtype: np.dtype[Any]

    def schema(self, name: str, shape: Shape) -> Schema:
        return {name: (self.dtype, shape)}

    def pack(self, name: str, value: Array) -> dict[str, Array]:
        return {name: value.astype(self.dtype)}

    def unpack(self, name: str, shape: Shape, tensors: Mapping[str, Array]) -> Array:
        return np.array(tensors[name], self.dtype.newbyteorder("="))


Float32 = Plain(F32)
Int32 = Plain(I32)
Int16 = Plain(I16)
Int8 = Plain(I8)
Bytes = Plain(U8)


class Signs(Storage):
    """+1 and -1 in one bit each. Latent values become their signs; zero becomes +1, so that W stays orthogonal."""

    def schema(self, name: str, shape: Shape) -> Schema:
        return {name: (U8, (_bytes(shape, 1),))}

    def pack(self, name: str, value: Array) -> dict[str, Array]:
        return {name: packing.pack_signs(np.where(value >= 0, 1, -1))}

    def unpack(self, name: str, shape: Shape, tensors: Mapping[str, Array]) -> Array:
        return packing.unpack_signs(tensors[name], math.prod(shape)).reshape(shape)


@dataclass(frozen=True)
class Codes(Storage):
    """Integers of this many bits that stay integers, which are the weights of integer models."""

    bits: int

    def schema(self, name: str, shape: Shape) -> Schema:
        return {name: (U8, (_bytes(shape, code_width(self.bits)),))}

    def pack(self, name: str, value: Array) -> dict[str, Array]:
        return {name: packing.pack(value, self.bits)}

    def unpack(self, name: str, shape: Shape, tensors: Mapping[str, Array]) -> Array:
        return packing.unpack(tensors[name], self.bits, shape)


@dataclass(frozen=True)
class Quantized(Storage):
    """Floats as codes and one scale. With ``whole_bytes``, each code takes a whole byte, as int8."""

    bits: int
    whole_bytes: bool = False

    def schema(self, name: str, shape: Shape) -> Schema:
        codes, scale = coded(name)
        packed = U8, (_bytes(shape, code_width(self.bits)),)
        return {codes: (I8, shape) if self.whole_bytes else packed, scale: (F32, (1,))}

    def pack(self, name: str, value: Array | Coded) -> dict[str, Array]:
        codes, scale = value if isinstance(value, Coded) else packing.quantize(value, self.bits)
        code_name, scale_name = coded(name)
        return {
            code_name: codes if self.whole_bytes else packing.pack(codes, self.bits),
            scale_name: np.array(scale, F32).reshape(1),
        }

    def unpack(self, name: str, shape: Shape, tensors: Mapping[str, Array]) -> Array:
        codes, scale = (tensors[part] for part in coded(name))
        unpacked = codes if self.whole_bytes else packing.unpack(codes, self.bits, shape)
        return packing.dequantize(unpacked, np.float32(scale[0]), self.bits)


class QuantizedRows(Storage):
    """Floats as int8 codes with a step for each row, for embeddings, whose rows differ in magnitude."""

    def schema(self, name: str, shape: Shape) -> Schema:
        codes, scale = coded(name)
        return {codes: (I8, shape), scale: (F32, shape[:1])}

    def pack(self, name: str, value: Array) -> dict[str, Array]:
        codes, steps = packing.quantize_rows(value)
        return dict(zip(coded(name), (codes, steps.astype(F32)), strict=True))

    def unpack(self, name: str, shape: Shape, tensors: Mapping[str, Array]) -> Array:
        codes, scale = (tensors[part] for part in coded(name))
        return packing.dequantize_rows(codes, np.asarray(scale, np.float32))


def _bytes(shape: Shape, bits: int) -> int:
    return -(-math.prod(shape) * bits // 8)
