"""Sound from files: WAV by our own reader, all else by soundfile where it is installed (extra `audio`).

WAV is not left to soundfile, so that a model hears the same on every machine: libsndfile takes what a pipe wrote with
sizes of zero for an empty file, and reads one that is cut short as if nothing were missing.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from . import wav

__all__ = ["SUFFIXES", "is_sound", "read", "resample"]

#: Samples a second that a file may have: to resample one of fewer could take any amount of memory.
MIN_RATE, MAX_RATE = 1000, 1_000_000
#: What a sample may be: float files go a bit beyond 1, and numbers in units of integers far beyond.
MAX_SAMPLE = 1000
#: How files of other forms begin: FLAC, Ogg, AIFF, AU, Wave64, CAF, and MP3 with a tag before it.
BEGINNINGS = (b"fLaC", b"OggS", b"FORM", b".snd", b"riff", b"caff", b"ID3")
#: Names by which sound is found in folders.
SUFFIXES = (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".w64", ".caf")


def is_sound(content: bytes) -> bool:
    """Whether a file begins as one of sound, which `read` then reads or says why not."""
    return wav.is_wave(content) or content.startswith(BEGINNINGS) or _is_mp3(content)


def read(name: str, content: bytes) -> tuple[NDArray[np.float32], int]:
    """Samples (N,) from -1 to 1, the mean of all channels, and how many there are a second.

    WAV of PCM, float, A-law or mu-law; with soundfile also other codecs, FLAC, Ogg, MP3, AIFF and what else it knows.
    Raises DataError naming `name`.
    """
    try:
        if wav.is_wave(content) or not is_sound(content):
            samples, rate, _ = wav.parse(name, content)
        else:
            samples, rate = _other(name, content, f"{name}: sound of another form than WAV")
    except wav.Unknown as error:
        samples, rate = _other(name, content, str(error))
    if not MIN_RATE <= rate <= MAX_RATE:
        raise DataError(f"{name}: {rate} samples a second, expected {MIN_RATE} to {MAX_RATE}")
    if not (samples.min() >= -MAX_SAMPLE and samples.max() <= MAX_SAMPLE):  # also where one is not a number
        place = int(np.argmin((np.abs(samples) <= MAX_SAMPLE).all(1)))
        raise DataError(
            f"{name}: sample {place}, at {place / rate:.3f} s, is {samples[place].tolist()}; expected about -1 to 1"
        )
    return samples.mean(1).astype(np.float32), rate


def resample(sound: NDArray[np.float32], rate: int, to: int) -> NDArray[np.float32]:
    """The same sound with `to` samples a second: its spectrum below half of either rate, taken to be periodic."""
    if rate == to or not len(sound):
        return sound
    count = max(1, round(len(sound) * to / rate))
    spectrum = np.fft.rfft(sound)[: count // 2 + 1]
    return (np.fft.irfft(spectrum, count) * (count / len(sound))).astype(np.float32)


def _is_mp3(content: bytes) -> bool:
    """Whether it begins with a frame of MPEG audio of layer 2 or 3: eleven ones, then a version and a layer."""
    return len(content) > 2 and content[0] == 0xFF and content[1] & 0xE6 in (0xE2, 0xE4)


def _other(name: str, content: bytes, what: str) -> tuple[NDArray[np.float64], int]:
    """(N, channels) samples and their rate, by soundfile."""
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: its library is not there
        raise DataError(f"{what}, which needs soundfile: pip install soundfile ({error})") from None
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            rate, stated = file.samplerate, file.frames
            samples = file.read(stated, dtype="float64", always_2d=True)
            exact = file.format != "MP3"  # which states no length: it is estimated
    except (RuntimeError, ValueError, TypeError) as error:
        raise DataError(f"{name}: cannot be read as sound ({error})") from None
    if (exact and len(samples) != stated) or not len(samples):
        raise DataError(f"{name}: cut short: {len(samples)} samples, expected {stated or 'some'}")
    return samples, rate
