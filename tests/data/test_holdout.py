"""Splits: shares of classes, or whole groups, so that people who are tested are not people who were trained on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadamrnn_ext.data import custom, holdout
from hadamrnn_ext.data.examples import Examples
from hadamrnn_ext.data.targets import Targets, targets
from hadamrnn_ext.errors import InputError, ShapeError


def people(rng, count=200, each=21):
    groups = rng.integers(each, size=count)
    return rng.normal(size=(count, 5, 2)), rng.integers(3, size=count), groups


def test_no_group_is_in_two_splits(rng):
    x, y, groups = people(rng)
    names = np.array([f"person {g}" for g in groups])
    task = custom.task(
        Examples(x, y, groups=names), None, custom.Options(held_out=0.2, normalize=False), seed=3
    )
    found = [
        {
            int(
                groups[
                    np.flatnonzero(x[:, 0, 0].astype(np.float32) == part.raw(slice(i, i + 1))[0][0, 0, 0])[0]
                ]
            )
            for i in range(len(part))
        }
        for part in (task.train, task.validation, task.test)
    ]
    assert sum(map(len, found)) == len(set.union(*found)) == 21
    assert 0.1 < len(task.test) / 200 < 0.3
    assert 0.08 < len(task.validation) / 160 < 0.25
    assert (
        task.note
        == f"split by group: {len(found[0])} to train, {len(found[1])} to validate, {len(found[2])} to test"
    )
    again = custom.task(
        Examples(x, y, groups=list(names)), None, custom.Options(held_out=0.2, normalize=False), seed=3
    )
    assert np.array_equal(again.test.raw(slice(None))[0], task.test.raw(slice(None))[0])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=6, max_size=40), st.integers(0, 20))
def test_held_groups_leave_every_class_to_train_on(pairs, seed):
    groups, classes = map(np.array, zip(*pairs, strict=True))
    answers = Targets(classes.astype(np.int64), ("a", "b", "c"))
    spare = [g for g in {*groups.tolist()} if {*classes[groups != g].tolist()} == {*classes.tolist()}]
    if not spare:
        with pytest.raises(InputError, match="groups can be held out"):
            holdout.split(answers, 0.3, seed, groups.astype(np.int64))
        return
    kept, held = holdout.split(answers, 0.3, seed, groups.astype(np.int64))
    assert sorted([*kept, *held]) == list(range(len(pairs)))
    assert len(held)
    assert not {*groups[kept].tolist()} & {*groups[held].tolist()}
    assert {*classes[kept].tolist()} == {*classes.tolist()}


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        (["a"] * 6, InputError, "all sequences are of the group 'a'; expected at least two"),
        (["a", "b"], ShapeError, r"groups has shape \(2,\); expected one group for each of 6"),
        (["a", None, "b", "b", "a", "a"], InputError, r"groups\[1\] is None"),
        (["a", "b", "a", "b", "a", "b"], InputError, "2 groups can be held out"),
    ],
)
def test_groups_that_cannot_be_held_out(groups, error, message):
    with pytest.raises(error, match=message):
        custom.task(Examples(np.ones((6, 3)), [0, 1] * 3, groups=groups), None, custom.Options())


def test_without_shares_nothing_is_held_out_and_the_order_stays(rng):
    x, y, groups = people(rng, 30, 3)
    task = custom.task(Examples(x, y, groups=groups), None, custom.Options(validation=0))
    assert (len(task.train), len(task.test)) == (30, 0)
    parts = holdout.parts(targets(y, 30), None, 0.0, 0.0, 0)
    assert sorted(parts.train) == list(range(30))
