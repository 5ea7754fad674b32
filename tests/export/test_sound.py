"""The sound library of exported C: frames as `audio.log_mel` has them, from samples of 16 bits, in integers."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest

import hadamrnn_ext as hr
from compiled import COMPILER, SANITIZERS, STRICT
from hadamrnn_ext import audio
from hadamrnn_ext.export.sound import BOUND, RESOLUTION

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")

DRIVER = """
#include <stdio.h>
#include "net_sound.h"
int main(void) {
    static net_sound sound;
    int16_t samples[NET_HOP];
    net_raw frame[NET_INPUT_SIZE];
    while (fread(samples, sizeof samples, 1, stdin) == 1) {
        if (net_hear(&sound, samples, frame)) fwrite(frame, sizeof frame, 1, stdout);
    }
    return 0;
}
"""
SECOND = np.arange(8000) / 8000
SOUNDS = {
    "silence": 0 * SECOND,
    "the loudest tone": np.sin(2 * np.pi * 437.3 * SECOND),
    "a quiet low tone": 0.01 * np.sin(2 * np.pi * 90 * SECOND),
    "a tone that rises": np.sin(np.pi * 3900 * SECOND**2),
    "a square wave": np.where(np.sin(2 * np.pi * 200 * SECOND) < 0, -1.0, 1.0),
    "noise": 0.1 * np.random.default_rng(0).normal(size=8000),
    "noise of a few units": 1e-4 * np.random.default_rng(1).normal(size=8000),
}


def samples(sound):
    return np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)


def built(folder, model):
    hr.export.c(model, folder, "net")
    (folder / "driver.c").write_text(DRIVER)
    for sources, out in ((["driver.c"], "driver"), (["-I.", "examples/net_sound/main.c"], "example")):
        command = [COMPILER, *STRICT, *SANITIZERS, *sources, "net.c", "net_sound.c", "-o", out]
        subprocess.run(command, cwd=folder, check=True)


def output(program, sound):
    done = subprocess.run([program], input=sound.tobytes(), stdout=subprocess.PIPE, check=True)
    return done.stdout


@pytest.mark.parametrize("name", ["digits", "digits-int12"])
def test_frames_are_those_of_log_mel_within_the_bound(name, tmp_path):
    model = hr.load(name)
    built(tmp_path, model)
    recordings = np.load(hr.zoo.__path__[0] + "/pretrained/spoken.npz")
    spoken = [value for value in recordings.values() if value.dtype == np.int16]
    assert spoken
    for sound in [*map(samples, SOUNDS.values()), *spoken]:
        whole = sound.reshape(-1)[: sound.size // audio.HOP * audio.HOP]
        found = np.frombuffer(
            output(tmp_path / "driver", whole), np.float32 if name == "digits" else np.int32
        )
        frames = found.reshape(-1, audio.BANDS) * (1.0 if name == "digits" else RESOLUTION)
        expected = audio.log_mel(whole / np.float32(32768), 8000)
        assert frames.shape == expected.shape
        assert np.abs(frames - expected).max() <= (0.002 if any(sound is word for word in spoken) else BOUND)
        assert (frames >= 0).all()
        assert frames.any() == whole.any()


def test_a_sound_gets_the_logits_of_its_frames(tmp_path):
    model = hr.load("digits-int12")
    built(tmp_path, model)
    sound = samples(0.3 * SOUNDS["noise"] + 0.2 * SOUNDS["the loudest tone"])[: 40 * audio.HOP]
    frames = np.frombuffer(output(tmp_path / "driver", sound), np.int32).reshape(-1, audio.BANDS)
    expected = model.infer(frames * RESOLUTION) / model.card.integer.logit_scale
    printed = output(tmp_path / "example", sound).split()
    np.testing.assert_array_equal(np.array(printed, float), np.rint(expected))


def test_only_models_that_hear_have_a_sound_library(tmp_path, rng, make_model):
    hr.export.c(make_model(rng, input_size=audio.BANDS), tmp_path / "a", "net")
    hr.export.c(hr.load("digits-int12"), tmp_path / "b", "net", resolution=2.0**-10)
    hr.export.c(hr.load("digits"), tmp_path / "c", "net")
    assert [(tmp_path / folder / "net_sound.c").exists() for folder in "abc"] == [False, False, True]
    sources = [
        json.loads((tmp_path / folder / "library.json").read_text())["build"]["srcFilter"] for folder in "ac"
    ]
    assert sources == [["+<net.c>"], ["+<net.c>", "+<net_sound.c>"]]
