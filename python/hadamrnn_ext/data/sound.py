"""Sound from files: WAV with our own reader, other formats with soundfile if it is installed (extra `audio`).

WAV is not left to soundfile so that a model hears the same on every machine. In addition, libsndfile takes a WAV file from
a pipe, whose sizes are 0, for an empty one, and does not notice that a file is cut short.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from . import wav

__all__ = ["SUFFIXES", "is_sound", "read", "resample"]

#: The possible sampling rates of a file, per second. Resampling from a lower rate could take any amount of memory.
MIN_RATE, MAX_RATE = 1000, 1_000_000
#: The largest sample. Those of float files may slightly exceed 1, and numbers in units of integers exceed it by far.
MAX_SAMPLE = 1000
#: The first bytes of other formats: FLAC, Ogg, AIFF, AU, Wave64, CAF, and MP3 with a tag.
BEGINNINGS = (b"fLaC", b"OggS", b"FORM", b".snd", b"riff", b"caff", b"ID3")
#: The suffixes of sound files in folders.
SUFFIXES = (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".w64", ".caf")


def is_sound(content: bytes) -> bool:
    """Whether a file begins like sound, so that `read` reads it or explains why it cannot.

    Examples:
        >>> from hadamrnn_ext.data import sound
        >>> sound.is_sound(b"RIFF....WAVE"), sound.is_sound(b"a text")
        (True, False)
    """
    return wav.is_wave(content) or content.startswith(BEGINNINGS) or _is_mp3(content)


def read(name: str, content: bytes) -> tuple[NDArray[np.float32], int]:
    """Samples (N,) from -1 to 1, averaged over all channels, and their number per second.

    The file is WAV of PCM, float, A-law or mu-law or, with soundfile, any format that soundfile knows. Raises DataError
    naming `name`.

    Examples:
        >>> import io, wave
        >>> from hadamrnn_ext.data import sound
        >>> content = io.BytesIO()
        >>> with wave.open(content, "wb") as file:
        ...     file.setparams((1, 2, 8000, 0, "NONE", ""))
        ...     file.writeframes(np.int16([0, 16384, -16384]).tobytes())
        >>> samples, rate = sound.read("tone.wav", content.getvalue())
        >>> samples.tolist(), rate
        ([0.0, 0.5, -0.5], 8000)
    """
    try:
        if wav.is_wave(content) or not is_sound(content):
            samples, rate, _ = wav.parse(name, content)
        else:
            samples, rate = _other(name, content, f"{name}: sound of another form than WAV")
    except wav.Unknown as error:
        samples, rate = _other(name, content, str(error))
    if not MIN_RATE <= rate <= MAX_RATE:
        raise DataError(f"{name}: {rate} samples per second, expected {MIN_RATE} to {MAX_RATE}")
    if not (samples.min() >= -MAX_SAMPLE and samples.max() <= MAX_SAMPLE):  # also if a sample is NaN
        place = int(np.argmin((np.abs(samples) <= MAX_SAMPLE).all(1)))
        raise DataError(
            f"{name}: sample {place}, at {place / rate:.3f} s, is {samples[place].tolist()}; expected about -1 to 1"
        )
    return samples.mean(1).astype(np.float32), rate


def resample(sound: NDArray[np.float32], rate: int, to: int) -> NDArray[np.float32]:
    """The same sound with `to` samples per second. It keeps the spectrum below half of both rates, as if it were periodic.

    Examples:
        >>> from hadamrnn_ext.data import sound
        >>> len(sound.resample(np.zeros(16000, np.float32), 16000, 8000))
        8000
    """
    if rate == to or not len(sound):
        return sound
    count = max(1, round(len(sound) * to / rate))
    spectrum = np.fft.rfft(sound)[: count // 2 + 1]
    return (np.fft.irfft(spectrum, count) * (count / len(sound))).astype(np.float32)


def _is_mp3(content: bytes) -> bool:
    """Whether a file begins with a frame of MPEG audio of layer 2 or 3: eleven ones, then a version and a layer."""
    return len(content) > 2 and content[0] == 0xFF and content[1] & 0xE6 in (0xE2, 0xE4)


def _other(name: str, content: bytes, what: str) -> tuple[NDArray[np.float64], int]:
    """The samples (N, channels) and their rate, read by soundfile."""
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: libsndfile is missing
        raise DataError(f"{what}, which needs soundfile: pip install soundfile ({error})") from None
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            rate, stated = file.samplerate, file.frames
            samples = file.read(stated, dtype="float64", always_2d=True)
            exact = file.format != "MP3"  # whose stated length is an estimate
    except (RuntimeError, ValueError, TypeError) as error:
        raise DataError(f"{name}: cannot be read as sound ({error})") from None
    if (exact and len(samples) != stated) or not len(samples):
        raise DataError(f"{name}: cut short: {len(samples)} samples, expected {stated or 'some'}")
    return samples, rate
