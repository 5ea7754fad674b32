"""Data sets of series with classes: those that come with aeon, and UCI HAR and spoken digits if they are present."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hadamrnn_ext.data import fsdd, har
from hadamrnn_ext.errors import DataError

__all__ = ["DataSet", "Part", "data_sets"]

#: Names of the loaders in aeon; the data come with the package.
LOADERS = {
    "ArrowHead": "load_arrow_head",
    "BasicMotions": "load_basic_motions",
    "GunPoint": "load_gunpoint",
    "ItalyPowerDemand": "load_italy_power_demand",
    "JapaneseVowels": "load_japanese_vowels",
    "OSULeaf": "load_osuleaf",
    "PickupGestureWiimoteZ": "load_pickup_gesture_wiimoteZ",
}


@dataclass(frozen=True)
class Part:
    """N series (T_i, d), their classes, and, where known, the person each one is of."""

    x: list[NDArray[np.float32]]
    y: NDArray[Any]
    groups: NDArray[np.int64] | None = None

    def padded(self, steps: int | None = None) -> NDArray[np.float32]:
        """The series as one array (N, T, d), in which shorter series repeat their last value."""
        most = steps or max(map(len, self.x))
        return np.stack(
            [np.pad(one[:most], ((0, max(0, most - len(one))), (0, 0)), "edge") for one in self.x]
        )


@dataclass(frozen=True)
class DataSet:
    name: str
    train: Part
    test: Part


def data_sets(names: list[str] | None = None) -> Iterator[DataSet]:
    """The data sets of these names, or all of them. Raises ImportError without aeon."""
    loaders = importlib.import_module("aeon.datasets")
    for name, loader in LOADERS.items():
        if names is None or name in names:
            load = getattr(loaders, loader)
            yield DataSet(name, *(_part(*load(split=split)) for split in ("train", "test")))
    for name, local in (("HAR-6", _har), ("FSDD", _fsdd)):
        if names is None or name in names:
            try:
                yield local()
            except DataError as missing:
                print(f"left out: {missing}")


def _part(x: Any, y: Any) -> Part:
    """Converts series of aeon, whose first axis is the channels."""
    return Part([np.ascontiguousarray(np.asarray(one, np.float32).T) for one in x], np.asarray(y))


def _har() -> DataSet:
    train, test = (
        Part(list(part.inputs), np.array(har.ACTIVITIES)[part.classes], part.people) for part in har.read()
    )
    return DataSet("HAR-6", train, test)


def _fsdd() -> DataSet:
    train, test = (Part(list(part.inputs), np.array(fsdd.CLASSES)[part.classes]) for part in fsdd.read())
    return DataSet("FSDD", train, test)
