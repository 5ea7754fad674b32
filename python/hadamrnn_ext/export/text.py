"""Pieces of C source: tables of constants and how they are read, packed bits and codes, comments."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..file.codes import code_width

__all__ = [
    "NEAR_FLASH",
    "array",
    "bit",
    "block_comment",
    "comment",
    "constant",
    "index_type",
    "macro",
    "read_code",
    "real",
    "tables",
]

_WIDTH = 100
# By the type of a table's entries: their bytes, and how an AVR reads one.
_TABLES = {
    "uint8_t": (1, "pgm_read_byte(address)"),
    "int8_t": (1, "((int8_t)pgm_read_byte(address))"),
    "int32_t": (4, "((int32_t)pgm_read_dword(address))"),
    "uint32_t": (4, "pgm_read_dword(address)"),
    "float": (4, "pgm_read_float(address)"),
}
#: Bytes of tables that the 16-bit pointers of an AVR surely reach, beside some code and tables of others.
NEAR_FLASH = 60_000


def comment(text: str) -> str:
    """Text of unknown origin, such as labels, that can end no comment and no line."""
    return re.sub(r"[^A-Za-z0-9 .,:+\-]", "?", text)[:400]


def block_comment(*sentences: str) -> str:
    """A comment; each of the sentences begins a line."""
    lines = [line for text in sentences for line in textwrap.wrap(text, _WIDTH + 10, break_on_hyphens=False)]
    return f"/* {(chr(10) + ' * ').join(lines)} */"


def macro(name: str, values: Sequence[float], suffix: str) -> str:
    """A macro that initializes an array: floats to the bit with the suffix "f", else doubles to the bit."""
    words = [f"{np.float32(v):.9g}" if suffix else repr(float(v)) for v in values]
    words = [word if set(word) & set(".e") else f"{word}.0" for word in words]
    body = textwrap.wrap(", ".join(f"{word}{suffix}" for word in words), _WIDTH)
    if len(body) == 1:
        return f"#define {name} {{{body[0]}}}\n"
    return f"#define {name} {{ \\\n    " + " \\\n    ".join(body) + "}\n"


def real(value: float | np.floating[Any]) -> str:
    """A float32 constant, every bit of it."""
    return f"{float(np.float32(value)).hex()}f"


def constant(value: int) -> str:
    """An unsigned constant of 32 bits, also where ``int`` has 16."""
    return f"UINT32_C(0x{value:08X})"


def tables(body: str) -> tuple[str, int]:
    """The macros that the tables of a source and the READs of it need, and the bytes of these tables.

    An AVR copies constants into its RAM unless they are told to stay in flash, and reads its flash by instructions of
    its own. Everything else reads them where they are.
    """
    found = re.findall(r"^static const (\w+) \w+\[(\d+)\] IN_FLASH", body, re.MULTILINE)
    nbytes = sum(_TABLES[kind][0] * int(size) for kind, size in found)
    readers = "".join(
        f"#define READ_{kind}(address) {reader}\n"
        for kind, (_, reader) in _TABLES.items()
        if f"READ({kind}, " in body
    )
    limit = f'#error "the tables take {nbytes} bytes, and an AVR reads 65536 at most"\n'
    macros = f"""#if defined(__AVR__)
#include <avr/pgmspace.h>
{limit if nbytes > NEAR_FLASH else ""}#define IN_FLASH PROGMEM
#define READ(kind, address) READ_##kind(address)
{readers}#else
#define IN_FLASH
#define READ(kind, address) (*(address))
#endif
"""
    return macros, nbytes


def index_type(largest: int) -> str:
    """The typedef of what counts units, table entries and bits up to ``largest``: fast where ``int`` has 16 bits too.

    No type that C promotes to int, so that sums and products of it stay unsigned.
    """
    kind = "unsigned" if largest < 1 << 16 else "unsigned long"
    return f"/* Counts units, entries of tables, and bits: {largest} at most. */\ntypedef {kind} place;\n"


def array(kind: str, name: str, values: NDArray[Any]) -> str:
    """A constant array, wrapped; floats to the bit."""
    suffix = "u" if kind == "uint32_t" else ""
    words: Iterable[str] = (
        map(real, values.reshape(-1))
        if values.dtype.kind == "f"
        else (f"{value}{suffix}" for value in values.reshape(-1).tolist())
    )
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) + 2 > _WIDTH:
            lines.append(line)
            line = ""
        line += f" {word},"
    lines.append(line)
    body = "\n   ".join(lines)
    return f"static const {kind} {name}[{values.size}] IN_FLASH = {{\n   {body}\n}};\n"


def bit(table: str, entry: str) -> str:
    """Bit number ``entry``, a simple expression, of a table of bytes."""
    return f"READ(uint8_t, {table} + {entry} / 8u) >> ({entry} % 8u) & 1"


def read_code(bits: int) -> str:
    """A C function that reads code number i of a packed stream (quantize.pack); streams end in a spare byte."""
    width = code_width(bits)
    mask, top = (1 << width) - 1, 1 << width - 1
    if width == 8:
        code = "READ(uint8_t, packed + i)"
    elif 8 % width == 0:
        per_byte = 8 // width
        code = f"READ(uint8_t, packed + i / {per_byte}u) >> ({width}u * (i % {per_byte}u)) & {mask}"
    else:
        code = f"(int)(pair >> (start % 8u) & {mask}u)"
    pair = f"""    const place start = {width}u * i;
    const uint8_t *const first = packed + start / 8u;
    const unsigned pair = READ(uint8_t, first) | (unsigned)READ(uint8_t, first + 1) << 8;
"""
    return f"""/* Code number i of a packed stream of {width} bits each. */
static int_fast8_t code{width}(const uint8_t *packed, place i) {{
{pair if 8 % width else ""}    const int code = {code};
    return (int_fast8_t)(code - 2 * (code & {top}));
}}
"""
