"""The example that makes a model for a phrase: what it trains on, and what it hears in a stream."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

from hadamrnn_ext import audio

EXAMPLES = Path(__file__).parents[2] / "examples"
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(EXAMPLES)  # as for a script that is run
    EXAMPLE = runpy.run_path(str(EXAMPLES / "wake_word.py"))
    LISTENING = runpy.run_path(str(EXAMPLES / "listening.py"))
RATE, PIECE = EXAMPLE["RATE"], EXAMPLE["PIECE"]


def tones(rng, *frequencies):
    """A tone after another, each of a quarter of a second."""
    t = np.arange(RATE // 4) / RATE
    return np.concatenate([np.sin(2 * np.pi * f * rng.uniform(0.97, 1.03) * t) for f in frequencies]).astype(
        np.float32
    )


def said(rng, times, others):
    """A low tone and then a high one is the phrase; the other way round, or one of them twice, is none."""
    found = [(tones(rng, 400, 1500), True) for _ in range(times)]
    return found + [
        (tones(rng, *pair), False) for pair in ((1500, 400), (400, 400), (1500, 1500)) for _ in range(others)
    ]


@pytest.mark.parametrize("vary", [False, True])
def test_a_track_has_all_sayings_and_the_ends_of_the_phrase(rng, vary):
    sayings = said(rng, 20, 10)
    track, begins = EXAMPLE["track"](rng, sayings, vary)
    assert len(track.frames) == len(track.labels)
    assert len(track.ends) == 20
    assert len(begins) == 50
    assert begins == sorted(begins)
    for end in track.ends:
        assert (track.labels[end : end + 12] == "word").all()
        assert 25 < min(end - begin for begin in begins if begin < end) < 40  # frames of half a second
    assert track.frames.min() > 0  # there is noise everywhere


def test_pieces_begin_where_sayings_do_and_leave_nothing_out(rng):
    track, begins = EXAMPLE["track"](rng, said(rng, 60, 20))
    frames, labels = EXAMPLE["pieces"](track, begins)
    assert frames.shape == (len(labels), PIECE, audio.BANDS)
    at = [int(np.flatnonzero((track.frames == piece[0]).all(axis=1))[0]) for piece in frames]
    assert set(at) <= set(begins)
    assert (
        max(np.diff(at)) < PIECE + 100
    )  # a saying and a pause, if the phrase has just ended where it begins
    for place, part in zip(at, labels, strict=True):
        np.testing.assert_array_equal(part, track.labels[place : place + PIECE])
        first = int(np.flatnonzero(part == "word")[0]) if (part == "word").any() else PIECE
        assert first > 15  # the phrase has been heard before it is to be known


def test_a_stream_hears_the_phrase_and_not_its_halves(rng):
    model = EXAMPLE["trained"](rng, said(rng, 240, 80), epochs=40, seed=0)
    held, _ = EXAMPLE["track"](rng, said(rng, 40, 20))
    threshold = LISTENING["chosen"](LISTENING["odds_of"](model.infer(held.frames)), held, RATE, 30.0)
    model = EXAMPLE["armed"](model, "low high", threshold)
    fresh, _ = EXAMPLE["track"](rng, said(rng, 60, 20))
    odds = LISTENING["odds_of"](model.infer(fresh.frames))
    hits, false = LISTENING["counted"](LISTENING["alarms"](odds, 0.0), fresh.ends, fresh.seconds(RATE) / 3600)
    assert hits > 0.8
    assert false < 200  # of 2,400 other sayings per hour
    np.testing.assert_array_equal(model.classify(fresh.frames).labels[:, 0] == "low high", odds > 0)
    assert model.card.endless


def test_other_words_are_never_the_phrase(rng):
    texts = [EXAMPLE["other"](rng, "hey kitchen", 0.6) for _ in range(2000)]
    assert "hey kitchen" not in texts
    begin, end = (
        sum(half(text) for text in texts)
        for half in (lambda t: t.startswith("hey "), lambda t: t.endswith(" kitchen"))
    )
    assert 200 < begin < 400
    assert 800 < end < 1000
    assert not any("kitchen" in EXAMPLE["other"](rng, "kitchen", 1.0) for _ in range(100))


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="there is no espeak-ng")
def test_every_voice_says_the_phrase():
    voices = [voice for name in ("HEARD", "HELD", "UNHEARD") for voice in EXAMPLE[name].split()]
    for voice in voices:
        samples = EXAMPLE["Speech"]("hey kitchen", f"en-us+{voice}", 150, 50).samples()
        assert 0.3 < len(samples) / 8000 < 3, voice
        assert np.abs(samples).max() > 0.05, voice
    assert len(set(voices)) == len(voices)  # nobody is in two of them
