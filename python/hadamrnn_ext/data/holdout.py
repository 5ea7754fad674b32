"""Splits examples for training, validation and test: a share of each class, or whole groups such as people or devices."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, ShapeError
from .targets import Targets, is_missing

__all__ = ["SPLIT_SEED", "Parts", "groups_of", "of_people", "one_in", "parts", "split"]

#: The seed of the validation split of the data sets, which is the same for all runs, so that seeds can be compared.
SPLIT_SEED = 0

Index = NDArray[np.int64]


class Parts(NamedTuple):
    """The indices of the examples for training, for validation and for the test."""

    train: Index
    validation: Index
    test: Index


def parts(
    answers: Targets, groups: NDArray[np.int64] | None, test: float, validation: float, seed: int
) -> Parts:
    """Split all examples: the share `test` of all of them, and the share `validation` of the rest.

    Raises InputError if there are too few groups.
    """
    if test:
        kept, tested = split(answers, test, seed, groups)
    else:
        kept, tested = np.arange(len(answers.values)), np.zeros(0, np.int64)
    rest = Targets(answers.values[kept], answers.labels)
    inner, held = split(rest, validation, seed, None if groups is None else groups[kept])
    return Parts(kept[inner], kept[held], tested)


def one_in(share: int, count: int) -> tuple[Index, Index]:
    """Split the `count` training examples of a data set into training and validation, which gets one in `share`."""
    shuffled = np.random.RandomState(SPLIT_SEED).permutation(count)
    kept = count - count // share
    return shuffled[:kept], shuffled[kept:]


def of_people(people: NDArray[np.int64], count: int) -> tuple[Index, Index]:
    """As `one_in`, but validation gets all examples of `count` people, because the test is of other people as well."""
    held = np.isin(people, np.random.RandomState(SPLIT_SEED).permutation(np.unique(people))[:count])
    return np.flatnonzero(~held), np.flatnonzero(held)


def groups_of(groups: Any, count: int) -> NDArray[np.int64]:
    """The group of each of `count` sequences as a number from 0.

    Raises ShapeError unless there is one group per sequence, and InputError if one is missing or all are the same.
    """
    names = np.asarray(groups, object)
    if names.shape != (count,):
        raise ShapeError(f"groups has shape {names.shape}; expected one group for each of {count} sequences")
    for i, name in enumerate(names):
        if is_missing(name):
            raise InputError(f"groups[{i}] is {name!r}; expected the group of each sequence")
    numbers = {name: number for number, name in enumerate(sorted(set(map(str, names))))}
    if len(numbers) < 2:
        raise InputError(
            f"all sequences are of the group {next(iter(numbers))!r}; expected at least two groups"
        )
    return np.array([numbers[str(name)] for name in names], np.int64)


def split(
    answers: Targets, share: float, seed: int, groups: NDArray[np.int64] | None = None
) -> tuple[Index, Index]:
    """The indices of the examples that are kept and that are held out: `share` of each class, but never all of a class.

    With `groups`, whole groups are held out, such that their examples come closest to `share`.
    """
    if not 0 <= seed < 1 << 32:
        raise InputError(f"seed is {seed}; expected 0 to 2^32 - 1")
    shuffled = np.random.RandomState(seed).permutation(len(answers.values))
    classes = np.zeros(len(shuffled), np.int64) if answers.labels is None else answers.values[shuffled]
    if groups is not None and share > 0:
        held = np.isin(groups[shuffled], _held_groups(classes, groups[shuffled], share))
    else:
        held = np.zeros(len(shuffled), bool)
        for label in np.unique(classes):
            members = np.flatnonzero(classes == label)
            held[members[: min(round(share * len(members)), len(members) - 1)]] = True
    return shuffled[~held], shuffled[held]


def _held_groups(classes: Index, groups: Index, share: float) -> list[int]:
    """The groups to hold out, tried in order of appearance. Every class remains among the examples that are kept."""
    goal = share * len(groups)
    order = list(dict.fromkeys(groups.tolist()))
    members = {group: np.bincount(classes[groups == group], minlength=classes.max() + 1) for group in order}
    kept = np.bincount(classes)
    needed = kept > 0
    held: list[int] = []
    total = 0.0
    for group in order:
        size = members[group].sum()
        nearer = abs(total + size - goal) < abs(total - goal)
        if nearer and (kept - members[group] > 0)[needed].all():
            held, kept, total = [*held, group], kept - members[group], total + size
    if not held:  # all groups are larger than the goal, so the smallest one is held out
        spare = [group for group in order if (kept - members[group] > 0)[needed].all()]
        if not spare:
            raise InputError(
                f"none of {len(order)} groups can be held out: each is the only one, or the only one with some class; "
                "expected more groups, or no share to hold out"
            )
        held = [min(spare, key=lambda group: members[group].sum())]
    return held
