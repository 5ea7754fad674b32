"""Log-mel frames of sound, whole and while samples arrive."""

from __future__ import annotations

import numpy as np
import pytest

from hadamrnn_ext import audio
from hadamrnn_ext.errors import InputError, ShapeError


@pytest.mark.parametrize("pieces", [[8000], [1] * 700, [128, 255, 1, 400, 0, 3000]])
def test_frames_come_while_samples_arrive(pieces, rng):
    sound = rng.uniform(-1, 1, sum(pieces)).astype(np.float32)
    heard = audio.LogMel(8000)
    frames = [heard.push(piece) for piece in np.split(sound, np.cumsum(pieces)[:-1])]
    whole = audio.log_mel(sound[: len(sound) // audio.HOP * audio.HOP], 8000)
    np.testing.assert_allclose(np.concatenate(frames), whole, rtol=1e-6)


def test_a_frame_has_the_energy_that_the_definition_says(rng):
    sound = rng.uniform(-1, 1, audio.WINDOW)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 255)
    angle = 2 * np.pi * np.outer(np.arange(129), np.arange(256)) / 256
    samples = sound.astype(np.float32).astype(float) * window
    power = (np.cos(angle) @ samples) ** 2 + (np.sin(angle) @ samples) ** 2
    expected = np.log(1 + power @ audio.mel_bands(16_000) / 1e-3)
    np.testing.assert_allclose(audio.log_mel(sound, 16_000)[0], expected, rtol=1e-5)


def test_bands_lie_between_their_edges():
    edges, bands = audio.mel_edges(8000), audio.mel_bands(8000)
    frequencies = np.arange(129) * 8000 / 256
    assert edges[0] == pytest.approx(60)
    assert edges[-1] == pytest.approx(4000)
    for band in range(audio.BANDS):
        inside = (frequencies > edges[band]) & (frequencies < edges[band + 2])
        np.testing.assert_array_equal(bands[:, band] > 0, inside)


def test_bad_sound_is_refused():
    with pytest.raises(InputError, match=r"int16; expected floats from -1 to 1 \(16-bit"):
        audio.log_mel(np.zeros(300, np.int16))
    with pytest.raises(ShapeError, match=r"\(300, 2\); expected \(N,\), one channel"):
        audio.LogMel().push(np.zeros((300, 2)))
    with pytest.raises(InputError, match="sample 7 is nan"):
        audio.log_mel(np.where(np.arange(300) == 7, np.nan, 0))
    with pytest.raises(InputError, match="rate is 10; expected 1000 to 1000000"):
        audio.LogMel(10)
