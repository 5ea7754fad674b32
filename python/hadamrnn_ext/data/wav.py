"""Sound from WAV files of any usual form, at the rate that somebody wants."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

__all__ = ["read", "resample"]

#: Samples a second that a file may have: to resample one of fewer could take any amount of memory.
MIN_RATE, MAX_RATE = 1000, 1_000_000


def read(name: str, content: bytes) -> tuple[NDArray[np.float32], int]:
    """Samples (N,) from -1 to 1, the mean of all channels, and how many there are a second.

    PCM of 8, 16, 24 or 32 bits. Raises DataError naming `name`.
    """
    try:
        with wave.open(io.BytesIO(content)) as file:
            channels, width, rate, count = file.getparams()[:4]
            data = file.readframes(count)
    except (wave.Error, EOFError, RuntimeError, ValueError, struct.error) as error:
        raise DataError(f"{name}: no WAV file of PCM ({error or 'it is cut short'})") from None
    if not 1 <= width <= 4 or len(data) != count * channels * width or not data:
        raise DataError(
            f"{name}: {len(data)} bytes, expected {count} samples of {channels} channels and {width} bytes"
        )
    if not MIN_RATE <= rate <= MAX_RATE:
        raise DataError(f"{name}: {rate} samples a second, expected {MIN_RATE} to {MAX_RATE}")
    # As the top bytes of 32-bit integers; 8 bits alone are unsigned.
    samples = np.zeros((count * channels, 4), np.uint8)
    samples[:, 4 - width :] = np.frombuffer(data, np.uint8).reshape(-1, width)
    if width == 1:
        samples[:, 3] ^= 0x80
    sound = samples.view("<i4")[:, 0].reshape(count, channels).astype(np.float64).mean(1) / 2**31
    return sound.astype(np.float32), rate


def resample(sound: NDArray[np.float32], rate: int, to: int) -> NDArray[np.float32]:
    """The same sound with `to` samples a second: its spectrum below half of either rate, taken to be periodic."""
    if rate == to or not len(sound):
        return sound
    count = max(1, round(len(sound) * to / rate))
    spectrum = np.fft.rfft(sound)[: count // 2 + 1]
    return (np.fft.irfft(spectrum, count) * (count / len(sound))).astype(np.float32)
