"""WAV files of every usual form give the same sound."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from hadamrnn_ext.data import fsdd, wav
from hadamrnn_ext.errors import DataError


def file(samples: np.ndarray, width: int, rate: int = 8000) -> bytes:
    """The WAV file of (N, channels) integers of 32 bits, of which the top `width` bytes are kept."""
    content = io.BytesIO()
    with wave.open(content, "wb") as out:
        out.setnchannels(samples.shape[1])
        out.setsampwidth(width)
        out.setframerate(rate)
        shifted = (samples.astype(np.int64) >> 8 * (4 - width)) + (128 if width == 1 else 0)
        out.writeframes(b"".join(int(v).to_bytes(width, "little", signed=width > 1) for v in shifted.ravel()))
    return content.getvalue()


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_width_and_number_of_channels(width, rng):
    samples = rng.integers(-(2**31), 2**31, (50, 2))
    sound, rate = wav.read("a.wav", file(samples, width, 44_100))
    assert rate == 44_100
    np.testing.assert_allclose(sound, samples.mean(1) / 2**31, atol=2.0 ** (1 - 8 * width) + 1e-7)


def test_16_bits_are_those_that_the_digits_are_trained_on(rng):
    content = file(rng.integers(-(2**31), 2**31, (300, 1)), 2)
    np.testing.assert_array_equal(wav.read("a.wav", content)[0], fsdd.samples("a.wav", content))


def test_a_tone_stays_the_same_tone_at_another_rate():
    def tone(rate: int) -> np.ndarray:
        return np.sin(2 * np.pi * 500 * np.arange(rate) / rate).astype(np.float32)

    np.testing.assert_allclose(wav.resample(tone(44_100), 44_100, 8000), tone(8000), atol=1e-5)
    np.testing.assert_allclose(wav.resample(tone(8000), 8000, 22_050), tone(22_050), atol=1e-5)
    high = np.sin(2 * np.pi * 5000 * np.arange(16_000) / 16_000).astype(np.float32)
    assert (
        abs(wav.resample(high, 16_000, 8000)).max() < 1e-3
    )  # above half the rate: gone, and not folded back


def test_what_is_no_wav_is_named():
    for content in (b"RIFF", b"", file(np.zeros((9, 1)), 2)[:-3], file(np.zeros((0, 1)), 2)):
        with pytest.raises(DataError, match=r"a\.wav"):
            wav.read("a.wav", content)
