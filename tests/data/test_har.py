"""UCI HAR: made files in its format; and what is parsed is kept."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from hadamrnn_ext.data import folders, har, tasks
from hadamrnn_ext.errors import DataError

pytestmark = pytest.mark.usefixtures("elsewhere")


def har_contents(people: dict[str, list[int]]) -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    contents = {}
    for split, subjects in people.items():
        for name in har.CHANNELS:
            rows = [
                "".join(f"{value:16.7e}" for value in row) for row in rng.normal(size=(len(subjects), 128))
            ]
            contents[f"UCI HAR Dataset/{split}/Inertial Signals/{name}_{split}.txt"] = (
                "\r\n".join(rows).encode() + b"\r\n"
            )
        labels = "".join(f"{1 + i % 6} \n" for i in range(len(subjects)))
        contents[f"UCI HAR Dataset/{split}/y_{split}.txt"] = labels.encode()
        contents[f"UCI HAR Dataset/{split}/subject_{split}.txt"] = "".join(
            f"{i}\n" for i in subjects
        ).encode()
    return contents


@pytest.fixture
def har_dir(tmp_path, put_zip) -> tuple[Path, dict[str, bytes]]:
    contents = har_contents(
        {"train": [p for p in range(1, 8) for _ in range(6)], "test": [20] * 6 + [21] * 6}
    )
    put_zip(tmp_path / "uci-har" / "UCI HAR Dataset.zip", contents)
    return tmp_path, contents


def test_har_is_nine_channels_a_step(har_dir):
    directory, contents = har_dir
    train, test = har.read(directory, verify=False)
    assert train.inputs.shape == (42, 128, 9)
    assert test.inputs.shape == (12, 128, 9)
    for channel, name in ((3, "body_gyro_x"), (8, "total_acc_z")):
        text = contents[f"UCI HAR Dataset/test/Inertial Signals/{name}_test.txt"]
        np.testing.assert_allclose(test.inputs[:, :, channel], np.loadtxt(io.BytesIO(text)), rtol=1e-6)
    assert test.classes.tolist() == [0, 1, 2, 3, 4, 5] * 2
    assert test.people.tolist() == [20] * 6 + [21] * 6


def test_har_tasks_validate_on_people_of_their_own_and_name_their_classes(har_dir):
    directory, _ = har_dir
    six, two = (tasks.load(name, directory, verify=False) for name in ("har6", "har2"))
    assert (len(six.train), len(six.validation), len(six.test)) == (30, 12, 12)  # 2 of 7 people
    assert six.labels == har.ACTIVITIES
    assert (six.output_size, two.output_size) == (6, 1)
    classes = two.test.raw(slice(6))[1]
    # walking, upstairs, downstairs, sitting, standing, laying
    assert classes.tolist() == [0, 1, 0, 1, 0, 1]
    assert "walking upstairs" in two.labels[1]
    x = six.train.batch(slice(None))[0]
    np.testing.assert_allclose(x.mean((0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(x.std((0, 1)), 1, rtol=1e-4)
    raw = six.test.raw(slice(None))[0]
    np.testing.assert_array_equal(six.test.batch(slice(None))[0], six.preprocess.normalization.apply(raw))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace(b"e", b"x"), "no table of numbers"),
        (lambda text: text.replace(b"\r\n", b" ", 1), "no table of numbers"),
        (lambda text: text[: text.index(b"\r\n") - 16] + b"\r\n", r"is \(1, 127\), expected \(12, 128\)"),
        (lambda text: b"nan " * 128 + text[text.index(b"\r\n") :], "not finite"),
    ],
)
def test_har_refuses_signals_that_make_no_windows(har_dir, change, message, put_zip):
    directory, contents = har_dir
    name = "UCI HAR Dataset/test/Inertial Signals/body_acc_y_test.txt"
    put_zip(directory / "uci-har" / "UCI HAR Dataset.zip", {**contents, name: change(contents[name])})
    with pytest.raises(DataError, match=message):
        har.read(directory, verify=False)


def test_har_refuses_other_labels_and_other_content(har_dir, put_zip):
    directory, contents = har_dir
    with pytest.raises(DataError, match=f"expected {har.SHA256}"):
        har.read(directory)
    put_zip(
        directory / "uci-har" / "UCI HAR Dataset.zip",
        {**contents, "UCI HAR Dataset/test/y_test.txt": b"7\n" * 12},
    )
    with pytest.raises(DataError, match="other activities than 1 to 6"):
        har.read(directory, verify=False)


def test_what_was_parsed_is_kept_until_the_file_changes(har_dir, elsewhere, monkeypatch, put_zip):
    directory, contents = har_dir
    first, _ = har.read(directory, verify=False)
    (kept,) = (elsewhere / "parsed").iterdir()
    monkeypatch.setattr(har, "_parse", lambda path: pytest.fail("parsed again"))
    again, _ = har.read(directory, verify=False)
    np.testing.assert_array_equal(first.inputs, again.inputs)
    with pytest.raises(DataError, match="sha256"):  # kept arrays are verified as parsed ones are
        har.read(directory)
    monkeypatch.undo()
    monkeypatch.setattr(folders, "cache", lambda: elsewhere)
    content = kept.read_bytes()
    kept.write_bytes(content[: len(content) // 2])
    again, _ = har.read(directory, verify=False)
    np.testing.assert_array_equal(first.inputs, again.inputs)
    put_zip(
        directory / "uci-har" / "UCI HAR Dataset.zip",
        {**contents, "UCI HAR Dataset/test/y_test.txt": b"6\n" * 12},
    )
    assert har.read(directory, verify=False)[1].classes.tolist() == [5] * 12
