"""Spoken digits: made recordings, their split and their log-mel frames."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from hadamrnn_ext import audio
from hadamrnn_ext.data import fsdd
from hadamrnn_ext.errors import DataError

pytestmark = pytest.mark.usefixtures("elsewhere")


def sound(samples: np.ndarray, rate: int = 8000, width: int = 2) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.astype(f"<i{width}").tobytes())
    return content.getvalue()


def tone(frequency: float, count: int) -> np.ndarray:
    return 8000 * np.sin(2 * np.pi * frequency * np.arange(count) / 8000)


def test_fsdd_takes_upstreams_split_and_pads_with_silence_before(tmp_path, put_tar):
    contents = {
        f"recordings/{digit}_jackson_{index}.wav": sound(tone(300 * (1 + digit), 1280 + 256 * index))
        for digit in range(3)
        for index in (0, 4, 5, 49)
    }
    put_tar(tmp_path / "fsdd" / "recordings.tar.gz", contents)
    train, test = fsdd.read(tmp_path, verify=False)
    assert train.inputs.shape == test.inputs.shape == (6, 64, 32)
    assert test.classes.tolist() == [0, 0, 1, 1, 2, 2]
    quiet = (test.inputs == 0).all(axis=2).sum(axis=1)
    assert quiet.tolist() == [64 - 9, 64 - 9 - 8] * 3  # 1,280 samples are nine frames, 256 more are two more
    assert (test.inputs.argmax(axis=2)[[0, 2, 4], -3].tolist()) == sorted(
        set(test.inputs.argmax(axis=2)[:, -3].tolist())
    )
    with pytest.raises(DataError, match=f"expected {fsdd.SHA256}"):
        fsdd.read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"RIFF", "no WAV file"),
        (sound(tone(300, 999))[:-1], "bytes of samples, expected 1998"),
        (sound(tone(300, 999), rate=16000), r"are \(1, 2, 16000\), expected \(1, 2, 8000\)"),
        (sound(tone(300, 999) / 200, width=1), "expected"),
    ],
)
def test_fsdd_refuses_other_sounds(content, message):
    with pytest.raises(DataError, match=message):
        fsdd.samples("x.wav", content)


def test_a_tone_is_loudest_in_the_band_around_it_and_silence_is_zero():
    for frequency in (200, 1000, 3000):
        frames = audio.log_mel((tone(frequency, 4000) / 32768).astype(np.float32), 8000)
        assert frames.shape == (1 + -(-(4000 - 256) // 128), 32)
        weights = audio.mel_bands(8000)
        nearest = weights[round(frequency * 256 / 8000)].argmax()
        assert frames[5].argmax() == nearest
    assert (audio.log_mel(np.zeros(500, np.float32), 8000, 10) == 0).all()
    assert audio.log_mel(np.zeros(0, np.float32), 8000).shape == (1, 32)
    assert (audio.mel_bands(8000).sum(axis=0) > 0).all()
    long = (tone(500, 9000) / 32768).astype(np.float32)
    np.testing.assert_array_equal(audio.log_mel(long, 8000, 7), audio.log_mel(long, 8000)[-7:])
