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
from hadamrnn_ext.data import fsdd, mel, sound
from hadamrnn_ext.data.task import Stacked

WORD = 7
FRAME = mel.HOP / fsdd.RATE  # seconds
#: Frames around the end of a word that are to be called it, and in which an alarm is a hit; frames between two alarms.
BEFORE, AFTER, QUIET = 6, 12, 30
THRESHOLDS = np.linspace(0.3, 0.95, 14)
#: False alarms per hour that the threshold may cost on the recordings that choose it.
ALARMS = 20.0


def track(recordings: Stacked, rng: np.random.Generator) -> tuple[Any, Any, list[int]]:
    """All recordings in a random order with pauses of up to a second: frames, the label of each, ends of the word."""
    frames, ends, length = [], [], 0
    for i in rng.permutation(len(recordings.classes)):
        spoken = recordings.inputs[i]
        spoken = spoken[spoken.any(axis=1).argmax() :]  # silence was filled in before shorter ones
        pause = np.zeros((rng.integers(12, 64), mel.BANDS), np.float32)
        frames += [spoken, pause]
        if recordings.classes[i] == WORD:
            ends.append(length + len(spoken))
        length += len(spoken) + len(pause)
    said = np.zeros(length, bool)
    for end in ends:
        said[end - BEFORE : end + AFTER] = True
    return np.concatenate(frames), np.where(said, "word", "other"), ends


def listen(model: hr.Model, frames: Iterator[Any], threshold: float) -> Iterator[tuple[int, float]]:
    """The frames at which there is an alarm, and how sure it is, as they come."""
    stream, place, quiet = model.stream(), list(model.card.labels or ()).index("word"), 0
    for number, frame in enumerate(frames):
        stream.step(frame)
        labels, shares = stream.classify(top=2)
        share = float(shares[labels.tolist().index(model.card.labels[place])])  # type: ignore[index]
        if share > threshold and number >= quiet:
            quiet = number + QUIET
            yield number, share


def alarms(shares: Any, threshold: float) -> list[int]:
    """As `listen`, of all frames at once."""
    found: list[int] = []
    for number in np.flatnonzero(shares > threshold):
        if not found or number >= found[-1] + QUIET:
            found.append(int(number))
    return found


def counted(found: list[int], ends: list[int], frames: int) -> tuple[float, float]:
    """The share of words that were heard, and false alarms per hour."""
    right = [any(end - 2 * AFTER <= at <= end + 2 * AFTER for at in found) for end in ends]
    false = [at for at in found if not any(end - 2 * AFTER <= at <= end + 2 * AFTER for end in ends)]
    return float(np.mean(right)), len(false) / (frames * FRAME / 3600)


def shares_of(model: hr.Model, frames: Any) -> Any:
    """The probability of the word at every frame."""
    labels, shares = model.classify(frames, top=2)
    return np.where(labels[:, 0] == "word", shares[:, 0], shares[:, 1])


def chosen(model: hr.Model, frames: Any, ends: list[int]) -> float:
    """The threshold that hears most at no more than `ALARMS`; the highest where there is none."""
    shares = shares_of(model, frames)
    counts = [counted(alarms(shares, threshold), ends, len(frames)) for threshold in THRESHOLDS]
    allowed = [
        (hits, threshold)
        for (hits, false), threshold in zip(counts, THRESHOLDS, strict=True)
        if false <= ALARMS
    ]
    return float(max(allowed)[1] if allowed else THRESHOLDS[-1])


def heard(source: str) -> Iterator[Any]:
    """Frames of a sound file, or of 16-bit samples at 8 kHz as they come through stdin."""
    if source != "-":
        samples, rate = sound.read(source, Path(source).read_bytes())
        yield from mel.log_mel(sound.resample(samples, rate, fsdd.RATE), fsdd.RATE)
        return
    window = np.zeros(mel.WINDOW, np.float32)
    while len(content := sys.stdin.buffer.read(2 * mel.HOP)) == 2 * mel.HOP:
        window = np.concatenate([window[mel.HOP :], np.frombuffer(content, "<i2").astype(np.float32) / 32768])
        yield mel.log_mel(window, fsdd.RATE)[0]


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
    train, test = fsdd.read()
    train = train.take(np.arange(0, len(train), arguments.every))
    fifth = np.arange(len(train)) % 5 == 0
    parts = (train.take(np.flatnonzero(~fifth)), train.take(np.flatnonzero(fifth)), test)
    tracks = [track(part, rng) for part in parts]
    model, report = hr.fit([tracks[0][0]], [tracks[0][1]], every_step=True)
    print(report)
    threshold = chosen(model, tracks[1][0], tracks[1][2])
    frames, _, ends = tracks[2]
    hits, false = counted(alarms(shares_of(model, frames), threshold), ends, len(frames))
    minutes = len(frames) * FRAME / 60
    print(
        f"threshold {threshold:.2f}: {hits:.1%} of {len(ends)} words heard, {false:.1f} false alarms per hour",
        end="",
    )
    print(f", on {minutes:.1f} minutes of test recordings; {len(model.to_bytes()):,} bytes")
    if arguments.save:
        model.save(arguments.save)
    if arguments.listen:
        for number, share in listen(model, heard(arguments.listen), threshold):
            print(f"{number * FRAME:8.2f} s: the word, {share:.0%}", flush=True)


if __name__ == "__main__":
    main()
