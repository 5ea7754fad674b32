"""Files of the UCR archive and of sktime and aeon, as they are."""

from __future__ import annotations

import numpy as np
import pytest

from hadamrnn_ext.data import files
from hadamrnn_ext.data.columns import Known
from hadamrnn_ext.errors import DataError
from hadamrnn_ext.file.data_card import DataCard


def read(text, known=None, labelled=True, **columns):
    return files.parsed("Gun.ts", text, files.Columns(**columns), known=known, labelled=labelled)


def lists(found):
    return [np.asarray(part).tolist() for part in found.x]


TSV = "1\t-0.5\t0.25\t1\n2\t-0.4\t0.5\t2.5\n1\t-0.3\t0.75\tNaN\n2\t0.5\tNaN\tNaN\n"


def test_the_label_comes_first_and_missing_values_at_the_end_are_no_steps():
    found = read(TSV)
    assert lists(found) == [[-0.5, 0.25, 1], [-0.4, 0.5, 2.5], [-0.3, 0.75], [0.5]]
    assert (found.y.tolist(), found.y.dtype.kind) == ([1, 2, 1, 2], "i")
    assert (
        "tab-separated, no header; a series per row; target 0; the target is the first column"
        in found.understood
    )
    assert "missing values at the end of a series are not steps" in found.understood
    assert found.card == DataCard("series", label="0")


@pytest.mark.parametrize(
    "text",
    [
        "  1.0000000e+00 -5.0e-01  2.5e-01\n -1.0000000e+00  5.0e-01  2.7500000e-01\n",
        "1,-0.5,0.25\n-1,0.5,0.275\n",
        "1\t-0.5\t0.25\r\n-1\t0.5\t0.275\r\n",
    ],
)
def test_older_forms(text):
    found = read(text)
    assert (lists(found), found.y.tolist()) == ([[-0.5, 0.25], [0.5, 0.275]], [1, -1])


def test_the_last_column_is_the_target_where_it_alone_is_whole():
    assert read("-0.5,0.25,1\n0.5,0.275,2\n").y.tolist() == [1, 2]
    assert read("-0.5,0.25,1.5\n0.5,0.275,2\n").y.tolist() == [1.5, 2]
    with pytest.raises(
        DataError, match="column 0 and column 3 may both be the target; say --label 0 or --label -1"
    ):
        read("1,5,3,2\n2,5,4,1\n1,6,4,1\n2,5,4,2\n")
    assert read("1,5,3,2\n2,5,4,1\n", label="0").y.tolist() == [1, 2]
    assert read("17,5,3,2\n9,5,4,1\n4,5,4,1\n3,5,3,2\n").card.label == "-1"


def test_a_model_of_such_a_file_knows_where_the_label_is():
    known = Known(DataCard("series", label="0"), 1, labels=("1", "2"))
    found = read(TSV, known, labelled=False)
    assert lists(found)[2:] == [[-0.3, 0.75], [0.5]]
    assert "not read: 0" in found.understood
    unlabelled = "\n".join(line.split("\t", 1)[1] for line in TSV.splitlines())
    assert lists(read(unlabelled, known, labelled=False)) == lists(found)
    assert read(TSV, known).y.tolist() == [1, 2, 1, 2]


TS = """# made up
@problemName Walks
@timeStamps false
@missing true
@univariate false
@dimension 2
@equalLength false
@classLabel true walk run
@data
0.1,0.4,?:9.7,9.6,9.9:walk

1.5,2.5:NaN,3:run
"""


def test_a_ts_file_of_several_dimensions():
    found = read(TS)
    np.testing.assert_array_equal(found.x[0], [[0.1, 9.7], [0.4, 9.6], [np.nan, 9.9]])
    np.testing.assert_array_equal(found.x[1], [[1.5, np.nan], [2.5, 3]])
    assert found.y.tolist() == ["walk", "run"]
    assert found.understood == "Gun.ts: .ts, 2 dimensions; classes walk, run"
    assert found.places.step(0, 2, 0) == "Gun.ts, line 10, column 'dimension 0'"


def test_a_ts_file_of_one_dimension_and_of_values():
    head = "@problemName x\n@univariate true\n@targetlabel true\n@data\n"
    found = read(head + "1,2,3:0.5\n4,5:-1e3\n")
    assert (lists(found), found.y.tolist()) == ([[1, 2, 3], [4, 5]], [0.5, -1000])
    assert read("@univariate true\n@classLabel false\n@data\n1,2\n3\n").y is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":walk", ":jump", "line 10: the class is 'jump'; expected one of walk, run"),
        (":9.7,9.6,9.9", ":9.7,9.6", "line 10: dimensions of 3, 2 steps"),
        (":NaN,3", "", "line 12: 1 dimensions; expected 2, as before"),
        ("0.4", "o.4", "line 10: 'o.4' is no number"),
        ("0.1,0.4,?:9.7,9.6,9.9:walk", "walk", "line 10: a class and no dimensions"),
        ("@timeStamps false", "@timeStamps true", "time stamps"),
        ("@data", "@date", "no line @data"),
        (TS[TS.index("0.1") :], "", "no series after @data"),
    ],
)
def test_what_is_wrong_in_a_ts_file_is_named_by_its_line(old, new, message):
    with pytest.raises(DataError, match=message):
        read(TS.replace(old, new))
    with pytest.raises(DataError, match="--label has no effect here"):
        read(TS, label="0")


def test_arff_is_named():
    with pytest.raises(DataError, match=r"is ARFF, which is not read; .* as \.ts"):
        read("% made up\n@relation Gun\n@attribute a real\n@data\n1,2\n")


def test_files_without_targets_are_not_to_train_on(tmp_path):
    (tmp_path / "x.ts").write_text("@classLabel false\n@data\n1,2\n")
    with pytest.raises(DataError, match=r"x\.ts: has no targets"):
        files.examples(tmp_path / "x.ts")
