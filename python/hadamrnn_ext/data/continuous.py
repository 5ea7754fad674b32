"""Continuous speech: the recordings of FSDD joined to tracks with pauses and noise, and what is right at each frame.

A model of the task `digits-stream` answers at every frame: with the digit just after a word has been said, and with silence
otherwise. `events` makes words of its answers, and `counted` tells how well it found those of a track.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import audio
from ..file.preprocess import Normalization
from . import archive, fsdd, metrics
from .holdout import one_in
from .task import Index, Known, Task

__all__ = ["CLASSES", "IGNORED", "TASKS", "Found", "Track", "Word", "counted", "events", "track", "words"]

CLASSES = (*fsdd.CLASSES, "silence")
SILENCE = len(fsdd.CLASSES)
IGNORED = -100  # the class of frames at which any answer is right
#: Frames of 16 ms before and after the end of a word at which its digit is right, and around them those that do not count.
BEFORE, AFTER, UNSURE = 6, 14, 8
#: A frame belongs to speech if it has more than this share of the energy of the loudest one.
SPEECH = 1e-3
#: Seconds of the pauses between words, and of the one at the end of a track.
PAUSES, LAST_PAUSE = (0.3, 1.6), 1.0
#: Root mean squares of the noise of the tracks of the three splits, and the spread of the loudness of words in training, in
#: factors of e.
NOISES, LOUDNESS = ((0.0, 0.002, 0.005), (0.0, 0.003), (0.003,)), 0.4
#: Words of a track, and frames of the sequences that tracks are cut into.
WORDS, STEPS = 270, 192
#: Frames that an event lasts at least, and how long after the end of its word it may come.
LASTS, NEAR = 4, 40


class Word(NamedTuple):
    """A recording: samples (N,) at 8 kHz, the digit, and the sample at which its speech ends.

    Examples:
        >>> from hadamrnn_ext.data import continuous
        >>> word = continuous.Word(samples=np.zeros(4000, np.float32), digit=7, end=3200)
        >>> word.digit
        7
    """

    samples: NDArray[np.float32]
    digit: int
    end: int


class Track(NamedTuple):
    """Frames (T, 32), the right class of each (T,), and of each word its digit and the frame at which it ends.

    Examples:
        >>> from hadamrnn_ext.data import continuous
        >>> word = continuous.Word(np.float32(np.sin(np.arange(4000))), digit=7, end=4000)
        >>> track = continuous.track([word], np.random.default_rng(0), noise=0.003)
        >>> track.frames.shape, track.spoken
        ((164, 32), [(7, 101)])
    """

    frames: NDArray[np.float32]
    classes: NDArray[np.int64]
    spoken: list[tuple[int, int]]


class Found(NamedTuple):
    """The share of the words that were found and right, and the false alarms per minute.

    Examples:
        >>> from hadamrnn_ext.data import continuous
        >>> continuous.Found(right=0.96, false=1.5).right
        0.96
    """

    right: float
    false: float


def words(directory: str | Path | None = None) -> tuple[list[Word], list[Word]]:
    """The recordings of upstream's training and test split. Raises `DataError`.

    Examples:
        >>> from hadamrnn_ext.data import continuous
        >>> continuous.words("nowhere")
        Traceback (most recent call last):
            ...
        hadamrnn_ext.errors.DataError: the Free Spoken Digit Dataset is not in nowhere/fsdd, nowhere. ...
    """
    path = fsdd.DATASET.locate(directory) / fsdd.DATASET.files[0]
    known: tuple[list[Word], list[Word]] = [], []
    found = archive.read_tar(path, fsdd.NAME, max_bytes=fsdd.MAX_MEMBER, max_members=fsdd.MAX_MEMBERS)
    for name, content in sorted(found.items()):
        digit, _, index = name.removesuffix(".wav").split("/")[-1].split("_")
        samples = fsdd.samples(f"{path}: {name}", content)
        known[int(index) < fsdd.TEST_INDICES].append(Word(samples, int(digit), _end(samples)))
    return known


def _end(samples: NDArray[np.float32]) -> int:
    """The sample after the last frame that belongs to speech."""
    frames = samples[: len(samples) // audio.HOP * audio.HOP].reshape(-1, audio.HOP)
    energy = np.square(frames).sum(axis=1)
    loud = np.flatnonzero(energy > SPEECH * energy.max(initial=0.0))
    return (int(loud[-1]) + 1) * audio.HOP if len(loud) else len(samples)


def track(spoken: list[Word], rng: np.random.Generator, noise: float, loudness: float = 0.0) -> Track:
    """These words in a random order with pauses between, in white noise of this root mean square.

    loudness: standard deviation of the loudness of the words, in factors of e.

    Examples:
        >>> from hadamrnn_ext.data import continuous
        >>> word = continuous.Word(np.float32(np.sin(np.arange(4000))), digit=7, end=4000)
        >>> track = continuous.track([word, word], np.random.default_rng(0), noise=0.003)
        >>> [digit for digit, frame in track.spoken]
        [7, 7]
    """
    parts, ends, length = [], [], 0
    for i in rng.permutation(len(spoken)):
        word = spoken[i]
        pause = np.zeros(int(rng.uniform(*PAUSES) * fsdd.RATE), np.float32)
        parts += [pause, word.samples * np.float32(np.exp(loudness * rng.standard_normal()))]
        ends.append((word.digit, (length + len(pause) + word.end) // audio.HOP))
        length += len(pause) + len(word.samples)
    sound = np.concatenate([*parts, np.zeros(int(LAST_PAUSE * fsdd.RATE), np.float32)])
    sound += np.float32(noise) * rng.standard_normal(len(sound), np.float32)
    frames = audio.log_mel(sound, fsdd.RATE)
    classes = np.full(len(frames), SILENCE)
    for digit, end in ends:
        classes[max(end - BEFORE - UNSURE, 0) : end + AFTER + UNSURE] = IGNORED
        classes[max(end - BEFORE, 0) : end + AFTER] = digit
    return Track(frames, classes, ends)


def events(probabilities: NDArray[np.floating[Any]]) -> list[tuple[int, int]]:
    """The digits that a model says, each with the frame at which it is known: from probabilities (T, 11) of all frames.

    A word has been said when for some frames silence was not the most probable class, and is again: that digit whose
    probabilities over these frames have the largest sum.

    Examples:
        >>> from hadamrnn_ext.data import continuous
        >>> shares = np.full((60, 11), 0.01)
        >>> shares[:, 10] = 0.9
        >>> shares[20:30, 7], shares[20:30, 10] = 0.9, 0.01
        >>> continuous.events(shares)
        [(7, 30)]
    """
    found, begun = [], -1
    for t, silent in enumerate([*(probabilities.argmax(axis=1) == SILENCE), True]):
        if not silent and begun < 0:
            begun = t
        if silent and begun >= 0:
            if t - begun >= LASTS:
                found.append((int(probabilities[begun:t, :SILENCE].sum(axis=0).argmax()), t))
            begun = -1
    return found


def counted(found: list[tuple[int, int]], heard: Track) -> Found:
    """How many words of a track have an event of their digit soon after their end, and how many events are of no word.

    Examples:
        >>> from hadamrnn_ext.data import continuous
        >>> word = continuous.Word(np.float32(np.sin(np.arange(4000))), digit=7, end=4000)
        >>> track = continuous.track([word], np.random.default_rng(0), noise=0.003)
        >>> end = track.spoken[0][1]
        >>> continuous.counted([(7, end + 4)], track)
        Found(right=1.0, false=0.0)
    """
    left = list(found)
    right = 0
    for digit, end in heard.spoken:
        near = [one for one in left if one[0] == digit and end - BEFORE <= one[1] <= end + NEAR]
        if near:
            right += 1
            left.remove(near[0])
    minutes = len(heard.frames) * audio.HOP / fsdd.RATE / 60
    return Found(right / max(len(heard.spoken), 1), len(left) / minutes)


@dataclass(frozen=True)
class _Tracks:
    """Tracks of words, each as often as there are noises; those of a split are the same for everybody, by its number."""

    words: list[Word]
    noises: tuple[float, ...]
    loudness: float
    seed: int

    @cached_property
    def pieces(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Sequences (N, 192, 32) and their classes (N, 192), made when they are first asked for."""
        rng = np.random.default_rng(self.seed)
        inputs, classes = [], []
        for noise in self.noises:
            for start in range(0, len(self.words), WORDS):
                one = track(self.words[start : start + WORDS], rng, noise, self.loudness)
                count = len(one.frames) // STEPS
                inputs.append(one.frames[: count * STEPS].reshape(count, STEPS, audio.BANDS))
                classes.append(one.classes[: count * STEPS].reshape(count, STEPS))
        return np.concatenate(inputs), np.concatenate(classes)


