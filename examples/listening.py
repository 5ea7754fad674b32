"""What the examples that listen share: tracks of sounds with pauses between, alarms, and how they are counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

import hadamrnn_ext as hr
from hadamrnn_ext import audio

#: Frames around the end of a word that are to be called it, and in which an alarm is a hit; frames between two alarms.
BEFORE, AFTER, QUIET = 6, 12, 30
THRESHOLDS = np.concatenate([np.linspace(0.05, 0.95, 19), 1 - np.logspace(-1.5, -5, 15)])


class Track(NamedTuple):
    """Frames (T, 32), the label of each (T,), "word" or "other", and the frames at which the word has just been said."""

    frames: Any
    labels: Any
    ends: list[int]

    def seconds(self, rate: int) -> float:
        return len(self.frames) * audio.HOP / rate


def labelled(frames: Any, ends: Iterable[int]) -> Track:
    """The track of these frames, in which the word ends at some."""
    said, ends = np.zeros(len(frames), bool), list(ends)
    for end in ends:
        said[max(0, end - BEFORE) : end + AFTER] = True
    return Track(frames, np.where(said, "word", "other"), ends)


def shares_of(model: hr.Model, frames: Any) -> Any:
    """The probability of the word at every frame, by a model that answers at every step."""
    return share_of_word(*model.classify(frames, top=2))


def share_of_word(labels: Any, shares: Any) -> Any:
    """The probability of the word (N,), of both classes (N, 2) and their probabilities."""
    return np.where(labels[:, 0] == "word", shares[:, 0], shares[:, 1])


def alarms(shares: Any, threshold: float) -> list[int]:
    """The frames at which the probability exceeds the threshold, each some frames after the one before."""
    found: list[int] = []
    for number in np.flatnonzero(shares > threshold):
        if not found or number >= found[-1] + QUIET:
            found.append(int(number))
    return found


def counted(found: list[int], ends: list[int], hours: float) -> tuple[float, float]:
    """The share of words that were heard, and false alarms per hour."""
    right = [any(end - 2 * AFTER <= at <= end + 2 * AFTER for at in found) for end in ends]
    false = [at for at in found if not any(end - 2 * AFTER <= at <= end + 2 * AFTER for end in ends)]
    return float(np.mean(right)), len(false) / hours


def scores(shares: Any, track: Track, rate: int) -> list[tuple[float, float, float]]:
    """For every threshold: the share of words that are heard, false alarms per hour, and the threshold."""
    hours = track.seconds(rate) / 3600
    return [(*counted(alarms(shares, at), track.ends, hours), float(at)) for at in THRESHOLDS]


def chosen(shares: Any, track: Track, rate: int, allowed: float) -> float:
    """The threshold that hears most words at no more than so many false alarms per hour; the highest where there is none."""
    within = [(hits, at) for hits, false, at in scores(shares, track, rate) if false <= allowed]
    return max(within)[1] if within else float(THRESHOLDS[-1])
