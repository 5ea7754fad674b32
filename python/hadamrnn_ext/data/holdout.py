"""Which examples are trained on, and which are kept apart: a share of each class, or whole groups (people, devices)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, ShapeError
from .targets import Targets, is_missing

__all__ = ["SPLIT_SEED", "Parts", "groups_of", "of_people", "one_in", "parts", "split"]

#: Cuts the validation examples of the data sets; one for all runs, so that seeds can be compared.
SPLIT_SEED = 0

Index = NDArray[np.int64]


class Parts(NamedTuple):
    """Numbers of examples: those to train on, to validate by and to test on."""

    train: Index
    validation: Index
    test: Index


def parts(
    answers: Targets, groups: NDArray[np.int64] | None, test: float, validation: float, seed: int
) -> Parts:
    """All examples in three: the share `test` of all, and the share `validation` of the rest.

    Raises InputError where there are too few groups.
    """
    if test:
        kept, tested = split(answers, test, seed, groups)
    else:
        kept, tested = np.arange(len(answers.values)), np.zeros(0, np.int64)
    rest = Targets(answers.values[kept], answers.labels)
    inner, held = split(rest, validation, seed, None if groups is None else groups[kept])
    return Parts(kept[inner], kept[held], tested)


def one_in(share: int, count: int) -> tuple[Index, Index]:
    """Which of the `count` training examples of a data set are kept, and which, one in `share`, are for validation."""
    shuffled = np.random.RandomState(SPLIT_SEED).permutation(count)
    kept = count - count // share
    return shuffled[:kept], shuffled[kept:]


def of_people(people: NDArray[np.int64], count: int) -> tuple[Index, Index]:
    """As `one_in`; all examples of `count` of the people are for validation, since the test is of other people too."""
    held = np.isin(people, np.random.RandomState(SPLIT_SEED).permutation(np.unique(people))[:count])
    return np.flatnonzero(~held), np.flatnonzero(held)


def groups_of(groups: Any, count: int) -> NDArray[np.int64]:
    """The group of each of `count` sequences as a number from 0.

    Raises ShapeError: not one per sequence. InputError: one is missing, or there is one group alone.
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
    """Which examples are kept, and which are held out: of each class `share`, but never all of them.

    With `groups` whole groups are held out, as many as come closest to `share` of the examples.
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
    """Groups to hold out, tried in the order in which they come. Every class stays among the examples that are kept."""
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
    if not held:  # all are larger than what is asked for: the smallest one then
        spare = [group for group in order if (kept - members[group] > 0)[needed].all()]
        if not spare:
            raise InputError(
                f"none of {len(order)} groups can be held out: each is the only one, or the only one with some class; "
                "expected more groups, or no share to hold out"
            )
        held = [min(spare, key=lambda group: members[group].sum())]
    return held
