"""What the examples that listen share: tracks of sounds with pauses between, alarms, and how they are counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from hadamrnn_ext import audio

#: Frames around the end of a word that are to be called it, and in which an alarm is a hit; frames between two alarms.
BEFORE, AFTER, QUIET = 6, 12, 30
#: Log-odds of the word above which there may be an alarm.
THRESHOLDS = np.arange(-5.0, 20.0, 0.1)


class Track(NamedTuple):
    """Frames (T, 32), the label of each (T,), "word" or "other", and the frames at which the word has just been said."""

    frames: Any
    labels: Any
    ends: list[int]

    def seconds(self, rate: int) -> float:
        return len(self.frames) * audio.HOP / rate


def labelled(frames: Any, ends: Iterable[int], before: int = BEFORE) -> Track:
    """The track of these frames, in which the word ends at some; so many frames `before` are called it already."""
    said, ends = np.zeros(len(frames), bool), list(ends)
    for end in ends:
        said[max(0, end - before) : end + AFTER] = True
    return Track(frames, np.where(said, "word", "other"), ends)


def odds_of(logits: Any) -> Any:
    """The log-odds of the word (..), of logits (.., 2) of "other" and "word", or (.., 1) of "word" alone."""
    return logits[..., -1] - (logits[..., 0] if logits.shape[-1] == 2 else 0)


def alarms(odds: Any, threshold: float) -> list[int]:
    """The frames at which the log-odds exceed the threshold, each some frames after the one before."""
    found: list[int] = []
    for number in np.flatnonzero(odds > threshold):
        if not found or number >= found[-1] + QUIET:
            found.append(int(number))
    return found


def counted(found: list[int], ends: list[int], hours: float) -> tuple[float, float]:
    """The share of words that were heard, and false alarms per hour."""
    right = [any(end - 2 * AFTER <= at <= end + 2 * AFTER for at in found) for end in ends]
    false = [at for at in found if not any(end - 2 * AFTER <= at <= end + 2 * AFTER for end in ends)]
    return float(np.mean(right)), len(false) / hours


def scores(odds: Any, track: Track, rate: int) -> list[tuple[float, float, float]]:
    """For every threshold: the share of words that are heard, false alarms per hour, and the threshold."""
    hours = track.seconds(rate) / 3600
    return [(*counted(alarms(odds, at), track.ends, hours), float(at)) for at in THRESHOLDS]


def chosen(odds: Any, track: Track, rate: int, allowed: float) -> float:
    """The threshold that hears most words at no more than so many false alarms per hour: the middle one where several hear as
    many. The highest one where each gives more."""
    within = [(hits, at) for hits, false, at in scores(odds, track, rate) if false <= allowed]
    most = max((hits for hits, _ in within), default=0.0)
    return float(np.median([at for hits, at in within if hits == most])) if within else float(THRESHOLDS[-1])
