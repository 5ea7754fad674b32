"""A stream that listens for hours: one spoken digit is to be told from the others and from silence.

    python examples/continuous.py                         # fits, and counts hits and false alarms on test recordings
    python examples/continuous.py --save seven.safetensors
    python examples/continuous.py --listen sound.wav      # or: arecord -q -f S16_LE -r 8000 -t raw | .. --listen -

The model is fitted to tracks of recordings with pauses between, with a target for every frame of 16 ms: the word, just
after it has been said, or not. Its state forgets and its pool is of the last moments, so nobody resets the stream. The
threshold of an alarm is chosen on recordings that the fit has not seen, and the test recordings are for the count alone.
Needs the Free Spoken Digit Dataset: `hadamrnn data digits` says where it is looked for.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import hadamrnn_ext as hr
from hadamrnn_ext import audio
from hadamrnn_ext.data import fsdd, sound
from hadamrnn_ext.data.task import Stacked
from listening import QUIET, Track, alarms, chosen, counted, labelled, odds_of

WORD = 7
FRAME = audio.HOP / fsdd.RATE  # seconds
#: False alarms per hour that the threshold may cost on the recordings that choose it.
ALARMS = 20.0


def track(recordings: Stacked, rng: np.random.Generator) -> Track:
    """All recordings in a random order with pauses of up to a second."""
    frames, ends, length = [], [], 0
    for i in rng.permutation(len(recordings.classes)):
        spoken = recordings.inputs[i]
        spoken = spoken[spoken.any(axis=1).argmax() :]  # silence was filled in before shorter ones
        pause = np.zeros((rng.integers(12, 64), audio.BANDS), np.float32)
        frames += [spoken, pause]
        if recordings.classes[i] == WORD:
            ends.append(length + len(spoken))
        length += len(spoken) + len(pause)
    return labelled(np.concatenate(frames), ends)


def listen(model: hr.Model, frames: Iterator[Any], threshold: float) -> Iterator[tuple[int, float]]:
    """The frames at which there is an alarm, and the log-odds of the word, as they come."""
    stream, quiet = model.stream(), 0
    for number, frame in enumerate(frames):
        odds = float(odds_of(stream.step(frame)))
        if odds > threshold and number >= quiet:
            quiet = number + QUIET
            yield number, odds


def heard(source: str) -> Iterator[Any]:
    """Frames of a sound file, or of 16-bit samples at 8 kHz as they come through stdin."""
    if source != "-":
        samples, rate = sound.read(source, Path(source).read_bytes())
        yield from audio.log_mel(sound.resample(samples, rate, fsdd.RATE), fsdd.RATE)
        return
    arriving = audio.LogMel(fsdd.RATE)
    while content := sys.stdin.buffer.read(2 * audio.HOP):
        yield from arriving.push(
            np.frombuffer(content[: len(content) // 2 * 2], "<i2").astype(np.float32) / 32768
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--save", metavar="FILE", help="write the model")
    parser.add_argument("--listen", metavar="FILE", help="a sound file, or - for samples through stdin")
    parser.add_argument(
        "--every", type=int, default=1, help="take every so manieth recording, for a quick look"
    )
    arguments = parser.parse_args()

    rng = np.random.default_rng(0)
    known, fresh = fsdd.read()
    known = known.take(np.arange(0, len(known), arguments.every))
    fifth = np.arange(len(known)) % 5 == 0
    parts = (known.take(np.flatnonzero(~fifth)), known.take(np.flatnonzero(fifth)), fresh)
    train, held, test = (track(part, rng) for part in parts)
    # 512 units hear more of the recordings held out than the usual 256, and there is space for them.
    model, report = hr.fit(
        [train.frames], [train.labels], every_step=True, sound_rate=fsdd.RATE, hidden_size=512
    )
    print(report)
    threshold = chosen(odds_of(model.infer(held.frames)), held, fsdd.RATE, ALARMS)
    seconds = test.seconds(fsdd.RATE)
    hits, false = counted(alarms(odds_of(model.infer(test.frames)), threshold), test.ends, seconds / 3600)
    print(
        f"log-odds above {threshold:.1f}: {hits:.1%} of {len(test.ends)} words heard, {false:.1f} false alarms per hour",
        end="",
    )
    print(f", on {seconds / 60:.1f} minutes of test recordings; {len(model.to_bytes()):,} bytes")
    if arguments.save:
        model.save(arguments.save)
    if arguments.listen:
        for number, odds in listen(model, heard(arguments.listen), threshold):
            print(f"{number * FRAME:8.2f} s: the word, {1 / (1 + np.exp(-odds)):.0%}", flush=True)


if __name__ == "__main__":
    main()
