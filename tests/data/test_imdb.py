"""The movie reviews: made files in the format of their archive."""

from __future__ import annotations

from pathlib import Path

import pytest

from hadamrnn_ext.data import imdb, tasks
from hadamrnn_ext.errors import DataError

pytestmark = pytest.mark.usefixtures("elsewhere")


def imdb_contents() -> dict[str, bytes]:
    return {
        "aclImdb/README": b"read me",
        "aclImdb/train/pos/0_9.txt": b"Fine, fine film!",
        "aclImdb/train/pos/1_8.txt": "It's fine: caf\u00e9".encode(),
        "aclImdb/train/neg/0_1.txt": b"A dull film",
        "aclImdb/train/unsup/0_0.txt": b"unlabelled words",
        "aclImdb/test/pos/0_10.txt": b"fine",
        "aclImdb/test/neg/0_2.txt": b"testword dull " * 300,
    }


@pytest.fixture
def imdb_dir(tmp_path, put_tar) -> Path:
    put_tar(tmp_path / "imdb" / "aclImdb_v1.tar.gz", imdb_contents())
    return tmp_path


def test_imdb_reads_labelled_reviews_in_the_order_of_their_names(imdb_dir):
    for _ in range(2):  # parsed, then kept
        train, test = imdb.read(imdb_dir, verify=False)
        assert train.texts == ["A dull film", "Fine, fine film!", "It's fine: caf\u00e9"]
        assert train.classes.tolist() == [0, 1, 1]
        assert test.texts[1] == "fine"
        assert test.classes.tolist() == [0, 1]
    with pytest.raises(DataError, match=f"expected {imdb.SHA256}"):
        imdb.read(imdb_dir)


def test_imdb_words_are_those_of_the_training_reviews_by_frequency(imdb_dir, monkeypatch):
    monkeypatch.setattr(imdb, "VALIDATION_SHARE", 3)
    task = tasks.load("imdb", imdb_dir, verify=False)
    vocabulary = task.preprocess.vocabulary
    assert vocabulary.words[2:] == ("fine", "film", "a", "caf\u00e9", "dull", "it's")
    tokens, classes = task.test.raw(slice(None))
    assert tokens.shape == (2, 500)
    assert tokens[0].tolist() == [1, 6] * 250  # the last 500 of 600 words
    assert tokens[1].tolist() == [0] * 499 + [2]
    assert classes.tolist() == [0, 1]
    assert (len(task.train), len(task.validation), task.output_size) == (2, 1, 1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("aclImdb/train/pos/0_9.txt", b"\xff\xfe", "not UTF-8"),
        ("aclImdb/../../etc/passwd", b"x", "leads out of the archive"),
    ],
)
def test_imdb_refuses_what_is_no_text_or_hostile(imdb_dir, name, content, message, put_tar):
    put_tar(imdb_dir / "imdb" / "aclImdb_v1.tar.gz", {**imdb_contents(), name: content})
    with pytest.raises(DataError, match=message):
        imdb.read(imdb_dir, verify=False)


def test_imdb_without_a_folder_of_reviews_is_refused(imdb_dir, put_tar):
    some = {name: content for name, content in imdb_contents().items() if "test/pos" not in name}
    put_tar(imdb_dir / "imdb" / "aclImdb_v1.tar.gz", some)
    with pytest.raises(DataError, match="expected some in each"):
        imdb.read(imdb_dir, verify=False)
