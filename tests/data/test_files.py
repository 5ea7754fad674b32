"""Files of own data: what is in them comes out, what is none is named, and what is dangerous does not run."""

from __future__ import annotations

import numpy as np
import pytest

from hadamrnn_ext.data import files
from hadamrnn_ext.errors import DataError


class Harmful:
    def __reduce__(self):
        return print, ("this has run",)


def parse(text, **columns):
    found = files.parsed("some.csv", text, files.Columns(**columns))
    return found.x, found.y


def same(x, expected):
    assert len(x) == len(expected)
    for met, wanted in zip(x, expected, strict=True):
        np.testing.assert_array_equal(met, wanted)


def test_a_series_a_row_with_and_without_a_header():
    expected = [[1.5, 2], [3, np.nan, 4]]
    for text in ("label,0,1,2\nwalk,1.5,2,\nrun,3,,4\n", "walk,1.5,2\nrun,3,NA,4\n"):
        x, y = parse(text, label=None if text.startswith("label") else "0")
        same(x, expected)
        assert y.tolist() == ["walk", "run"]
    x, y = parse("1.5,2,7\n3,4,8\n")  # the last column, without a word about it
    same(x, [[1.5, 2], [3, 4]])
    assert (y.tolist(), y.dtype.kind) == ([7, 8], "i")
    assert parse("x;y\n1;0.5\n2;1\n")[1].tolist() == [0.5, 1.0]


def test_a_step_a_row_in_the_order_of_its_time():
    text = "id,time,a,b,label\nq,2,3,30,1\np,1,9,90,0\nq,1,2,20,1\nq,10,4,nan,1\n"
    x, y = parse(text)
    same(x, [[[2, 20], [3, 30], [4, np.nan]], [[9, 90]]])
    assert y.tolist() == [1, 0]
    renamed = text.replace("id,time", "who,when").replace("label", "what")
    same(parse(renamed, id="who", time="when", label="-1")[0], x)


def test_texts():
    x, y = parse('text,label\n"good, indeed",1\nbad,0\n')
    assert (x, y.tolist()) == (["good, indeed", "bad"], [1, 0])


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("label,0\na,1\nb,two\n", {}, "some.csv, line 3: 'two' is no number"),
        ("label,0\na,1\n,2\n", {}, "line 3: column 0 is empty"),
        ("id,v,label\n1,2,a\n1,3,b\n", {}, "id '1' have the targets a, b"),
        ("label,0\na,1\n", {"id": "who"}, "no column 'who'; expected one of label, 0"),
        ("label,0\n", {}, "no rows"),
        ("", {}, "no rows"),
    ],
)
def test_what_is_no_csv_of_series_is_named_by_its_line(text, columns, message):
    with pytest.raises(DataError, match=message):
        parse(text, **columns)


def test_arrays_of_one_length_filled_up_or_one_after_another(tmp_path):
    path = tmp_path / "data.npz"
    x = np.arange(12.0).reshape(2, 3, 2)
    np.savez(path, X=x, y=np.array(["a", "b"]))
    np.testing.assert_array_equal(files.read(path)[0], x)
    np.savez(path, X=x, y=[0, 1], lengths=[2, 3])
    same(files.read(path)[0], [x[0, :2], x[1]])
    np.savez_compressed(
        path, x=np.concatenate([x[0, :2], x[1]]), y=[0.5, 1], Lengths=np.array([2, 3], np.uint8)
    )
    read, y = files.read(path)
    same(read, [x[0, :2], x[1]])
    assert y.tolist() == [0.5, 1]
    np.savez(path, X=[5, 6, 7], y=[0, 1], lengths=[1, 2])
    same(files.read(path)[0], [[5], [6, 7]])
    np.savez(path, X=x[:, :1], y=[0, 1], lengths=[1, 1])
    same(files.read(path)[0], x[:, :1])


@pytest.mark.parametrize(
    ("x", "lengths", "message"),
    [
        (np.zeros((2, 3, 1)), [1, 4], r"2 lengths 1 .. 4, 5 in all; expected 1 .. 3"),
        (np.zeros((2, 3, 1)), [0, 3], r"expected 1 .. 3"),
        (np.zeros((6, 3)), [2, 3], r"5 in all; expected a sum of 6"),
        (np.zeros((6, 3)), [-1, 7], r"expected a sum of 6"),
        (np.zeros((2, 3)), [1, 1], r"two ways; expected X \(N, T, d\)"),
        (np.zeros((2, 3)), [1.0, 2.0], r"dtype float64; expected integers"),
        (np.zeros((0, 3)), np.zeros(0, int), r"shape \(0,\)"),
        (np.zeros(()), [1], r"expected integers"),
    ],
)
def test_lengths_that_are_not_those_of_the_sequences(tmp_path, x, lengths, message):
    np.savez(tmp_path / "data.npz", X=x, y=[0, 1], lengths=lengths)
    with pytest.raises(DataError, match=message):
        files.read(tmp_path / "data.npz")


@pytest.mark.parametrize("harmful", [False, True])
def test_pickles_are_refused_unread_with_what_to_do(tmp_path, capsys, harmful):
    path = tmp_path / "data.npz"
    objects = np.empty(1, object)
    objects[0] = Harmful() if harmful else np.zeros(3)
    np.savez(path, X=objects, y=[0])
    with pytest.raises(
        DataError, match=r"X\.npy: it holds pickled Python objects.*np\.concatenate.*dtype=str"
    ):
        files.read(path)
    np.load(path, allow_pickle=True)["X"]
    assert capsys.readouterr().out == "this has run\n" * harmful


@pytest.mark.parametrize("content", [b"PK and then nonsense", b"\x93NUMPY", b"\xff\xfe\x00", None])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "data.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"data\.npz"):
        files.read(path)


def test_an_npz_with_one_name_twice(tmp_path):
    np.savez(tmp_path / "data.npz", X=np.zeros((2, 3)), x=np.ones((2, 3)), y=[0, 1])
    with pytest.raises(DataError, match=r"data\.npz: holds X, x; expected one array of this name"):
        files.read(tmp_path / "data.npz")


def test_an_npz_lacks_something(tmp_path):
    np.savez(tmp_path / "data.npz", X=np.zeros((2, 3)), labels=[0, 1])
    with pytest.raises(DataError, match="holds X, labels; expected X and y"):
        files.read(tmp_path / "data.npz")
