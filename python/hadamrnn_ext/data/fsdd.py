"""Free Spoken Digit Dataset (Jackson et al.): 3,000 recordings of ten digits by six speakers, 8 kHz."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..audio import log_mel
from ..errors import DataError
from . import archive, frames, wav
from .dataset import Dataset
from .holdout import one_in
from .parsed import Arrays, parsed_file
from .task import Known, Stacked, Task

__all__ = ["CLASSES", "DATASET", "RATE", "SHA256", "STEPS", "TASKS", "read", "samples"]

DATASET = Dataset(
    "digits",
    "the Free Spoken Digit Dataset",
    "fsdd",
    ("recordings.tar.gz",),
    "the folder recordings of https://github.com/Jakobovski/free-spoken-digit-dataset, packed by tar",
)
#: The `archive.digest` of the 3,000 recordings in the order of their names.
SHA256 = "07a3d0db1ef6f7f78ecdc0b81bf5c36295990a4200dd9e9c016e85d6f0e4789a"
CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RATE = 8000  # samples per second
NAME = r"(?:\./)?recordings/(\d)_([a-z]+)_(\d+)\.wav"
#: Of each speaker and digit, the recordings with an index below this are upstream's test split.
TEST_INDICES = 5
#: The frames of a sequence; 99 % of the recordings have no more.
STEPS = 64
VALIDATION_SHARE = 10  # one in so many training recordings
MAX_MEMBER = 1 << 20  # bytes; the longest recording has 37 thousand
MAX_MEMBERS = 20_000


def read(directory: str | Path | None = None, *, verify: bool = True) -> tuple[Stacked, Stacked]:
    """The training and the test recordings of upstream's split, in the order of their names, as log-mel frames.

    They are (N, 64, 32), see `audio.log_mel`: the last 64 frames of a recording, with silence before a shorter one.

    `verify` compares the checksum. The first call takes some seconds, see `parsed`. Raises `DataError`.
    """
    checked = ("the recordings", SHA256) if verify else None
    arrays = parsed_file("fsdd-2", DATASET, directory, _parse, checked=checked)
    test = arrays["indices"] < TEST_INDICES
    every = Stacked(arrays["frames"], arrays["digits"])
    return every.take(np.flatnonzero(~test)), every.take(np.flatnonzero(test))


def samples(name: str, content: bytes) -> NDArray[np.float32]:
    """The samples (N,), from -1 to 1, of a WAV file of one channel, 16 bits and 8 kHz. Raises `DataError`."""
    sound, rate, width = wav.parse(name, content)
    if (form := (sound.shape[1], width, rate)) != (1, 2, RATE):
        raise DataError(f"{name}: (channels, bytes, rate) are {form}, expected {(1, 2, RATE)}")
    return sound[:, 0].astype(np.float32)


def _parse(path: Path) -> Arrays:
    found = archive.read_tar(path, NAME, max_bytes=MAX_MEMBER, max_members=MAX_MEMBERS)
    if not found:
        raise DataError(f"{path}: holds no recordings/DIGIT_SPEAKER_INDEX.wav")
    parts = [match.groups() for name in found if (match := re.fullmatch(NAME, name))]
    frames = [log_mel(samples(f"{path}: {name}", content), RATE, STEPS) for name, content in found.items()]
    return {
        "sha256": np.array(archive.digest(found.values())),
        "frames": np.stack(frames),
        "digits": np.array([int(digit) for digit, _, _ in parts]),
        "indices": np.array([int(index) for _, _, index in parts]),
    }


def task(name: str, directory: str | Path | None, verify: bool) -> Task:
    """Which digit is spoken."""
    known, test = read(directory, verify=verify)
    return frames.task(name, known, one_in(VALIDATION_SHARE, len(known)), test, CLASSES, silence=True)


TASKS = {"digits": Known(task, DATASET)}
