"""Daily and Sports Activities: made files in its format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hadamrnn_ext.data import dsa, tasks
from hadamrnn_ext.errors import DataError

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
def dsa_dir(tmp_path, monkeypatch, put_zip) -> Path:
    monkeypatch.setattr(dsa, "SEGMENTS", 1)
    contents = {}
    for i, name in enumerate(dsa.members()):
        row = ",".join(f"{i + channel / 100:.4f}" for channel in range(45))
        contents[name] = f"{row}\n".encode() * 125
    put_zip(tmp_path / "dsa" / "daily+and+sports+activities.zip", contents)
    return tmp_path


def test_dsa_tests_on_the_second_four_people(dsa_dir):
    train, test = dsa.read(dsa_dir)
    assert train.inputs.shape == test.inputs.shape == (19 * 4, 125, 45)
    assert sorted(set(train.people.tolist())) == [1, 2, 3, 4]
    assert sorted(set(test.people.tolist())) == [5, 6, 7, 8]
    at = dsa.members().index("data/a03/p6/s01.txt")
    mine = (test.classes == 2) & (test.people == 6)
    np.testing.assert_allclose(test.inputs[mine][0, 7], at + np.arange(45) / 100, rtol=1e-6)
    task = tasks.load("dsa19", dsa_dir)
    assert (len(task.train), len(task.validation), len(task.test)) == (57, 19, 76)
    assert (task.input_size, task.length, task.output_size) == (45, 125, 19)


def test_dsa_refuses_missing_and_short_segments(dsa_dir, put_zip):
    path = dsa_dir / "dsa" / "daily+and+sports+activities.zip"
    contents = dict.fromkeys(dsa.members(), b"1,2\n")
    put_zip(path, contents)
    with pytest.raises(DataError, match=r"a01/p1/s01.txt is \(1, 2\), expected \(125, 45\)"):
        dsa.read(dsa_dir)
    del contents[dsa.members()[-1]]
    put_zip(path, contents)
    with pytest.raises(DataError, match="lacks 1 of 152 members"):
        dsa.read(dsa_dir)
