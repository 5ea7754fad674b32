"""Tracks of continuous speech, and what is found in them."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from hadamrnn_ext import audio
from hadamrnn_ext.data import continuous, fsdd, tasks
from hadamrnn_ext.data.continuous import Track, Word

SILENCE = continuous.SILENCE


def word(digit: int, seconds: float = 0.4, silence: float = 0.2) -> Word:
    """A tone and silence after it."""
    count, rest = int(seconds * fsdd.RATE), int(silence * fsdd.RATE)
    tone = 0.5 * np.sin(2 * np.pi * (300 + 200 * digit) * np.arange(count) / fsdd.RATE)
    samples = np.concatenate([tone, np.zeros(rest)]).astype(np.float32)
    return Word(samples, digit, continuous._end(samples))


def wave_file(samples: np.ndarray) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, fsdd.RATE, 0, "NONE", ""))
        file.writeframes((32767 * samples).astype("<i2").tobytes())
    return content.getvalue()


def test_the_end_of_a_word_is_that_of_its_speech():
    assert 3200 <= word(3).end <= 3200 + audio.HOP
    quiet = np.zeros(1000, np.float32)
    assert continuous._end(quiet) == 1000  # nothing is louder than the rest


def test_a_track_says_what_is_right_at_each_frame():
    words = [word(digit) for digit in (4, 0, 9, 4)]
    track = continuous.track(words, np.random.default_rng(0), noise=0.0)
    assert len(track.frames) == len(track.classes)
    assert sorted(digit for digit, _ in track.spoken) == [0, 4, 4, 9]
    ends = [end for _, end in track.spoken]
    assert ends == sorted(ends)
    for digit, end in track.spoken:
        assert (track.frames[end - 5 : end - 1].max(axis=1) > 3).all()  # it is still to be heard
        assert track.frames[end + 3].max() == 0
        assert set(track.classes[end - continuous.BEFORE : end + continuous.AFTER]) == {digit}
        assert track.classes[end - continuous.BEFORE - 1] == continuous.IGNORED
        assert track.classes[end + continuous.AFTER] == continuous.IGNORED
    asked = np.bincount(track.classes[track.classes >= 0], minlength=11)
    assert asked[4] == 2 * asked[0] == 2 * (continuous.BEFORE + continuous.AFTER)
    assert asked[SILENCE] > asked[:SILENCE].sum() / 4


def test_noise_and_loudness_are_as_told():
    words = [word(1)] * 20
    rng = np.random.default_rng(0)
    silent, noisy = (continuous.track(words, np.random.default_rng(1), noise) for noise in (0.0, 0.003))
    assert silent.spoken == noisy.spoken
    assert (silent.frames[silent.classes == SILENCE] == 0).mean() > 0.7
    assert (noisy.frames[noisy.classes == SILENCE] > 0).all()
    louder = continuous.track(words, rng, 0.0, loudness=0.5)
    heights = [louder.frames[end - 5].max() for _, end in louder.spoken]
    assert np.std(heights) > 0.3


def answers(*runs: tuple[int, int]) -> np.ndarray:
    """Probabilities of frames: (class, count) one after another."""
    return np.concatenate([np.tile(0.9 * np.eye(11)[kind] + 0.1 / 11, (count, 1)) for kind, count in runs])


def test_events_are_runs_between_silences():
    said = answers(
        (SILENCE, 5), (3, 6), (SILENCE, 4), (2, 2), (7, 9), (SILENCE, 1), (5, 3), (SILENCE, 3), (8, 4)
    )
    assert continuous.events(said) == [
        (3, 11),
        (7, 26),
        (8, 37),
    ]  # the five is too short, the eight is the last
    assert continuous.events(answers((SILENCE, 9))) == []


def test_words_count_once_and_near_their_end():
    heard = Track(np.zeros((3750, 32), np.float32), np.full(3750, SILENCE), [(3, 100), (3, 200), (5, 300)])
    found = continuous.counted([(3, 110), (3, 112), (3, 290), (4, 305), (5, 330)], heard)
    assert found.right == pytest.approx(2 / 3)
    assert found.false == 3  # in one minute: the second three, the late one, and the four
    assert continuous.counted([], heard) == (0, 0)


def test_the_task(tmp_path, put_tar):
    contents = {
        f"recordings/{digit}_theo_{index}.wav": wave_file(word(digit).samples)
        for digit in range(10)
        for index in (0, 5, 6)
    }
    put_tar(tmp_path / "fsdd" / "recordings.tar.gz", contents)
    task = tasks.load("digits-stream", tmp_path, verify=False)
    assert (task.output, task.output_size, task.labels[-1]) == ("all", 11, "silence")
    assert task.preprocess == tasks.load("digits", tmp_path, verify=False).preprocess
    inputs, classes = task.test.raw(slice(0, 2))
    assert (inputs.shape, classes.shape) == ((2, 192, 32), (2, 192))
    assert len(task.train) > len(task.test) > len(task.validation)
    some = task.train.take(slice(2, 9)).take(np.array([3, 1]))
    np.testing.assert_array_equal(some.raw(slice(None))[0], task.train.raw(np.array([5, 3]))[0])
    np.testing.assert_array_equal(
        some.batch(slice(None))[0], task.preprocess.normalization.apply(some.raw(slice(None))[0])
    )
    again = tasks.load("digits-stream", tmp_path, verify=False)
    np.testing.assert_array_equal(again.test.raw(slice(None))[0], task.test.raw(slice(None))[0])
    right = np.zeros((2, 192, 11), np.float32)
    np.put_along_axis(right, np.maximum(classes, 0)[..., None], 9.0, axis=2)
    scores = task.scores(right, classes)
    assert scores["frames"].tolist() == [1.0, 1.0]
    assert (scores["loss"] < 0.01).all()
    right[0, np.flatnonzero(classes[0] >= 0)[0]] = np.eye(11)[(classes[0][classes[0] >= 0][0] + 1) % 11]
    counted = (classes[0] >= 0).sum()
    assert task.scores(right, classes)["frames"][0] == pytest.approx(1 - 1 / counted)
