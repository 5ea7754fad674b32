"""What holds for the reader of every data set: what is missing is named, and the real files are the right ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hadamrnn_ext.data import dsa, fashion, fsdd, glue, har, imdb
from hadamrnn_ext.data.archive import table
from hadamrnn_ext.errors import DataError

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (fashion.read, "dataset-fashion-mnist"),
        (har.read, "archive.ics.uci.edu/dataset/240"),
        (imdb.read, "ai.stanford.edu"),
        (glue.sst2, "gluebenchmark.com"),
        (glue.qqp, "gluebenchmark.com"),
        (dsa.read, "archive.ics.uci.edu/dataset/256"),
        (fsdd.read, "free-spoken-digit-dataset"),
    ],
)
def test_what_is_missing_is_named_with_where_to_get_it(tmp_path, read: Callable[..., object], message):
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path / "nowhere")
    assert "nowhere" in str(caught.value)


def test_tables_name_their_file():
    assert table("x", b"1 2\n3 4\n").tolist() == [[1, 2], [3, 4]]
    assert table("x", b"1,2\n", ",").shape == (1, 2)
    with pytest.raises(DataError, match=r"^y: no table"):
        table("y", b"1 2\n3\n")


@pytest.mark.parametrize(
    ("read", "sizes"),
    [
        (har.read, (7352, 2947)),
        (imdb.read, (25_000, 25_000)),
        (glue.sst2, (67_349, 872)),
        (fsdd.read, (2700, 300)),
    ],
)
def test_the_real_files_have_the_checksums_and_sizes_of_the_sets(data_dir, read, sizes):
    for part, size in zip(read(data_dir), sizes, strict=True):
        assert len(part.classes) == size


def test_the_systems_fashion_mnist_has_the_checksums():
    (place,) = fashion.DATASET.places
    if not place.is_dir():
        pytest.skip(f"{place} is not there: Debian's package dataset-fashion-mnist is not installed")
    train, test = fashion.read()
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.labels[:5].tolist() == [9, 0, 0, 3, 0]
    assert test.labels[:5].tolist() == [9, 2, 1, 1, 6]
