"""Numbers written as C: exact constants, tables of numbers, and the values for ``tables.c.in``, which writes the tables."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..file.codes import code_width

__all__ = [
    "NEAR_FLASH",
    "Tables",
    "braces",
    "codes",
    "palette",
    "real",
    "table_bytes",
    "table_values",
]

#: The tables of a library by name.
Tables = dict[str, NDArray[Any]]
#: How many bytes of tables the 16-bit pointers of an AVR can surely reach, beside some code and other tables.
NEAR_FLASH = 60_000
_WIDTH = 110
# For each C type of table, how an AVR reads an entry from flash.
_READERS = {
    "uint8_t": "pgm_read_byte(address)",
    "int8_t": "((int8_t)pgm_read_byte(address))",
    "uint16_t": "pgm_read_word(address)",
    "int16_t": "((int16_t)pgm_read_word(address))",
    "int32_t": "((int32_t)pgm_read_dword(address))",
    "uint32_t": "pgm_read_dword(address)",
    "float": "pgm_read_float(address)",
}


def real(value: float | np.floating[Any]) -> str:
    """A float32 constant that keeps every bit."""
    return f"{float(np.float32(value)).hex()}f"


def braces(values: Sequence[float], suffix: str) -> str:
    """The initializer of an array for a macro: exact floats with the suffix "f", otherwise exact doubles."""
    words = [f"{np.float32(v):.9g}" if suffix else repr(float(v)) for v in values]
    words = [word if set(word) & set(".e") else f"{word}.0" for word in words]
    lines = _wrapped(f"{word}{suffix}" for word in words)
    return (
        f"{{{lines[0]}}}" if len(lines) == 1 else " \\\n".join(["{", *(f"  {line}" for line in lines)]) + "}"
    )


def table_bytes(tables: Tables) -> int:
    return sum(table.nbytes for table in tables.values())


def table_values(tables: Tables, largest_index: int) -> dict[str, Any]:
    """The values for ``tables.c.in``, where ``largest_index`` is the largest number that the C type ``place`` must hold."""
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
    """Adds a table, split into one byte per entry and a table of distinct values if that is shorter; returns whether it is.

    Biases have few distinct values if the model was trained with few bits for them.
    """
    bits = values.view(np.uint32)  # bits tell -0.0 from 0.0
    different, places = np.unique(bits, return_inverse=True)
    few = len(different) <= 256 and 4 * len(different) + len(places) < values.nbytes
    if few:
        tables[f"{name}_values"] = different.view(values.dtype)
    tables[name] = places.astype(np.uint8) if few else values
    return few


def codes(bits: Iterable[int]) -> list[dict[str, Any]]:
    """The values with which ``packed.c.in`` reads packed codes of these numbers of bits."""
    return [{"bits": width, "whole": 8 % width == 0} for width in sorted(set(map(code_width, bits)))]


def _c_type(dtype: np.dtype[Any]) -> str:
    return "float" if dtype == np.float32 else f"{dtype}_t"


def _numbers(table: NDArray[Any]) -> str:
    suffix = "u" if table.dtype == np.uint32 else ""
    flat = table.reshape(-1)
    words = map(real, flat) if table.dtype.kind == "f" else (f"{number}{suffix}" for number in flat.tolist())
    return "\n".join(f"  {line}" for line in _wrapped(words))


def _wrapped(words: Iterable[str]) -> list[str]:
    return textwrap.wrap(", ".join(words), _WIDTH)
