"""The bundled models for streams: right on streams that nobody resets, alone as in the middle of them."""

from __future__ import annotations

import numpy as np
import pytest

import endless
import hadamrnn_ext as hr
from hadamrnn_ext.data import continuous, folders, metrics, tasks

STREAMS = [name for name in hr.models() if "-stream" in name]
SENSORS = [name for name in STREAMS if name.startswith("har")]
SPEECH = [name for name in STREAMS if name.startswith("digits")]


@pytest.fixture
def data(data_dir, monkeypatch):
    monkeypatch.setenv(folders.ENVIRONMENT, str(data_dir))


def test_they_are_there():
    assert {"har2-stream", "har6-stream", "digits-stream"} <= set(STREAMS)


@pytest.mark.parametrize("name", STREAMS)
def test_they_forget_and_say_what_they_were_trained_on(name):
    card = hr.load(name).card
    assert card.endless
    assert card.trained_steps == 192


@pytest.mark.parametrize("name", SENSORS)
def test_samples_are_answered_anywhere_in_a_stream(name):
    windows, answers = hr.zoo.samples(name)
    stream, rng = hr.load(name).stream(), np.random.default_rng(0)
    largest, right = [], []
    for _ in range(300):
        i = rng.integers(len(windows))
        right.append(metrics.predicted(stream.run(windows[i])) == answers[i])
        largest.append(np.abs(stream.state[0]).max())
    assert np.mean(right) > 0.95
    assert max(largest) < 1.5 * max(largest[:50])  # it is bounded


@pytest.mark.parametrize("name", SENSORS)
def test_test_windows_are_answered_in_a_stream_as_alone(data, name):
    task = tasks.load(name.split("-")[0])
    alone, inside = endless.joined(hr.load(name), task, 200_000)
    assert abs(inside - alone) < 0.005


@pytest.mark.parametrize("name", [name for name in SENSORS if name.startswith("har6")])
def test_who_walks_on_and_on_is_walking(data, name):
    assert endless.walking(hr.load(name)) > 0.97


@pytest.mark.parametrize("name", SPEECH)
def test_words_are_found_in_continuous_speech(data, name):
    found = endless.speech(hr.load(name), noise=0.003)
    assert found.right > 0.94
    assert found.false < 2


@pytest.mark.parametrize("name", SPEECH)
def test_silence_is_silence(name):
    stream = hr.load(name).stream()
    answers = stream.run(np.zeros((5000, 32), np.float32))
    assert (answers.argmax(axis=1)[20:] == continuous.CLASSES.index("silence")).all()
