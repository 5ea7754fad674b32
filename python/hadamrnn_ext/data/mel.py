"""Log-mel frames of sound: every few milliseconds the energy in a few dozen bands that are spaced as the ear hears."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["BANDS", "HOP", "QUIET", "WINDOW", "log_mel"]

WINDOW = 256  # samples of a frame: 32 ms at 8 kHz
HOP = 128  # samples from one frame to the next
BANDS = 32
LOWEST = 60.0  # Hz
#: The energy that counts as silence. A loud vowel has some hundreds, so the range is 50 dB, without the noise of a room.
QUIET = 1e-3


def log_mel(sound: NDArray[np.float32], rate: int, steps: int | None = None) -> NDArray[np.float32]:
    """The logarithms ln(1 + E / QUIET) of mel energies E, (T, 32), of samples (N,) from -1 to 1 with `rate` per second.

    Silence is zero. With `steps`, T is that number: the last frames, with zeros before a shorter sound. An incomplete last
    frame is filled with zeros. The bands are triangular and evenly spaced in mel = 2595 log10(1 + f / 700); they weight the
    squared magnitude of the Fourier transform under a Hann window.
    """
    count = max(1, -(-(len(sound) - WINDOW) // HOP) + 1)
    padded = np.zeros((count - 1) * HOP + WINDOW, np.float32)
    padded[: len(sound)] = sound
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)) ** 2
    mel = np.log1p(spectrum @ _bands(rate) / QUIET).astype(np.float32)
    if steps is None:
        return mel
    return np.concatenate([np.zeros((max(0, steps - count), BANDS), np.float32), mel[-steps:]])


@lru_cache(maxsize=4)
def _bands(rate: int) -> NDArray[np.float64]:
    """The weights of the frequencies in each band, (WINDOW / 2 + 1, BANDS)."""
    low, high = (2595 * np.log10(1 + frequency / 700) for frequency in (LOWEST, rate / 2))
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    frequencies = np.arange(WINDOW // 2 + 1)[:, None] * rate / WINDOW
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling))
