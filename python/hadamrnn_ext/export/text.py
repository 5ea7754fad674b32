"""Pieces of C source: names that are safe, arrays of constants, how packed codes are read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..quantize import code_width

__all__ = ["array", "comment", "identifier", "read_code", "real"]

_KEYWORDS = """auto break case char const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    and and_eq asm bitand bitor bool catch class compl concept constexpr delete explicit export false friend main
    mutable namespace new not not_eq nullptr operator or or_eq private protected public template this throw true
    try typeid typename using virtual wchar_t xor xor_eq"""
# name.h must not hide a header that others include; some file systems do not tell cases apart.
_HEADERS = """arduino assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdarg stdbool
    stddef stdint stdio stdlib string tgmath time wchar wctype"""
_WIDTH = 100
MAX_NAME = 40


def identifier(name: str) -> str:
    """``name`` if it may begin the identifiers of a C and C++ library.

    Raises:
        InputError: it is not a letter followed by letters, digits and single underscores; or it is a keyword or a
            header of the language.
    """
    if (
        not isinstance(name, str)
        or not re.fullmatch(r"[A-Za-z](?:_?[A-Za-z0-9])*", name)
        or len(name) > MAX_NAME
    ):
        raise InputError(
            f"name is {ascii(name)[:60]}; expected a letter, then letters, digits and single underscores, "
            f"at most {MAX_NAME} in all"
        )
    if name.lower() in f"{_KEYWORDS} {_HEADERS}".split():
        raise InputError(f"name is {name!r}, which is a word or a header of the language; expected another")
    return name


def comment(text: str) -> str:
    """Text of unknown origin, such as labels, that can end no comment and no line."""
    return re.sub(r"[^A-Za-z0-9 .,:+\-]", "?", text)[:400]


def real(value: float | np.floating[Any]) -> str:
    """A float32 constant, every bit of it."""
    return f"{float(np.float32(value)).hex()}f"


def array(kind: str, name: str, values: NDArray[Any]) -> str:
    """A constant array, wrapped; floats to the bit."""
    words: Iterable[str] = (
        map(real, values.reshape(-1)) if values.dtype.kind == "f" else map(str, values.reshape(-1).tolist())
    )
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) + 2 > _WIDTH:
            lines.append(line)
            line = ""
        line += f" {word},"
    lines.append(line)
    body = "\n   ".join(lines)
    return f"static const {kind} {name}[{values.size}] = {{\n   {body}\n}};\n"


def read_code(bits: int) -> str:
    """A C function that reads code number i of a packed stream (quantize.pack); streams end in a spare byte."""
    width = code_width(bits)
    if width == 8:
        body = "return (int32_t)packed[i] - 2 * (int32_t)(packed[i] & 128u);"
    elif 8 % width == 0:
        per_byte, mask, top = 8 // width, (1 << width) - 1, 1 << width - 1
        body = (
            f"const int32_t code = (int32_t)((unsigned)packed[i / {per_byte}u] >> ({width}u * (i % {per_byte}u)) & {mask}u);\n"
            f"    return code - 2 * (code & {top});"
        )
    else:
        mask, top = (1 << width) - 1, 1 << width - 1
        body = (
            f"const uint32_t bit = {width}u * i;\n"
            "    const uint32_t pair = packed[bit / 8u] | (uint32_t)packed[bit / 8u + 1u] << 8;\n"
            f"    const int32_t code = (int32_t)(pair >> (bit % 8u) & {mask}u);\n"
            f"    return code - 2 * (code & {top});"
        )
    return f"""/* Code number i of a packed stream of {width} bits each. */
static int32_t code{width}(const uint8_t *packed, uint32_t i) {{
    {body}
}}
"""