@dataclass(frozen=True)
class _Pieces:
    """A split: some of the sequences of tracks."""

    tracks: _Tracks
    normalization: Normalization | None
    chosen: Index = field(default_factory=lambda: slice(None))

    def _rows(self, index: Index = slice(None)) -> NDArray[np.int64]:
        rows: NDArray[np.int64] = np.arange(len(self.tracks.pieces[1]))[self.chosen][index]
        return rows

    def __len__(self) -> int:
        return len(self._rows())

    def take(self, index: Index) -> _Pieces:
        return replace(self, chosen=self._rows(index))

    def raw(self, index: Index) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        rows = self._rows(index)
        inputs, classes = self.tracks.pieces
        return inputs[rows], classes[rows]

    def batch(self, index: Index) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        inputs, classes = self.raw(index)
        return (inputs if self.normalization is None else self.normalization.apply(inputs)), classes


def _of_frames(logits: NDArray[np.float32], classes: NDArray[np.integer]) -> metrics.Scores:
    """The mean `loss` of the frames of each sequence that count, and the share of these `frames` that are right."""
    counts = classes != IGNORED
    found = metrics.classification(logits[counts], classes[counts])
    rows = np.repeat(np.arange(len(counts)), counts.sum(axis=1))
    loss, right = (
        np.bincount(rows, found[name], len(counts)) / counts.sum(axis=1) for name in ("loss", "accuracy")
    )
    return {"loss": loss, "frames": right}


def task(name: str, directory: str | Path | None, verify: bool) -> Task:
    """Which digit has just been spoken, at every frame of continuous speech. Normalized as in `digits`."""
    alone = fsdd.task("digits", directory, verify)
    known, tested = words(directory)
    chosen, held = ([known[i] for i in part] for part in one_in(fsdd.VALIDATION_SHARE, len(known)))
    spread = (LOUDNESS, 0.0, 0.0)
    train, validation, test = (
        _Pieces(_Tracks(spoken, NOISES[i], spread[i], i), alone.preprocess.normalization)
        for i, spoken in enumerate((chosen, held, tested))
    )
    return Task(
        name,
        train,
        validation,
        test,
        input="features",
        input_size=audio.BANDS,
        output="all",
        output_size=len(CLASSES),
        length=STEPS,
        scores=_of_frames,
        chosen_by="loss",
        preprocess=alone.preprocess,
        labels=CLASSES,
    )


TASKS = {"digits-stream": Known(task, fsdd.DATASET)}
