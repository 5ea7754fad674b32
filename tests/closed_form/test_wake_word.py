"""The example that makes a model for a phrase: the windows that it fits, and what it hears in a stream."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext import audio

EXAMPLES = Path(__file__).parents[2] / "examples"
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(EXAMPLES)  # as for a script that is run
    EXAMPLE = runpy.run_path(str(EXAMPLES / "wake_word.py"))
    LISTENING = runpy.run_path(str(EXAMPLES / "listening.py"))


def track(rng, seconds):
    """Noise in which every two seconds some bands rise and then others: the phrase. Every third time only the first does."""
    frames = np.abs(rng.normal(size=(seconds * 62, audio.BANDS))).astype(np.float32)
    ends = []
    for number, end in enumerate(range(150, len(frames) - 40, 125)):
        frames[end - 40 : end - 20, 3:9] += 6
        if number % 3:
            frames[end - 20 : end, 17:23] += 6
            ends.append(end)
    return LISTENING["labelled"](frames, ends)


def test_a_stream_hears_the_phrase_and_not_a_half_of_it(rng):
    train, fresh = track(rng, 240), track(rng, 120)
    X, y, groups = EXAMPLE["windows"](rng, train, 400)
    assert len(X) == len(y) == len(groups)
    assert (y == "word").sum() == len(train.ends) * len(EXAMPLE["AFTER_END"])
    model, _ = hr.fit(X, y, groups=groups, hidden_size=256, sound_rate=8000)
    shares = EXAMPLE["shares_of"](model, fresh.frames)
    length, hop = EXAMPLE["LENGTH"], EXAMPLE["HOP"]
    windows = np.lib.stride_tricks.sliding_window_view(fresh.frames, length, axis=0)[::hop].swapaxes(1, 2)
    labels, probabilities = model.classify(np.ascontiguousarray(windows), top=2)
    np.testing.assert_array_equal(
        shares[length - 1 :: hop], LISTENING["share_of_word"](labels, probabilities)
    )
    assert np.count_nonzero(shares) <= len(windows)
    scores = LISTENING["scores"](shares, fresh, 8000)
    assert max(hits for hits, false, _ in scores if false == 0) > 0.8


def test_other_words_are_never_the_phrase(rng):
    said = [EXAMPLE["other"](rng, "hey kitchen") for _ in range(2000)]
    assert "hey kitchen" not in said
    assert any(text.startswith("hey ") for text in said)
    assert any(text.endswith(" kitchen") for text in said)


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="there is no espeak-ng")
def test_every_voice_says_the_phrase():
    for voices in (EXAMPLE["HEARD"], EXAMPLE["UNHEARD"]):
        for voice in voices.split():
            samples = EXAMPLE["Speech"]("hey kitchen", f"en-us+{voice}", 150, 50).samples()
            assert 0.3 < len(samples) / 8000 < 3, voice
            assert np.abs(samples).max() > 0.05, voice
    assert not set(EXAMPLE["HEARD"].split()) & set(EXAMPLE["UNHEARD"].split())
