"""UCI HAR, human activity recognition with smartphones (Anguita et al., ESANN 2013): the raw inertial signals.

30 people do 6 activities, in windows of 128 steps at 50 Hz that overlap by half. A step has 9 channels: x, y and z of the
acceleration of the body, of the angular velocity (rad/s), and of the acceleration with gravity (both in g). The test
windows are of other people.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import DataError
from . import archive, frames
from .dataset import Dataset
from .holdout import of_people
from .parsed import Arrays, parsed_file
from .task import Known, Stacked, Task

__all__ = ["ACTIVITIES", "CHANNELS", "DATASET", "SHA256", "STEPS", "TASKS", "read"]

DATASET = Dataset(
    "har",
    "UCI HAR",
    "uci-har",
    ("UCI HAR Dataset.zip",),
    "from https://archive.ics.uci.edu/dataset/240 (the download is a zip that holds this one)",
)
#: Over the 22 members that are read, see `archive.digest`.
SHA256 = "f245830a08c8674fbac3f89eecd8a95efc7506fa53ff7b8dde9644de0497f8b3"
STEPS = 128
CHANNELS = tuple(f"{signal}_{axis}" for signal in ("body_acc", "body_gyro", "total_acc") for axis in "xyz")
ACTIVITIES = ("walking", "walking upstairs", "walking downstairs", "sitting", "standing", "laying")
#: Class 1 of the two of `har2`, as FastGRNN's HAR-2 has it (Kusupati et al. 2018).
SECOND_CLASS = ("sitting", "laying", "walking upstairs")
VALIDATION_PEOPLE = 2  # of the 21 of the training data
MAX_MEMBER = 32 << 20  # bytes; the largest has 15 million


def read(directory: str | Path | None = None, *, verify: bool = True) -> tuple[Stacked, Stacked]:
    """The training and the test windows, in the order of the files: 128 steps in units of g and rad/s, activities 0..5. `verify` compares the checksum.

    The first time takes some seconds, see `parsed`. Raises `DataError`.
    """
    checked = ("the signals and labels", SHA256) if verify else None
    arrays = parsed_file("har-1", DATASET, directory, _parse, checked=checked)
    train, test = (
        Stacked(arrays[f"{split}_signals"], arrays[f"{split}_activities"], arrays[f"{split}_people"])
        for split in ("train", "test")
    )
    return train, test


def _parse(path: Path) -> Arrays:
    members = {split: _members(split) for split in ("train", "test")}
    contents = archive.read_zip(
        path, [name for names in members.values() for name in names], max_bytes=MAX_MEMBER
    )
    arrays: Arrays = {"sha256": np.array(archive.digest(contents.values()))}
    for split, names in members.items():
        *signals, activities, people = (archive.table(f"{path}: {name}", contents[name]) for name in names)
        for name, array in zip(names, signals, strict=False):
            if array.shape != (len(activities), STEPS):
                raise DataError(f"{path}: {name} is {array.shape}, expected ({len(activities)}, {STEPS})")
        if activities.shape != people.shape or activities.shape[1:] != (1,):
            raise DataError(f"{path}: {names[-2]} is {activities.shape} and {names[-1]} {people.shape}")
        if not np.isin(activities, range(1, len(ACTIVITIES) + 1)).all():
            raise DataError(f"{path}: {names[-2]} has other activities than 1 to {len(ACTIVITIES)}")
        arrays[f"{split}_signals"] = np.stack(signals, axis=-1)
        arrays[f"{split}_activities"] = activities[:, 0].astype(np.int64) - 1
        arrays[f"{split}_people"] = people[:, 0].astype(np.int64)
    return arrays


def _members(split: str) -> list[str]:
    """The nine signals, then the activities and the people."""
    names = [f"Inertial Signals/{channel}" for channel in CHANNELS] + ["y", "subject"]
    return [f"UCI HAR Dataset/{split}/{name}_{split}.txt" for name in names]


def task(name: str, directory: str | Path | None, verify: bool) -> Task:
    """The activity in a window: all six in `har6`, the two classes of FastGRNN in `har2`."""
    known, test = read(directory, verify=verify)
    assert known.people is not None
    cut = of_people(known.people, VALIDATION_PEOPLE)
    labels: tuple[str, ...] = ACTIVITIES
    if name == "har2":
        meaning = np.isin(labels, SECOND_CLASS).astype(np.int64)
        known, test = (replace(part, classes=meaning[part.classes]) for part in (known, test))
        first = (activity for activity in labels if activity not in SECOND_CLASS)
        labels = (" or ".join(first), " or ".join(SECOND_CLASS))
    return frames.task(name, known, cut, test, labels)


TASKS = {"har2": Known(task, DATASET), "har6": Known(task, DATASET)}
