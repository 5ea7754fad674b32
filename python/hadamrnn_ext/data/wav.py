"""Reader of all common kinds of WAV files, which returns the same samples with every version of Python.

It accepts what recorders and pipes write: RIFF chunks of any kind and order, odd ones with or without their padding byte,
the extensible header, and sizes of 0 or near 2^31 and 2^32 from a writer that could not go back to fill them in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

__all__ = ["Unknown", "Wave", "is_wave", "parse"]

PCM, FLOAT, A_LAW, MU_LAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
#: The possible numbers of bits of a sample, by form.
BITS = {PCM: range(1, 33), FLOAT: (32, 64), A_LAW: (8,), MU_LAW: (8,)}
#: The 14 bytes that follow the form in the 16 bytes that name it in an extensible header.
SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")
#: A size of at least this means "to the end": sox and espeak write 0x7ffff000, others 0x7fffffff or 0xffffffff.
ENDLESS = 0x7FFF0000


class Unknown(DataError):
    """A WAV file of another form, which another reader may know."""


class Wave(NamedTuple):
    """Samples (N, channels) from -1 to 1, their number per second, and the bytes of a sample in the file."""

    samples: NDArray[np.float64]
    rate: int
    width: int


class _Form(NamedTuple):
    tag: int  # PCM, FLOAT, A_LAW or MU_LAW
    channels: int
    rate: int
    bits: int

    @property
    def width(self) -> int:
        return -(-self.bits // 8)


def is_wave(content: bytes) -> bool:
    """Whether a file begins like RIFF of either byte order, or like its 64-bit form."""
    return content[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64")


def parse(name: str, content: bytes) -> Wave:
    """The samples of a WAV file of PCM, float, A-law or mu-law.

    Raises DataError naming `name` if the file is cut short, damaged or empty, and Unknown if it has another form.
    """
    order = ">" if content[:4] == b"RIFX" else "<"
    form, data, size, declared = None, None, 0, 0
    for kind, start, length in _chunks(name, content, order):
        if kind == b"ds64" and len(content) >= start + 16:
            (declared,) = struct.unpack_from("<Q", content, start + 8)
        elif kind == b"fmt " and form is None:
            form = _form(name, content[start : start + length], order)
        elif kind == b"data":
            if data is not None:
                raise DataError(f"{name}: holds two parts of samples; expected one")
            data, size = start, length
    if form is None or data is None:
        lacking = "no description of its samples" if form is None else "no samples"
        raise DataError(f"{name}: no WAV file of PCM or float ({lacking}: it is cut short or damaged)")
    if content[:4] in (b"RF64", b"BW64") and size == 0xFFFFFFFF and declared:
        size = declared
    there = len(content) - data
    if (size >= ENDLESS and size > there) or (not size and _runs_on(content, data, order)):
        size = there
    if size > there:
        raise DataError(f"{name}: cut short: {there} bytes of samples, expected {size}")
    frames = size // (form.channels * form.width)
    if not frames:
        raise DataError(f"{name}: holds no samples ({size} bytes)")
    count = frames * form.channels * form.width  # an incomplete frame at the end is left out
    samples = _decoded(content[data : data + count], form, order)
    return Wave(samples.reshape(frames, form.channels), form.rate, form.width)


def _chunks(name: str, content: bytes, order: str) -> Iterator[tuple[bytes, int, int]]:
    """The kind of each chunk, the position of its content, and its stated length."""
    if not is_wave(content) or content[8:12] != b"WAVE":
        raise DataError(f"{name}: no WAV file of PCM or float (it begins with {content[:12].hex(' ')})")
    place = 12
    while place + 8 <= len(content):
        kind = content[place : place + 4]
        (length,) = struct.unpack_from(f"{order}I", content, place + 4)
        yield kind, place + 8, length
        if kind == b"data" and (not length or length >= ENDLESS) and _runs_on(content, place + 8, order):
            return  # everything that follows is samples
        place += 8 + length
        if length % 2 and not (_is_kind(content, place) and not _is_kind(content, place + 1)):
            place += 1  # the padding byte, which some writers leave out


def _is_kind(content: bytes, place: int) -> bool:
    """Whether a chunk may begin here, with four printable ASCII characters."""
    kind = content[place : place + 4]
    return len(kind) == 4 and all(32 <= byte < 127 for byte in kind)


def _runs_on(content: bytes, place: int, order: str) -> bool:
    """Whether something other than complete chunks follows, that is, samples whose number was never filled in."""
    while place + 8 <= len(content) and _is_kind(content, place):
        (length,) = struct.unpack_from(f"{order}I", content, place + 4)
        place += 8 + length + length % 2
    return place < len(content)


def _form(name: str, header: bytes, order: str) -> _Form:
    if len(header) < 16:
        raise DataError(f"{name}: no WAV file of PCM or float (its header has {len(header)} bytes)")
    tag, channels, rate, _, block, bits = struct.unpack_from(f"{order}HHIIHH", header)
    if tag == EXTENSIBLE:
        tag = struct.unpack_from(f"{order}H", header, 24)[0] if len(header) >= 40 else tag
        if header[26:40] != SUBFORMAT:
            raise Unknown(f"{name}: an extensible WAV file of the form {header[24:40].hex()}")
    if tag not in BITS:
        raise Unknown(f"{name}: a WAV file of the form 0x{tag:04x}")
    form = _Form(tag, channels, rate, bits)
    if not channels or bits not in BITS[tag]:
        raise DataError(
            f"{name}: {channels} channels of {bits} bits in the form 0x{tag:04x}; expected PCM of up to 32 bits, float of "
            "32 or 64, A-law or mu-law of 8"
        )
    if block % channels == 0 and block // channels > form.width:
        raise DataError(
            f"{name}: samples of {bits} bits in {block // channels} bytes each, of unknown alignment; "
            f"expected {form.width} bytes"
        )
    return form


def _decoded(data: bytes, form: _Form, order: str) -> NDArray[np.float64]:
    if form.tag == FLOAT:
        with np.errstate(invalid="ignore"):  # the caller refuses NaN
            return np.frombuffer(data, f"{order}f{form.width}").astype(np.float64)
    if form.tag in (A_LAW, MU_LAW):
        return _table(form.tag)[np.frombuffer(data, np.uint8)]
    # Samples become the top bytes of 32-bit integers, which also aligns fewer bits. Only 8-bit samples are unsigned.
    given = np.frombuffer(data, np.uint8).reshape(-1, form.width)
    samples = np.zeros((len(given), 4), np.uint8)
    samples[:, 4 - form.width :] = given[:, ::-1] if order == ">" else given
    if form.width == 1:
        samples[:, 3] ^= 0x80
    return samples.view("<i4")[:, 0] / 2.0**31


@cache
def _table(tag: int) -> NDArray[np.float64]:
    """The values of the 256 bytes of G.711, each of which holds a sign, a power of two and four bits of its fraction."""
    code = np.arange(256) ^ (0x55 if tag == A_LAW else 0xFF)
    sign, power, step = code & 0x80, (code >> 4) & 7, code & 15
    if tag == A_LAW:
        size = np.where(power == 0, 16 * step + 8, (16 * step + 0x108) << np.maximum(power - 1, 0))
        return np.where(sign, size, -size) / 2.0**15
    size = ((8 * step + 0x84) << power) - 0x84
    return np.where(sign, -size, size) / 2.0**15
