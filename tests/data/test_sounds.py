"""A folder of sounds, a sub-folder a class, as own data; and how models hear."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from hadamrnn_ext import audio
from hadamrnn_ext.data import files, sound, sounds
from hadamrnn_ext.errors import DataError, InputError
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


def test_a_variety_of_noise_silence_and_unknown_sounds(folder, tmp_path):
    (tmp_path / "talk" / "deep").mkdir(parents=True)
    (tmp_path / "talk" / "deep" / "long.wav").write_bytes(tone(1000, 1.0))
    plain = sounds.read(folder)
    found = sounds.read(folder, variety=sounds.Variety(noise=2, silence=True, unknown=tmp_path / "talk"))
    count = {label: int((found.y == label).sum()) for label in np.unique(found.y)}
    # Of 0.4 seconds at most: the second has pieces of 0.4, 0.4 and, since it is half as long, 0.2 seconds.
    assert count == {"high": 3, "low": 6, "unknown": 9, "silence": 6}
    for i in range(3):
        np.testing.assert_array_equal(found.x[i], plain.x[i])
    assert [len(one) for one in found.x[3:6]] == [24, 24, 12]
    for i in range(
        6, 18
    ):  # copies in noise are of their file, louder where nothing was and of the same length
        source = (i - 6) % 6
        assert found.y[i] == found.y[source]
        assert found.groups[i] == found.groups[source]
        assert found.x[i].shape == found.x[source].shape
        assert found.x[i].min() > found.x[source].min()
        assert "in noise" in found.ids[i]
    tops = [int(one.mean(0).argmax()) for one in found.x[:18]]
    assert tops == tops[:6] * 3  # the tone is still there
    silent = [one for one, label in zip(found.x, found.y, strict=True) if label == "silence"]
    assert max(one.max() for one in silent) < plain.x[0].max() / 2
    assert len({len(one) for one in silent}) > 1
    assert len(set(found.groups.tolist())) == 3 + 1 + 6
    assert found.understood.endswith("3 sounds in sub-folders, 21 added, heard at 8000 Hz")
    again = sounds.read(folder, variety=sounds.Variety(noise=2, silence=True, unknown=tmp_path / "talk"))
    for one, other in zip(found.x, again.x, strict=True):
        np.testing.assert_array_equal(one, other)
    other = sounds.read(folder, variety=sounds.Variety(noise=1, seed=1))
    assert not np.array_equal(other.x[3], sounds.read(folder, variety=sounds.Variety(noise=1)).x[3])


def test_a_variety_that_cannot_be_is_named(folder, tmp_path):
    (tmp_path / "talk").mkdir()
    with pytest.raises(DataError, match="talk: holds no sound"):
        sounds.read(folder, variety=sounds.Variety(unknown=tmp_path / "talk"))
    with pytest.raises(DataError, match="nowhere: holds no sound"):
        sounds.read(folder, variety=sounds.Variety(unknown=tmp_path / "nowhere"))
    with pytest.raises(InputError, match="noise is -1; expected 0 to 100 copies"):
        sounds.read(folder, variety=sounds.Variety(noise=-1))
    (folder / "low").rename(folder / "silence")
    with pytest.raises(InputError, match="there is a class 'silence' already"):
        sounds.read(folder, variety=sounds.Variety(silence=True))
