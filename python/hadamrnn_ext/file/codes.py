"""The p-bit quantizer of U and V, and the packed layouts of codes and signs in a model file.

    alpha = max|M|,  k = 2^(p-1)
    code  = clamp(round_half_even(M * float32(k / alpha)), -k, k - 1)      p = 2..8
    code  = clamp(round_half_even(M * float32(1 / alpha)), -1, 1)          p = 1, ternary
    value = code * float32(alpha / k)

All of this is computed in float32. Codes are packed row by row in two's complement with ``code_width(p)`` bits each, the
least significant bit first, and zeros fill the last byte: bit i of byte j is bit 8 j + i of the stream.

Source: Foucault, Mamalet and Malgouyres, HadamRNN (ICLR 2025, arXiv 2502.00047).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, ModelFormatError

__all__ = [
    "code_range",
    "code_width",
    "dequantize",
    "dequantize_rows",
    "pack",
    "pack_signs",
    "quantize",
    "quantize_rows",
    "unpack",
    "unpack_signs",
]


def code_range(bits: int) -> tuple[int, int]:
    """The smallest and the largest code of p = ``bits`` weight bits: (-1, 1) for 1 bit, (-k, k - 1) for 2 to 8 bits."""
    bits = operator.index(bits)
    if not 1 <= bits <= 8:
        raise InputError(f"weight bits must be 1 to 8, got {bits}")
    return (-1, 1) if bits == 1 else (-(1 << bits - 1), (1 << bits - 1) - 1)


def code_width(bits: int) -> int:
    """The number of bits of one packed code: 2 for ternary codes (``bits`` = 1), else ``bits``."""
    code_range(bits)
    return max(bits, 2)


def quantize(matrix: ArrayLike, bits: int) -> tuple[NDArray[np.int8], np.float32]:
    """Codes (int8, of the shape of ``matrix``) and alpha (float32) of a real matrix, converted to float32.

    alpha is 1 for a matrix of zeros, or of numbers so small (below about 1e-36) that k / alpha overflows.
    Raises InputError for NaN, infinity or ``bits`` outside 1..8.
    """
    low, high = code_range(bits)
    matrix = np.asarray(matrix, np.float32)
    if not np.isfinite(matrix).all():
        raise InputError("a matrix to quantize must be finite, got NaN or infinity")
    levels = np.float32(-low)
    alpha = np.abs(matrix).max(initial=np.float32(0))
    with np.errstate(over="ignore", divide="ignore"):
        scale = levels / alpha
    if not np.isfinite(scale):
        alpha, scale = np.float32(1), levels
    return np.clip(np.rint(matrix * scale), low, high).astype(np.int8), alpha


def dequantize(codes: NDArray[np.int8], alpha: float | np.float32, bits: int) -> NDArray[np.float32]:
    """The float32 values of ``codes``: code * float32(alpha / k)."""
    low, _ = code_range(bits)
    return codes.astype(np.float32) * (np.float32(alpha) / np.float32(-low))


def quantize_rows(matrix: ArrayLike) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Codes -127 .. 127 (int8) and a step for each row of a real matrix (rows, columns), converted to float32.

    A step is float32(max|row| / 127), or 1 where the row is zero or next to it. Raises InputError for NaN or infinity.
    """
    matrix = np.asarray(matrix, np.float32)
    if not np.isfinite(matrix).all():
        raise InputError("a matrix to quantize must be finite, got NaN or infinity")
    steps = np.abs(matrix).max(axis=1, initial=np.float32(0)) / np.float32(127)
    steps = np.where(steps > 0, steps, np.float32(1))
    return np.clip(np.rint(matrix / steps[:, None]), -127, 127).astype(np.int8), steps


def dequantize_rows(codes: NDArray[np.int8], steps: NDArray[np.float32]) -> NDArray[np.float32]:
    """The float32 values of ``quantize_rows``: code * step of the row."""
    return codes.astype(np.float32) * steps[:, None]


def pack(codes: ArrayLike, bits: int) -> NDArray[np.uint8]:
    """``codes`` of any shape as ceil(size * width / 8) bytes. Raises InputError for a code out of range."""
    low, high = code_range(bits)
    codes = np.asarray(codes)
    if codes.size and not (low <= codes.min() and codes.max() <= high):
        raise InputError(f"{bits}-bit codes lie in {low}..{high}, got {codes.min()}..{codes.max()}")
    columns = np.arange(code_width(bits), dtype=np.uint8)
    stream = codes.astype(np.int8).reshape(-1, 1).view(np.uint8) >> columns & 1
    return np.packbits(stream, bitorder="little")


def unpack(packed: NDArray[np.uint8], bits: int, shape: Sequence[int]) -> NDArray[np.int8]:
    """The int8 codes, of this ``shape``, of the bytes that ``pack`` returned.

    Raises ModelFormatError for a wrong number of bytes, padding that is not zero, or the ternary code -2.
    """
    low, _ = code_range(bits)
    width = code_width(bits)
    stream = _bits(packed, math.prod(shape) * width).reshape(-1, width).astype(np.int8)
    weights = np.array([1 << j for j in range(width - 1)] + [-(1 << width - 1)], np.int8)
    codes: NDArray[np.int8] = stream @ weights
    if codes.size and codes.min() < low:
        raise ModelFormatError(f"packed {bits}-bit codes hold {codes.min()}, the smallest code is {low}")
    return codes.reshape(shape)


def pack_signs(signs: ArrayLike) -> NDArray[np.uint8]:
    """Signs +1 and -1 of any shape, row by row with one bit each (1 means -1), as ceil(size / 8) bytes."""
    signs = np.asarray(signs)
    if not np.isin(signs, (-1, 1)).all():
        raise InputError(f"signs must be +1 or -1, got {signs[~np.isin(signs, (-1, 1))].flat[0]}")
    return np.packbits(signs.reshape(-1) < 0, bitorder="little")


def unpack_signs(packed: NDArray[np.uint8], n: int) -> NDArray[np.int8]:
    """The signs (n,) int8 of the bytes that ``pack_signs`` returned. Raises ModelFormatError like ``unpack``."""
    return 1 - 2 * _bits(packed, n).astype(np.int8)


def _bits(packed: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """The first ``count`` bits of ``packed``, which must have exactly enough bytes, padded with zeros."""
    expected = -(-count // 8)
    if packed.dtype != np.uint8 or packed.shape != (expected,):
        met = f"{packed.dtype} of shape {packed.shape}"
        raise ModelFormatError(f"expected {expected} packed bytes (uint8) for {count} bits, got {met}")
    stream = np.unpackbits(packed, bitorder="little")
    if stream[count:].any():
        raise ModelFormatError(f"the padding after {count} packed bits must be zero")
    return stream[:count]
