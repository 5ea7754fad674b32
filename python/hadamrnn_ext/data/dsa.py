"""UCI Daily and Sports Activities (Altun, Barshan, Tuncel 2010): 19 activities of 8 people, 5 seconds at 25 Hz.

A step has 45 channels: x, y and z of the acceleration, the angular velocity and the magnetic field at five places (torso,
arms and legs).
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ..errors import DataError
from . import archive, frames
from .dataset import Dataset
from .holdout import of_people
from .parsed import Arrays, parsed_file
from .task import Known, Stacked, Task

__all__ = [
    "ACTIVITIES",
    "CHANNELS",
    "DATASET",
    "PEOPLE",
    "SEGMENTS",
    "STEPS",
    "TASKS",
    "members",
    "read",
]

DATASET = Dataset(
    "dsa",
    "UCI Daily and Sports Activities",
    "dsa",
    ("daily+and+sports+activities.zip",),
    "from https://archive.ics.uci.edu/dataset/256",
)
STEPS, CHANNELS = 125, 45
PEOPLE, SEGMENTS = 8, 60  # each of the people did each activity for 60 segments
ACTIVITIES = (
    *("sitting", "standing", "lying on back", "lying on right side", "ascending stairs", "descending stairs"),
    *("standing in an elevator", "moving around in an elevator", "walking in a parking lot"),
    *("walking on a flat treadmill", "walking on an inclined treadmill", "running on a treadmill"),
    *(
        "exercising on a stepper",
        "exercising on a cross trainer",
        "cycling horizontally",
        "cycling vertically",
    ),
    *("rowing", "jumping", "playing basketball"),
)
VALIDATION_PEOPLE = 1  # of the 4 of the training data
MAX_MEMBER = 1 << 20  # bytes; a segment has 50 thousand


def read(directory: str | Path | None = None, *, verify: bool = True) -> tuple[Stacked, Stacked]:
    """Training segments of people 1 to 4 and test segments of people 5 to 8: the set has no split of its own.

    They have 125 steps in the units of the set, and activities 0..18.

    There is no checksum to `verify`, but all 9,120 segments must be there and of their size. The first time takes
    some seconds, see `parsed`. Raises `DataError`.
    """
    signals = parsed_file("dsa-1", DATASET, directory, _parse)["signals"]
    numbers = [[int(number) for number in re.findall(r"\d+", name)] for name in members()]
    activities, people, _ = np.array(numbers, np.int64).T
    segments = Stacked(signals, activities - 1, people)
    known = people <= PEOPLE // 2
    return segments.take(np.flatnonzero(known)), segments.take(np.flatnonzero(~known))


def members() -> list[str]:
    """The names of all segments in the archive, ordered by activity, person and number."""
    return [
        f"data/a{activity + 1:02}/p{person + 1}/s{segment + 1:02}.txt"
        for activity in range(len(ACTIVITIES))
        for person in range(PEOPLE)
        for segment in range(SEGMENTS)
    ]


def _parse(path: Path) -> Arrays:
    signals = []
    for name, content in archive.read_zip(path, members(), max_bytes=MAX_MEMBER).items():
        signals.append(archive.table(f"{path}: {name}", content, ","))
        if signals[-1].shape != (STEPS, CHANNELS):
            raise DataError(f"{path}: {name} is {signals[-1].shape}, expected ({STEPS}, {CHANNELS})")
    return {"signals": np.stack(signals)}


def task(name: str, directory: str | Path | None, verify: bool) -> Task:
    """The activity in a segment."""
    known, test = read(directory, verify=verify)
    assert known.people is not None
    return frames.task(name, known, of_people(known.people, VALIDATION_PEOPLE), test, ACTIVITIES)


TASKS = {"dsa19": Known(task, DATASET)}
