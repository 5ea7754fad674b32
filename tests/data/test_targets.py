"""Targets: a missing one never becomes a class, bytes are text, and names that differ stay apart."""

from __future__ import annotations

import numpy as np
import pytest

from hadamrnn_ext.data import files
from hadamrnn_ext.data.targets import is_missing, targets
from hadamrnn_ext.errors import DataError, InputError

pd = pytest.importorskip("pandas")
NAN = float("nan")


@pytest.mark.parametrize(
    "y",
    [
        ["a", None, "b"],
        ["a", NAN, "b"],
        ["a", "", "b"],
        ["a", "  ", "b"],
        ["a", pd.NA, "b"],
        ["a", pd.NaT, "b"],
        ["a", np.float32("nan"), "b"],
        [1, None, 2],
        [True, None, False],
        [b"a", b"", b"b"],
        [b"a", None, b"b"],
        np.array(["a", NAN, "b"]),  # of strings: NumPy writes nan
        np.array(["a", None, "b"], object),
        np.array([1.0, NAN, 2.0]),
        np.array([b"a", b"", b"b"]),
        np.ma.array([1, 2, 3], mask=[0, 1, 0]),
        pd.Series(["a", None, "b"]),
        pd.Series(["a", None, "b"], dtype="string"),
        pd.Series(["a", None, "b"], dtype="category"),
        pd.Series(["a", None, "b"]).astype(str),
        pd.Series([1, None, 2], dtype="Int64"),
        pd.Series([True, None, False], dtype="boolean"),
        pd.Series([1.5, None, 2]),
        pd.DataFrame({"label": ["a", None, "b"]}),
    ],
    ids=repr,
)
def test_a_missing_target_is_no_class_and_is_named_by_its_place(y):
    with pytest.raises(InputError, match=r"y\[1\] is .*missing target"):
        targets(y, 3)
    with pytest.raises(InputError, match=r"y\[1\] is"):
        targets(y, 3, "classes")


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        (["01", "1", "01"], ("01", "1")),
        ([b"walk", b"r\xc3\xbcn", b"walk"], ("rün", "walk")),
        (np.array([b"walk", b"run", b"walk"]), ("run", "walk")),
        (["NA", "None", "null"], ("NA", "None", "null")),
        (np.array(["NA", "EU", "NA"]), ("EU", "NA")),
        (np.array([10, 9, 10], object), ("9", "10")),
        (pd.Series([10, 9, 10], dtype="Int64"), ("9", "10")),
        (pd.Series(["b", "a", "b"], dtype="category"), ("a", "b")),
        (pd.DataFrame({"label": ["b", "a", "b"]}), ("a", "b")),
        ([True, False, True], ("False", "True")),
        ((3, 1, 3), ("1", "3")),
        ([2**70, 1, 2**70], (str(1), str(2**70))),
    ],
    ids=repr,
)
def test_classes_have_the_names_that_they_have(y, labels):
    found = targets(y, 3, "classes")
    assert found.labels == labels
    assert targets(y, 3, labels=labels).values.tolist() == found.values.tolist()


def test_what_would_have_one_name_is_refused():
    for y in ([1, "1", 2], ["True", True, "x"], [b"1", 1, 2]):
        with pytest.raises(InputError, match=r"y\[1\] is .* same name"):
            targets(y, 3)
    assert targets([1, 1.0, 2], 3, "classes").labels == ("1", "2")
    assert targets([b"a", "a", "b"], 3).labels == ("a", "b")
    with pytest.raises(InputError, match=r"y\[0\] is b'\\xff'; expected text in UTF-8"):
        targets([b"\xff", b"a"], 2)


def test_missing_values_of_every_library():
    missing = (
        None,
        NAN,
        np.nan,
        np.float32("nan"),
        np.datetime64("NaT"),
        pd.NA,
        pd.NaT,
        "",
        b"",
        "nan",
        np.ma.masked,
    )
    assert all(map(is_missing, missing))
    assert not any(map(is_missing, (0, False, "NA", "None", b"x", 1.5, np.array([1, 2]), "null", ())))


def test_values_on_a_large_offset_are_refused_with_the_reason(rng):
    y = 1.7e9 + rng.normal(size=50)
    with pytest.raises(
        InputError, match=r"column 0 of y varies by .* about 17000000.*steps of 128 .*subtract an offset"
    ):
        targets(y, 50)
    assert targets(y - 1.7e9, 50).values.dtype == np.float32
    assert targets(np.full(5, 1.7e9), 5).normalization().scale == (1.0,)
    small = targets(1e-13 * rng.normal(size=50), 50).normalization()
    assert small.scale[0] < 1e-12


def of_file(cells, kind=None, quoted=()):
    lines = [f'"{cell}",1' if cell in quoted else f"{cell},1" for cell in cells]
    return files.parsed("f.csv", "\n".join(["label,0", *lines]), kind=kind)


def test_labels_of_a_file_are_as_they_are_written():
    assert of_file(["01", "1", "2"]).y.tolist() == ["01", "1", "2"]
    assert of_file(["+1", "-1"]).y.tolist() == ["+1", "-1"]
    assert of_file(["-1", "1", "10"]).y.tolist() == [-1, 1, 10]
    assert of_file(["0.5", "1"]).y.tolist() == [0.5, 1]
    assert of_file(["1", "2"], "values").y.dtype == np.float64
    assert of_file(["1.0", "2.0"], "classes").y.tolist() == [1, 2]
    found = of_file(["1.0", "2.0"])
    assert found.y.dtype == np.float64
    assert "2 whole numbers with decimals are values; --targets classes" in found.understood


def test_na_and_none_are_classes_where_the_file_says_so():
    found = of_file(["NA", "EU", "None"])
    assert found.y.tolist() == ["NA", "EU", "None"]
    assert "NA and None are names of classes" in found.understood
    assert of_file(["NA", "EU"], quoted=["NA", "EU"]).y.tolist() == ["NA", "EU"]
    with pytest.raises(DataError, match=r"line 2: column 0 is 'NA', a missing target \('label'\)"):
        of_file(["NA", "EU"], quoted=["EU"])
    with pytest.raises(DataError, match="line 4: column 0 is 'NA', a missing target"):
        of_file(["1", "2", "NA"])
    for cell in ("nan", "NaN", "<NA>"):
        with pytest.raises(DataError, match=f"line 3: column 0 is '{cell}', a missing target"):
            of_file(["EU", cell, "US"])
    with pytest.raises(DataError, match="line 3: column 0 is empty"):
        of_file(["EU", "", "US"])
    with pytest.raises(DataError, match="line 3: 'high' is no number"):
        of_file(["1", "high"], "values")


def test_many_whole_numbers_are_said_to_be_classes():
    cells = [str(i * 7 % 40) for i in range(60)]
    assert "its 40 whole numbers are classes; --targets values" in of_file(cells).understood
    assert "whole numbers" not in of_file([str(i % 5) for i in range(60)]).understood
    assert of_file(cells, "values").y.dtype == np.float64
