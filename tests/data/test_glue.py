"""SST-2 and QQP: made files in the format of GLUE."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hadamrnn_ext.data import glue, tasks, words
from hadamrnn_ext.errors import DataError

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
def glue_dir(tmp_path) -> Path:
    sst2, qqp = tmp_path / "glue" / "SST-2", tmp_path / "glue" / "QQP"
    sst2.mkdir(parents=True)
    qqp.mkdir()
    rows = [f"good film number {i} \t1" for i in range(8)] + [f"bad film {i} \t0" for i in range(4)]
    (sst2 / "train.tsv").write_text("\n".join(["sentence\tlabel", *rows, ""]))
    (sst2 / "dev.tsv").write_text('sentence\tlabel\nan "odd quote , untestable\t1\ngood\t0\n')
    head = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"
    rows = [f"{i}\t{2 * i}\t{2 * i + 1}\tHow far is {i}?\tWhat's \u2028 {i}?\t{i % 2}" for i in range(2000)]
    (qqp / "train.tsv").write_text("\n".join([head, *rows, "7\t8\tbroken question", ""]))
    (qqp / "dev.tsv").write_text(f"{head}\n1\t2\t3\tOne?\tTwo?\t1\n")
    return tmp_path


def test_sst2_reads_sentences_and_reports_the_dev_set(glue_dir, monkeypatch):
    train, dev = glue.sst2(glue_dir, verify=False)
    assert (len(train.texts), train.classes.sum()) == (12, 8)
    assert dev.texts == ['an "odd quote , untestable', "good"]
    with pytest.raises(DataError, match=f"expected {glue.SST2_SHA256}"):
        glue.sst2(glue_dir)
    monkeypatch.setattr(glue, "VALIDATION_SHARE", 6)
    task = tasks.load("sst2", glue_dir, verify=False)
    classes = task.train.raw(slice(None))[1]
    counts = np.bincount(classes, minlength=2)
    assert counts[0] == counts[1] >= 2  # balanced, of at most four negative ones less two
    assert "untestable" not in task.preprocess.vocabulary.words
    assert len(task.test) == 2


def test_phrases_of_held_sentences_are_not_trained_on():
    sentence = "one two three four five six seven eight nine ten"
    texts = [
        sentence,
        "too short to hold out",
        "x two three four five six y",
        "two three four",
        "a b c d e f g",
    ]
    held, kept = words.apart(texts, np.array([0, 1]), np.array([4, 3, 2]))
    assert held.tolist() == [0]
    assert kept.tolist() == [4, 3]


def test_qqp_joins_its_questions_and_bears_few_broken_lines(glue_dir):
    train, dev = glue.qqp(glue_dir)
    assert len(train.texts) == 2000
    assert train.texts[3] == "How far is 3? [SEP] What's \u2028 3?"
    assert dev.classes.tolist() == [1]
    task = tasks.load("qqp", glue_dir, verify=False)
    assert task.preprocess.vocabulary.words[2:7] == ("far", "how", "is", "sep", "what's")
    (glue_dir / "glue" / "QQP" / "dev.tsv").write_text("question1\tquestion2\tis_duplicate\na\tb\n")
    with pytest.raises(DataError, match="line 2 is 'a\\\\tb', expected 3 fields"):
        glue.qqp(glue_dir)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text\tlabel\nx\t1\n", "expected sentence too"),
        (b"sentence\tlabel\nx\t2\n", "line 2 is"),
        (b"sentence\tlabel\nx\n", "line 2 is"),
        (b"sentence\tlabel\n", "no examples"),
        (b"", "expected sentence, label too"),
        (b"sentence\tlabel\n\xff\t1\n", "not UTF-8"),
    ],
)
def test_glue_refuses_files_of_another_form(glue_dir, content, message):
    (glue_dir / "glue" / "SST-2" / "dev.tsv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        glue.sst2(glue_dir, verify=False)
