"""Numbers as C: constants to the bit, tables of them, and the values of ``tables.c.in``, which lays the tables down."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import hadamard
from ..file.card import LayerCard
from ..file.codes import code_width

__all__ = [
    "NEAR_FLASH",
    "Tables",
    "braces",
    "codes",
    "palette",
    "real",
    "sign_words",
    "table_bytes",
    "table_values",
    "transforms",
]

#: The tables of a library, by their names.
Tables = dict[str, NDArray[Any]]
#: Bytes of tables that the 16-bit pointers of an AVR surely reach, beside some code and tables of others.
NEAR_FLASH = 60_000
UNROLLED = 256  # units of a layer, from which on its transform is written out
_WIDTH = 110
# The C types of tables, and how an AVR reads an entry.
_READERS = {
    "uint8_t": "pgm_read_byte(address)",
    "int8_t": "((int8_t)pgm_read_byte(address))",
    "int32_t": "((int32_t)pgm_read_dword(address))",
    "uint32_t": "pgm_read_dword(address)",
    "float": "pgm_read_float(address)",
}


def real(value: float | np.floating[Any]) -> str:
    """A float32 constant, every bit of it."""
    return f"{float(np.float32(value)).hex()}f"


def braces(values: Sequence[float], suffix: str) -> str:
    """What initializes an array by a macro: floats to the bit with the suffix "f", else doubles to the bit."""
    words = [f"{np.float32(v):.9g}" if suffix else repr(float(v)) for v in values]
    words = [word if set(word) & set(".e") else f"{word}.0" for word in words]
    lines = _wrapped(f"{word}{suffix}" for word in words)
    return (
        f"{{{lines[0]}}}" if len(lines) == 1 else " \\\n".join(["{", *(f"  {line}" for line in lines)]) + "}"
    )


def table_bytes(tables: Tables) -> int:
    return sum(table.nbytes for table in tables.values())


def table_values(tables: Tables, largest_index: int) -> dict[str, Any]:
    """The values of ``tables.c.in``. ``largest_index``: of what ``place`` counts."""
    kinds = {name: _c_type(table.dtype) for name, table in tables.items()}
    return {
        "tables": [
            {"table": name, "kind": kinds[name], "size": table.size, "numbers": _numbers(table)}
            for name, table in tables.items()
        ],
        "readers": [
            {"kind": kind, "reader": reader} for kind, reader in _READERS.items() if kind in kinds.values()
        ],
        "table_bytes": table_bytes(tables),
        "out_of_reach": table_bytes(tables) > NEAR_FLASH,
        "largest_index": largest_index,
        "place": "unsigned" if largest_index < 1 << 16 else "unsigned long",
    }


def palette(tables: Tables, name: str, values: NDArray[Any]) -> bool:
    """Puts down a table; where that is shorter, as a byte per entry into another one of its different values. Whether so.

    Biases have few values where the model was trained with biases of few bits.
    """
    different, places = np.unique(
        values.view(np.uint32), return_inverse=True
    )  # of bits, so that -0.0 is not 0.0
    few = len(different) <= 256 and 4 * len(different) + len(places) < values.nbytes
    if few:
        tables[f"{name}_values"] = different.view(values.dtype)
    tables[name] = places.astype(np.uint8) if few else values
    return few


def codes(bits: Iterable[int]) -> list[dict[str, Any]]:
    """What ``packed.c.in`` needs to read packed codes of these numbers of bits."""
    return [{"bits": width, "whole": 8 % width == 0} for width in sorted(set(map(code_width, bits)))]


def sign_words(matrix: NDArray[Any]) -> NDArray[np.uint32]:
    """A matrix of signs, every row in words of its own: bit j is set where entry j is -1."""
    padded = np.zeros((len(matrix), -(-matrix.shape[1] // 32) * 32), np.uint8)
    padded[:, : matrix.shape[1]] = matrix < 0
    return np.packbits(padded, axis=1, bitorder="little").view("<u4").astype(np.uint32)


def transforms(layers: Iterable[tuple[LayerCard, str]], tables: Tables) -> list[dict[str, Any]]:
    """What ``transform.c.in`` needs for states of these C types; ``tables`` gets the base matrices."""
    largest: dict[tuple[int, str], int] = {}
    for layer, kind in layers:
        key = layer.block_size, kind
        largest[key] = max(layer.hidden_size, largest.get(key, 0))
    return [_transform(order, kind, units, tables) for (order, kind), units in largest.items()]


def _transform(order: int, kind: str, units: int, tables: Tables) -> dict[str, Any]:
    """Stages of butterflies in twos by a loop, or in passes of four and eight numbers in registers, at constant distances.

    Two stages a pass, and three in the first one where their number is odd. That takes a third of the instructions of a
    large transform away, and some 200 bytes more of code than the loop, which is too much for a small one.
    """
    base, log2 = hadamard.factor(order)
    if base > 1:
        tables[f"hadamard_{base}"] = sign_words(hadamard.core_matrix(base))
    unrolled = units >= UNROLLED and log2 >= 2
    distances = [base << stage for stage in range(log2)] if unrolled else []
    eights = distances[:1] if log2 % 2 else []
    fours = distances[3 * len(eights) :: 2]
    return {
        "order": order,
        "construction": hadamard.construction(order),
        "kind": kind,
        "type": kind.removesuffix("_t"),
        "register": "int" if kind == "int16_t" else kind,
        "base": base,
        "log2": log2,
        "paley": base > 1,
        "words": -(-base // 32),
        "unrolled": unrolled,
        "looped": order > 1 and (base > 1 or not unrolled),
        "eights": [{"h": h, "h2": 2 * h, "h4": 4 * h} for h in eights],
        "fours": [{"h": h, "h2": 2 * h} for h in fours],
    }


def _c_type(dtype: np.dtype[Any]) -> str:
    return "float" if dtype == np.float32 else f"{dtype}_t"


def _numbers(table: NDArray[Any]) -> str:
    suffix = "u" if table.dtype == np.uint32 else ""
    flat = table.reshape(-1)
    words = map(real, flat) if table.dtype.kind == "f" else (f"{number}{suffix}" for number in flat.tolist())
    return "\n".join(f"  {line}" for line in _wrapped(words))


def _wrapped(words: Iterable[str]) -> list[str]:
    return textwrap.wrap(", ".join(words), _WIDTH)
