"""The example that listens without an end: what it counts, and that a stream hears what the whole recording says."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext import audio
from hadamrnn_ext.data.task import Stacked

EXAMPLES = Path(__file__).parents[2] / "examples"
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(EXAMPLES)  # as for a script that is run
    EXAMPLE = runpy.run_path(str(EXAMPLES / "continuous.py"))


def words(rng, count):
    """Recordings of 24 frames, with silence before: a digit is a band that is loud."""
    digits = np.arange(count) % 10
    frames = np.zeros((count, 40, audio.BANDS), np.float32)
    frames[:, 16:] = np.abs(rng.normal(size=(count, 24, audio.BANDS)))
    frames[np.arange(count), 16:, 3 * digits] += 8
    return Stacked(frames, digits)


def test_a_stream_hears_the_word_and_nothing_else(rng):
    (frames, said, _), (fresh, _, ends) = (EXAMPLE["track"](words(rng, 150), rng) for _ in range(2))
    model, _ = hr.fit([frames], [said], hidden_size=128, every_step=True)
    odds = EXAMPLE["odds_of"](model.infer(fresh))
    found = EXAMPLE["alarms"](odds, -1.0)
    hits, false = EXAMPLE["counted"](found, ends, len(fresh) * audio.HOP / 8000 / 3600)
    assert hits > 0.8
    assert false < 200  # of some 270 words per hour
    told = list(EXAMPLE["listen"](model, iter(fresh), -1.0))
    assert [number for number, _ in told] == found
    np.testing.assert_allclose([alarm for _, alarm in told], odds[found], rtol=1e-6)


def test_hits_and_false_alarms_are_counted():
    hits, false = EXAMPLE["counted"]([100, 500], [90, 1000], 1.0)
    assert (hits, false) == (0.5, 1.0)
    assert EXAMPLE["alarms"](np.array([0.9] * 40 + [0.0] * 10 + [0.9]), 0.5) == [0, 30]
