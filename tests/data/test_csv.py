"""Tables as people have them: told by the whole file what they are, or refused with the option that says it."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadamrnn_ext.data import csv_dialect, files
from hadamrnn_ext.data.columns import Known
from hadamrnn_ext.errors import DataError
from hadamrnn_ext.file.data_card import DataCard


def read(text, *, known=None, labelled=True, kind=None, **columns):
    return files.parsed("some.csv", text, files.Columns(**columns), labelled=labelled, known=known, kind=kind)


def lists(found):
    return [np.asarray(part).tolist() for part in found.x]


def model(width, labels=None, texts=False, **data):
    return Known(DataCard(**data), width, texts, labels)


# What the columns are


def test_a_label_goes_before_y_which_is_a_feature_then():
    found = read("id,x,y,z,label\n1,1,2,3,a\n1,4,5,6,a\n2,7,8,9,b\n")
    assert lists(found) == [[[1, 2, 3], [4, 5, 6]], [[7, 8, 9]]]
    assert found.y.tolist() == ["a", "b"]
    assert found.card == DataCard("steps", ("x", "y", "z"), label="label", id="id")
    assert "features x, y, z; sequences by id; target label" in found.understood
    found = read("x,y,z,label\n1,2,3,a\n4,5,6,b\n")
    assert (lists(found), found.y.tolist()) == ([[1, 2, 3], [4, 5, 6]], ["a", "b"])
    assert "a series per row" in found.understood


def test_id_label_x_and_y():
    found = read("id,label,x,y\n17,walk,0.1,9.7\n17,walk,0.4,9.6\n18,run,1,2\n")
    assert lists(found) == [[[0.1, 9.7], [0.4, 9.6]], [[1, 2]]]
    assert (found.y.tolist(), found.ids) == (["walk", "run"], ("17", "18"))


def test_y_beside_x_and_z_is_a_coordinate_and_no_target():
    text = "id,time,x,y,z\n1,0,1,2,3\n1,1,4,5,6\n"
    with pytest.raises(DataError, match="no column of targets; name it with --label, of x, y, z"):
        read(text)
    assert lists(read(text, known=model(3), labelled=False)) == [[[1, 2, 3], [4, 5, 6]]]
    assert read("x,y\n1,0.5\n2,1\n").y.tolist() == [0.5, 1]


def test_a_single_recording_has_no_id_and_its_time_is_no_feature():
    text = "time,x,y,z\n1,4,5,6\n0,1,2,3\n"
    found = read(text, known=model(3), labelled=False)
    assert lists(found) == [[[1, 2, 3], [4, 5, 6]]]
    assert "in order of time, 1 of 1 sequences sorted" in found.understood
    with pytest.raises(DataError, match=r"column 'time' of times .* say which with --id"):
        read(text + "\n")


@pytest.mark.parametrize(
    ("header", "option"),
    [
        ("label,class,0", "'label' and 'class'; say with --label"),
        ("target,Label,0", "'target' and 'Label'; say with --label"),
        ("id,series,label", "'id' and 'series'; say with --id"),
        ("id,time,timestamp,label", "'time' and 'timestamp'; say with --time"),
    ],
)
def test_two_candidates_are_an_error_that_names_the_option(header, option):
    with pytest.raises(DataError, match=option):
        read(f"{header}\n{','.join('1' for _ in header.split(','))}\n")


def test_names_and_numbers_say_what_is_not_usual():
    text = "who,when,what,a,b\np,2,u,1,2\np,1,u,3,4\nq,1,v,5,6\n"
    found = read(text, id="who", time="1", label="what", features=("b",))
    assert lists(found) == [[[4], [2]], [[6]]]
    assert found.card == DataCard("steps", ("b",), label="what", id="who", time="when")
    assert "not read: a" in found.understood
    with pytest.raises(DataError, match="no column 'where'; expected one of who, when"):
        read(text, id="where")
    with pytest.raises(DataError, match="--label who is a column that is something else"):
        read(text, id="who", label="who")


def test_the_only_column_of_words_is_the_target():
    found = read("id,x,activity\n1,2,walk\n1,3,walk\n2,4,run\n")
    assert (found.y.tolist(), found.card.label) == (["walk", "run"], "activity")
    assert read("a,b,kind\n1,2,u\n3,4,v\n3,4,v\n").y.tolist() == ["u", "v", "v"]


def test_words_among_features_are_refused_with_the_options_that_help():
    with pytest.raises(DataError, match=r"line 2: 'w0' is no number \(column 'who'; --id, .* --features"):
        read("who,x,label\nw0,0.1,a\nw0,0.2,a\nw1,.3,b\n")
    for header in ("", "walk,t,x,code\n"):
        with pytest.raises(DataError, match=r"words such as 'w00000' may be the target, .* or --id"):
            read(header + "w00000,0.1,0.2,1\nw00000,0.1,0.3,1\nw00001,0.1,0.2,2\n")
    with pytest.raises(DataError, match="'a' may be the target"):
        read("name,x1,x2\na,1,2\nb,3,4\nc,5,6\n")


@pytest.mark.parametrize("header", ["recording,a,b,c,label\n", ""])
def test_numbers_that_repeat_as_ids_do_are_asked_about(header):
    rows = [f"{i // 5 + 40},{i % 7 / 4},{i % 3 / 2},{i % 5 / 8},{'uv'[i // 25 % 2]}" for i in range(100)]
    with pytest.raises(
        DataError, match=r"repeats its values as an id does, 20 in 100 rows: --id (recording|0) "
    ):
        read(header + "\n".join(rows))
    mixed = [rows[i * 37 % 100] for i in range(100)]
    with pytest.raises(DataError, match="as an id does"):
        read(header + "\n".join(mixed))
    names = {"features": ("1", "2", "3")}
    assert len(read(header + "\n".join(rows), **names, label="-1").x) == 100
    assert len(read(header + "\n".join(rows), id="0", label="-1").x) == 20


def test_series_of_few_whole_numbers_are_no_ids():
    rows = [f"{'uv'[i // 10]},{i // 10},{i % 3}" for i in range(20)]
    for header in ("label,0,1\n", "label,t1,t2\n", "label,a,b\n", ""):
        assert len(read(header + "\n".join(rows)).x) == 20


def test_groups_are_no_features_and_what_they_are_for_is_said():
    text = "subject,id,x,label\n1,1,2,a\n1,1,3,a\n2,2,4,b\n2,2,5,b\n"
    found = read(text)
    assert (lists(found), found.groups) == ([[[2], [3]], [[4], [5]]], None)
    assert "not read: subject; --group subject would split by subject" in found.understood
    found = read(text, group="subject")
    assert (list(found.groups), found.card.group) == (["1", "2"], "subject")
    with pytest.raises(DataError, match=r"rows of id '1' have the groups 1, 3 \(lines 2 and 3\)"):
        read(text.replace("1,1,3", "3,1,3"), group="subject")


def test_row_numbers_as_pandas_and_r_write_them_are_not_read():
    for text in (
        ",x,label,id\n0,1.5,a,1\n1,2.5,a,1\n2,3.5,b,2\n",
        '"","x","label","id"\n"1",1.5,"a",1\n"2",2.5,"a",1\n"3",3.5,"b",2\n',
        "Unnamed: 0,x,label,id\n0,1.5,a,1\n1,2.5,a,1\n0,3.5,b,2\n",
    ):
        found = read(text)
        assert lists(found) == [[[1.5], [2.5]], [[3.5]]]
        assert "not read" in found.understood
    assert lists(read(",0,1,2,label\n0,1.5,2,3,a\n1,2.5,3,4,b\n2,9,9,9,b\n"))[0] == [1.5, 2, 3]
    with pytest.raises(DataError, match="column 0 has no name"):
        read(",x,label\n7,1.5,a\n3,2.5,b\n9,1,a\n")
    with pytest.raises(DataError, match="column 0 counts the rows"):
        read("0,0.5,0.7\n1,0.5,0.8\n2,0.5,0.9\n")


def test_a_header_may_number_the_columns():
    for text in (
        "activity,0,1,2,3\nu,5,6,7,8\nv,1,2,3,\n",
        ",0,1,2,3,kind\n0,5,6,7,8,u\n1,1,2,3,,v\n2,1,2,3,4,v\n",
    ):
        found = read(text)
        assert lists(found)[:2] == [[5, 6, 7, 8], [1, 2, 3]]
        assert "a header" in found.understood
    assert "no header" in read("u,1,2,3\nv,4,5,6\n").understood
    assert lists(read("1,2,3\n4,5,6\n", known=model(3), labelled=False)) == [[[1, 2, 3], [4, 5, 6]]]


def test_ids_of_series_that_are_a_row_each():
    found = read("id,label,0,1,2\ns1,a,1,2,3\ns2,b,2,3,\n")
    assert (lists(found), found.ids) == ([[1, 2, 3], [2, 3]], ("s1", "s2"))


def test_a_time_and_an_id_of_its_own_in_every_row_are_asked_about():
    text = "id,recording,time,x,label\n0,r,0,1,a\n1,r,1,2,a\n2,q,0,3,b\n"
    with pytest.raises(
        DataError, match="every row has an id of its own in column 'id', and a time; name with --id"
    ):
        read(text)
    assert lists(read(text, id="recording", features=("x",))) == [[[1], [2]], [[3]]]
    assert lists(read(text, features=("time", "x")))[1] == [1, 2]
    known = model(1, form="steps", features=("x",), id="id")
    assert lists(read(text, known=known, labelled=False)) == [[[1]], [[2]], [[3]]]


def test_texts_have_ids_too():
    found = read('id,text,label,other\n1,"good, indeed",1,9\n2,bad,0,8\n')
    assert (found.x, found.ids, found.y.tolist()) == (["good, indeed", "bad"], ("1", "2"), [1, 0])
    assert "a text per row" in found.understood
    assert "not read: other" in found.understood
    with pytest.raises(DataError, match="line 3: column 0 is empty"):
        read("text,label\ngood,1\n,0\n")
    reviews = "review,stars,label\ngood film,5,1\nbad film,1,0\n"
    found = read(reviews, features=("review",))
    assert (found.x, found.card.features) == (["good film", "bad film"], ("review",))
    known = model(1, texts=True, form="texts", features=("review",), label="label")
    assert read(reviews, known=known, labelled=False).x == found.x
    with pytest.raises(DataError, match="no column of texts; name it with --features, of words, label"):
        read("words,label\ngood film,1\n", known=known, labelled=False)


# What a model knows


WALKS = {"form": "steps", "features": ("x", "y"), "label": "what", "id": "who", "time": "when"}


def test_a_model_finds_its_features_by_name():
    known = model(2, **WALKS)
    text = "y,temp,who,x,when,what\n2,30,a,1,1,u\n5,31,a,4,0,u\n8,32,b,7,0,v\n"
    found = read(text, known=known, labelled=False)
    assert lists(found) == [[[4, 5], [1, 2]], [[7, 8]]]
    assert (found.ids, found.y) == (("a", "b"), None)
    assert "not read: temp, what" in found.understood
    assert read(text, known=known).y.tolist() == ["u", "v"]
    assert lists(read("y,x\n2,1\n5,4\n", known=known, labelled=False)) == [[[1, 2], [4, 5]]]
    with pytest.raises(
        DataError, match=r"no column 'x' of the features that the model reads \(x, y\); .* y, who"
    ):
        read("y,who\n2,a\n", known=known, labelled=False)
    with pytest.raises(DataError, match="name it with --label"):
        read("y,x,who\n2,1,a\n", known=known)


def test_without_a_header_the_width_decides():
    known = model(2, **WALKS)
    assert lists(read("1,2\n4,5\n", known=known, labelled=False)) == [[[1, 2], [4, 5]]]
    with pytest.raises(DataError, match=r"3 columns of features \(0, 1, 2\); the model reads 2 per step"):
        read("1,2,3\n4,5,6\n", known=known, labelled=False)


def test_a_model_without_names_goes_by_width():
    assert lists(read("id,u,v\n1,2,3\n1,4,5\n", known=model(2), labelled=False)) == [[[2, 3], [4, 5]]]
    found = read("id,x,y\n1,2,3\n1,4,5\n", known=model(1), labelled=False)
    assert lists(found) == [[[2], [4]]]
    assert "not read: y" in found.understood
    assert lists(read("id,x,label\n1,2,u\n1,4,u\n", known=model(1), labelled=False)) == [[[2], [4]]]
    with pytest.raises(DataError, match="2 columns of features"):
        read("id,x,w\n1,2,3\n1,4,5\n", known=model(1), labelled=False)


def test_a_feature_of_a_model_may_have_a_usual_name():
    known = model(2, form="steps", features=("time", "label"), id="id")
    found = read("id,label,time\n1,2,3\n1,4,5\n", known=known, labelled=False)
    assert lists(found) == [[[3, 2], [5, 4]]]


# Times


@pytest.mark.parametrize(
    "times",
    [
        ("10", "9", "100"),
        ("1700000000123456789", "1700000000123456788", "1700000000123456790"),
        ("1e3", "999.5", "1000.5"),
        ("10:00", "8:00", "10:30"),
        ("9:59:59.5", "9:59:59", "10:00:00,25"),
        ("2024-01-10", "2024-01-09", "2024-01-11"),
        ("2024-01-09 10:00:00.25", "2024-01-09 9:00", "2024-01-10T00:00"),
        ("2024-01-09T10:00:00+01:00", "2024-01-09T08:59:59Z", "2024-01-09T10:00:00+0000"),
        ("2024/1/9 10:00", "2024/1/9 9:30", "2024/1/10 1:00"),
        ("20240109T100000", "20240109T095959", "20240109T100001"),
    ],
)
def test_times_are_numbers_or_iso_8601(times):
    rows = "".join(f'a,"{time}",{value},u\n' for time, value in zip(times, (2, 1, 3), strict=True))
    found = read(f'id,time,x,label\n{rows}b,"{times[0]}",7,v\n')
    assert lists(found) == [[[1], [2], [3]], [[7]]]
    assert "in order of time, 1 of 2 sequences sorted" in found.understood


@pytest.mark.parametrize(
    "times", [("step10", "step2"), ("9/1/2024", "8/1/2024"), ("3.", "x"), ("10:00", "2024-01-01")]
)
def test_other_times_leave_the_order_of_the_file_and_that_is_said(times):
    rows = "".join(f"a,{time},{value},u\n" for time, value in zip(times, (1, 2), strict=True))
    found = read(f"id,time,x,label\n{rows}b,{times[0]},7,v\n")
    assert lists(found) == [[[1], [2]], [[7]]]
    assert "in the order of the file and not of time" in found.understood


def test_times_of_day_may_pass_midnight():
    text = "id,time,x,label\na,23:59,1,u\na,0:00,2,u\na,0:01,3,u\nb,7:00,4,v\nb,6:59,5,v\n"
    assert lists(read(text)) == [[[1], [2], [3]], [[5], [4]]]


def test_equal_times_and_interleaved_ids_are_said():
    found = read("id,time,x,label\na,1,1,u\nb,1,2,v\na,1,3,u\n")
    assert "(1 comes twice, again in line 4)" in found.understood
    assert lists(found) == [[[1], [3]], [[2]]]
    assert "the id 'a' comes again" in read("id,x,label\na,1,u\nb,2,v\na,3,u\n").understood


def test_a_column_step_or_t_is_the_time_where_it_counts():
    found = read("id,step,x,label\na,0,1,u\na,1,2,u\nb,0,3,v\n")
    assert (lists(found)[0], found.card.time) == ([[1], [2]], "step")
    hot = read("id,t,x,label\na,36,1,u\na,35,2,u\nb,37,3,v\n")
    assert hot.card.features == ("t", "x")


# Lines and cells


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,x,label\n1,2,a\n1,2,a,9\n", "line 3: 4 cells below a header of 3"),
        ("id,x,y,label\n1,2,3,a\n1,2\n2,3,4,b\n", "line 3: 2 cells; expected 4, as the header has"),
        ("id,x,label\n1,2,a\n1,two,a\n", "line 3: 'two' is no number"),
        ("id,x,label\n1,2,a\n\n,3,b\n", "line 4: column 0 is empty"),
        ('label,0\na,1\nb,"2\n', "line 3"),
        ("label,0\na,1_000\n", "'1_000' is no number"),
        ("label,0\na,1\x00\n", "line 2: a NUL character"),
        ("label,0,0\na,,\nb,1,2\n", "line 2: no steps"),
        ("id,x,x,label\n1,2,3,a\n1,2,3,a\n", "the header has 'x' twice"),
        ("a;1,5;0.5\nb;2;1\n", "line 1 has '1,5' and line 1 '0.5'; .* --decimal"),
        ("label;0;1\na;1,234;2,500\nb;1;2\n", "'1,234' may be a decimal number .* --decimal ,"),
        ("a;b|1\nc;d|2\n", "delimiter may be a semicolon or a bar; say which with --delimiter"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(text, message):
    with pytest.raises(DataError, match=f"some.csv.*{message}"):
        read(text)


def test_decimal_commas_are_told_by_the_whole_file_and_said():
    for text in (
        "label;0;1;2\nwalk;1;4;0,25\nrun;1,4;0,2;1,95\n",
        "label\t0\t1\t2\nwalk\t1\t4\t0,25\nrun\t1,4\t0,2\t1,95\n",
        'label,0,1,2\nwalk,1,4,"0,25"\nrun,"1,4","0,2","1,95"\n',
    ):
        found = read(text)
        assert lists(found) == [[1, 4, 0.25], [1.4, 0.2, 1.95]]
        assert "decimal commas" in found.understood
    assert lists(read("label;0\na;1,234\nb;2,500\n", decimal=",")) == [[1.234], [2.5]]
    assert lists(read("v\n1,5\n2,25\n", known=model(1), labelled=False)) == [[[1.5], [2.25]]]


def test_empty_last_lines_delimiters_at_the_end_and_the_separator_of_excel():
    expected = [[1, 2], [3, 4]]
    for text in (
        "label,0,1\na,1,2\nb,3,4\n\n\n",
        "label,0,1\na,1,2\nb,3,4\n,,\n,,\n",
        "label,0,1,\na,1,2,\nb,3,4,\n",
        "sep=;\nlabel;0;1\na;1;2\nb;3;4\n",
        "label, 0, 1\na, 1, 2\nb, 3, 4",
        "# label,0,1\na,1,2\nb,3,4",
        "label 0 1\na 1 2\nb 3 4",
        "label  0  1\na    1  2\n\nb    3  4\n",
    ):
        found = read(text)
        assert (lists(found), found.y.tolist()) == (expected, ["a", "b"])
    with pytest.raises(DataError, match="line 3: 'x' is no number"):
        read("sep=;\n1;2;a\n2;x;b\n", label="-1")


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"utf-16"])
def test_byte_order_marks_line_ends_and_compression(tmp_path, mark):
    text = "label;0;1\r\nwälk;0,5;2\r\nrun;3;\r\n\r\n"
    content = text.encode("utf-16") if mark == b"utf-16" else mark + text.encode()
    for name, data in (
        ("a.csv", content),
        ("b.csv.gz", gzip.compress(content)),
        ("c.csv", content.replace(b"\r\n", b"\r")),
    ):
        (tmp_path / name).write_bytes(data)
        found = files.examples(tmp_path / name)
        assert (lists(found), found.y.tolist()) == ([[0.5, 2], [3]], ["wälk", "run"])
    (tmp_path / "d.csv").write_bytes("label;0\nw\u00e4lk;1\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"d\.csv, line 2"):
        files.examples(tmp_path / "d.csv")


CELLS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.integers(-(10**6), 10**6),
)
NAMES = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=8).map(str.strip)


def is_name(text):
    return text and csv_dialect.number(text) is None and csv_dialect.number(text, ",") is None


@st.composite
def written(draw):
    """Series of one length, the names of their classes, and how they are written."""
    delimiter, decimal = draw(
        st.sampled_from([(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ","), ("|", ".")])
    )
    count, steps = draw(st.integers(2, 6)), draw(st.integers(2, 5))
    x = [[draw(CELLS) for _ in range(steps)] for _ in range(count)]
    y = [draw(NAMES.filter(is_name)) for _ in range(count)]
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    newline, mark = draw(st.sampled_from(["\n", "\r\n", "\r"])), draw(st.sampled_from(["", "\ufeff"]))
    return x, y, delimiter, decimal, quoting, newline, mark, draw(st.sampled_from(["", "\n", "\n\n"]))


@given(written())
def test_a_written_table_is_read_as_it_was(tmp_path_factory, how):
    x, y, delimiter, decimal, quoting, newline, mark, end = how
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=newline)
    writer.writerow(["label", *range(len(x[0]))])
    for name, row in zip(y, x, strict=True):
        writer.writerow([name, *(repr(value).replace(".", decimal) for value in row)])
    path = tmp_path_factory.mktemp("written") / "table.csv"
    path.write_bytes((mark + out.getvalue() + end.replace("\n", newline)).encode())
    found = files.examples(path, files.Columns(delimiter=delimiter, decimal=decimal))
    assert (lists(found), found.y.tolist()) == (x, y)
    with contextlib.suppress(DataError):  # in two ways, or thousands: never another table in silence
        detected = files.examples(path)
        assert (lists(detected), detected.y.tolist()) == (x, y)


WORDS = st.text("abcdefghijklmnopqrstuvwxyzäß", min_size=1, max_size=6).filter(is_name)


@given(written(), st.lists(WORDS, min_size=6, max_size=6))
def test_where_names_are_words_the_dialect_is_found_out(how, names):
    x, _, delimiter, decimal, quoting, newline, _, end = how
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=newline)
    writer.writerow(["label", *range(len(x[0]))])
    cells = [[repr(value).replace(".", decimal) for value in row] for row in x]
    for name, row in zip(names, cells, strict=False):
        writer.writerow([name, *row])
    text = out.getvalue() + end.replace("\n", newline)
    commas = [cell for row in cells for cell in row if "," in cell]
    if commas and all(csv_dialect.THOUSANDS.fullmatch(cell) for cell in commas):
        with pytest.raises(DataError, match="--decimal ,"):
            read(text)
        text = text.replace(commas[0], "0,5")
    else:
        found = read(text)
        assert (lists(found), found.y.tolist()) == (x, names[: len(x)])
        assert found.understood.startswith(f"some.csv: {csv_dialect.DELIMITERS[delimiter]}-separated")


@given(st.data())
def test_steps_in_any_order_of_rows_and_columns_are_read_alike(data):
    channels = data.draw(st.lists(WORDS, min_size=1, max_size=4, unique=True), "channels")
    lengths = data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=4), "lengths")
    series = [[[data.draw(CELLS) for _ in channels] for _ in range(length)] for length in lengths]
    header = data.draw(st.permutations(["id", "time", "label", *channels]), "header")
    rows = [
        {"id": f"s{i}", "time": t, "label": "uv"[i % 2], **dict(zip(channels, step, strict=True))}
        for i, part in enumerate(series)
        for t, step in enumerate(part)
    ]
    shuffled = data.draw(st.permutations(rows), "rows")
    first = list(dict.fromkeys(row["id"] for row in shuffled))
    text = "\n".join([",".join(header), *(",".join(str(row[name]) for name in header) for row in shuffled)])
    found = read(text, known=model(len(channels), form="steps", features=tuple(channels), label="label"))
    assert found.ids == tuple(first)
    assert lists(found) == [series[int(key[1:])] for key in first]
    assert found.y.tolist() == ["uv"[int(key[1:]) % 2] for key in first]
