"""What models hear: log-mel frames, every few milliseconds the energy in a few dozen bands that are spaced as the ear hears.

`log_mel` computes them for a whole sound, `LogMel` while the samples arrive. The exported C of a model that hears has the
same frames in integer arithmetic, see docs/microcontrollers.md.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError, ShapeError

__all__ = ["BANDS", "HOP", "QUIET", "WINDOW", "LogMel", "log_mel", "mel_bands", "mel_edges"]

WINDOW = 256  # samples of a frame: 32 ms at 8 kHz
HOP = 128  # samples from one frame to the next
BANDS = 32
LOWEST = 60.0  # Hz
#: The energy that counts as silence. A loud vowel has some hundreds, so the range is 50 dB, without the noise of a room.
QUIET = 1e-3
#: Samples per second. With fewer, two bands would lie between the same frequencies of the transform.
MIN_RATE, MAX_RATE = 1000, 1_000_000


def log_mel(sound: ArrayLike, rate: int = 8000, steps: int | None = None) -> NDArray[np.float32]:
    """The logarithms ln(1 + E / QUIET) of mel energies E, (T, 32), of samples (N,) from -1 to 1 with `rate` per second.

    Silence is zero. With `steps`, T is that number: the last frames, with zeros before a shorter sound. An incomplete last
    frame is filled with zeros. The bands are triangular and evenly spaced in mel = 2595 log10(1 + f / 700); they weight the
    squared magnitude of the Fourier transform under a Hann window of 256 samples, every 128 samples.

    Raises:
        InputError: the samples are not numbers, not finite or not of one channel, or the rate is not one of sound.

    Examples:
        >>> import numpy as np
        >>> from hadamrnn_ext import audio
        >>> tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
        >>> audio.log_mel(tone, 8000).shape
        (62, 32)
    """
    samples = _samples(sound)
    count = max(1, -(-(len(samples) - WINDOW) // HOP) + 1)
    padded = np.zeros((count - 1) * HOP + WINDOW, np.float32)
    padded[: len(samples)] = samples
    mel = _frames(padded, mel_bands(rate))
    if steps is None:
        return mel
    return np.concatenate([np.zeros((max(0, steps - count), BANDS), np.float32), mel[-steps:]])


class LogMel:
    """The frames of `log_mel` while the samples arrive, in pieces of any length.

    Args:
        rate: samples per second.

    Examples:
        >>> import numpy as np
        >>> from hadamrnn_ext import audio
        >>> heard = audio.LogMel(8000)
        >>> [len(heard.push(np.zeros(200))) for _ in range(3)]  # 256 samples are the first frame, 128 more the next
        [0, 2, 1]
    """

    def __init__(self, rate: int = 8000) -> None:
        self._bands = mel_bands(rate)
        self._rest = np.zeros(0, np.float32)

    def push(self, samples: ArrayLike) -> NDArray[np.float32]:
        """The frames (k, 32) that these samples (N,) from -1 to 1 complete; k may be 0. Raises InputError as `log_mel`."""
        sound = np.concatenate([self._rest, _samples(samples)])
        count = max(0, (len(sound) - WINDOW) // HOP + 1)
        self._rest = sound[count * HOP :]
        if not count:
            return np.zeros((0, BANDS), np.float32)
        return _frames(sound[: (count - 1) * HOP + WINDOW], self._bands)


def mel_edges(rate: int) -> NDArray[np.float64]:
    """The frequencies (34,) in Hz where bands begin, peak and end: band b from edge b over its peak at b + 1 to b + 2.

    Raises InputError if the rate is not one of sound.

    Examples:
        >>> hr.audio.mel_edges(8000)[[0, -1]].round().tolist()
        [60.0, 4000.0]
    """
    if not MIN_RATE <= rate <= MAX_RATE:
        raise InputError(f"rate is {rate}; expected {MIN_RATE} to {MAX_RATE} samples per second")
    low, high = (2595 * np.log10(1 + frequency / 700) for frequency in (LOWEST, rate / 2))
    edges: NDArray[np.float64] = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    return edges


@lru_cache(maxsize=4)
def mel_bands(rate: int) -> NDArray[np.float64]:
    """The weight of every frequency of the transform in each band, (129, 32). Raises InputError for another rate than of sound.

    Examples:
        >>> from hadamrnn_ext import audio
        >>> audio.mel_bands(8000).shape
        (129, 32)
    """
    edges = mel_edges(rate)
    frequencies = np.arange(WINDOW // 2 + 1)[:, None] * rate / WINDOW
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling))


def _samples(sound: ArrayLike) -> NDArray[np.float32]:
    samples: NDArray[Any] = np.asarray(sound)
    if samples.dtype.kind != "f":
        raise InputError(
            f"the samples are {samples.dtype}; expected floats from -1 to 1 (16-bit integers divided by 32768)"
        )
    if samples.ndim != 1:
        raise ShapeError(f"the samples have shape {samples.shape}; expected (N,), one channel")
    if not np.isfinite(samples).all():
        place = int(np.argmin(np.isfinite(samples)))
        raise InputError(f"sample {place} is {samples[place]}; expected numbers from -1 to 1")
    return samples.astype(np.float32)


def _frames(sound: NDArray[np.float32], bands: NDArray[np.float64]) -> NDArray[np.float32]:
    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)) ** 2
    return np.log1p(spectrum @ bands / QUIET).astype(np.float32)
