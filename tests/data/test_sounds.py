"""A folder of sounds, a sub-folder a class, as own data; and how models hear."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from hadamrnn_ext import audio
from hadamrnn_ext.data import files, sound, sounds
from hadamrnn_ext.errors import DataError
from hadamrnn_ext.file.card import Training


def tone(frequency: float, seconds: float, rate: int = 8000) -> bytes:
    """A WAV file of 16 bits."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = 8000 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return content.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Two classes, one in sub-folders, at two rates, beside files of other kinds."""
    contents = {
        "low/a.wav": tone(300, 0.2),
        "low/b.wav": tone(300, 0.3, 22_050),
        "high/deep/c.wav": tone(2000, 0.4),
        "high/._c.wav": b"of another system",
        ".git/x.wav": b"",
        "low/notes.txt": b"notes",
        "LICENSE": b"free",
    }
    for name, content in contents.items():
        path = tmp_path / "tones" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "tones"


def test_frames_and_classes_of_a_folder(folder):
    frames, classes = files.read(folder)
    assert classes.tolist() == ["high", "low", "low"]
    assert [part.shape for part in frames] == [(24, 32), (12, 32), (18, 32)]
    heard, rate = sound.read("b", tone(300, 0.3, 22_050))
    np.testing.assert_array_equal(frames[2], audio.log_mel(sound.resample(heard, rate, 8000), 8000))
    loudest = [int(part.mean(0).argmax()) for part in frames]
    assert loudest[0] > loudest[1] == loudest[2]  # the same tone at any rate


def test_what_is_no_folder_of_classes_is_named(folder, tmp_path):
    (folder / "d.wav").write_bytes(tone(300, 0.1))
    with pytest.raises(DataError, match=r"d\.wav: lies beside the classes"):
        files.read(folder)
    (folder / "d.wav").unlink()
    (folder / "silent").mkdir()
    with pytest.raises(DataError, match="silent: holds no sound"):
        files.read(folder)
    (folder / "silent" / "e.wav").write_bytes(tone(300, 0.1)[:-1])
    with pytest.raises(DataError, match=r"silent.e\.wav: cut short"):
        files.read(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: has no sub-folders of sounds"):
        files.read(tmp_path / "empty")


def test_models_hear_as_their_cards_say(rng, make_model):
    def heard(training: Training | None, bands: int = 32) -> sounds.Hearing | None:
        return sounds.hearing(make_model(rng, input_size=bands, training=training).card)

    assert heard(Training(task="custom", settings=sounds.SETTINGS)) == (8000, None)
    assert heard(Training(task="custom", settings={"sound": "log-mel", "rate": 16_000})) == (16_000, None)
    assert heard(Training(task="digits")) == (8000, 64)
    assert heard(Training(task="custom")) is heard(None) is heard(Training(task="har2"), 9) is None
