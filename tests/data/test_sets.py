"""Readers of the public data sets: small files made by the description of each format, and the real ones where they are."""

from __future__ import annotations

import io
import tarfile
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hadamrnn_ext.data import dsa, fashion, folders, fsdd, glue, har, imdb, mel, tasks, words
from hadamrnn_ext.data.table import table
from hadamrnn_ext.errors import DataError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch) -> Path:
    """No environment, an empty cache and no folder of the system: what the user has must not change what is tested."""
    monkeypatch.delenv(folders.ENVIRONMENT, raising=False)
    monkeypatch.setattr(folders, "cache", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def put_zip(path: Path, contents: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in contents.items():
            file.writestr(name, content)


def put_tar(path: Path, contents: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as file:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))


# UCI HAR


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
def har_dir(tmp_path) -> tuple[Path, dict[str, bytes]]:
    contents = har_contents(
        {"train": [p for p in range(1, 8) for _ in range(6)], "test": [20] * 6 + [21] * 6}
    )
    put_zip(tmp_path / "uci-har" / "UCI HAR Dataset.zip", contents)
    return tmp_path, contents


def test_har_is_nine_channels_a_step(har_dir):
    directory, contents = har_dir
    train, test = har.read(directory, verify=False)
    assert train.signals.shape == (42, 128, 9)
    assert test.signals.shape == (12, 128, 9)
    for channel, name in ((3, "body_gyro_x"), (8, "total_acc_z")):
        text = contents[f"UCI HAR Dataset/test/Inertial Signals/{name}_test.txt"]
        np.testing.assert_allclose(test.signals[:, :, channel], np.loadtxt(io.BytesIO(text)), rtol=1e-6)
    assert test.activities.tolist() == [0, 1, 2, 3, 4, 5] * 2
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
def test_har_refuses_signals_that_make_no_windows(har_dir, change, message):
    directory, contents = har_dir
    name = "UCI HAR Dataset/test/Inertial Signals/body_acc_y_test.txt"
    put_zip(directory / "uci-har" / "UCI HAR Dataset.zip", {**contents, name: change(contents[name])})
    with pytest.raises(DataError, match=message):
        har.read(directory, verify=False)


def test_har_refuses_other_labels_and_other_content(har_dir):
    directory, contents = har_dir
    with pytest.raises(DataError, match=f"expected {har.SHA256}"):
        har.read(directory)
    put_zip(
        directory / "uci-har" / "UCI HAR Dataset.zip",
        {**contents, "UCI HAR Dataset/test/y_test.txt": b"7\n" * 12},
    )
    with pytest.raises(DataError, match="other activities than 1 to 6"):
        har.read(directory, verify=False)


def test_what_was_parsed_is_kept_until_the_file_changes(har_dir, elsewhere, monkeypatch):
    directory, contents = har_dir
    first, _ = har.read(directory, verify=False)
    (kept,) = (elsewhere / "parsed").iterdir()
    monkeypatch.setattr(har, "_parse", lambda path: pytest.fail("parsed again"))
    again, _ = har.read(directory, verify=False)
    np.testing.assert_array_equal(first.signals, again.signals)
    with pytest.raises(DataError, match="sha256"):  # kept arrays are verified as parsed ones are
        har.read(directory)
    monkeypatch.undo()
    monkeypatch.setattr(folders, "cache", lambda: elsewhere)
    content = kept.read_bytes()
    kept.write_bytes(content[: len(content) // 2])
    again, _ = har.read(directory, verify=False)
    np.testing.assert_array_equal(first.signals, again.signals)
    put_zip(
        directory / "uci-har" / "UCI HAR Dataset.zip",
        {**contents, "UCI HAR Dataset/test/y_test.txt": b"6\n" * 12},
    )
    assert har.read(directory, verify=False)[1].activities.tolist() == [5] * 12


# IMDB


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
def imdb_dir(tmp_path) -> Path:
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
    monkeypatch.setitem(tasks.VALIDATION_SHARES, "imdb", 3)
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
def test_imdb_refuses_what_is_no_text_or_hostile(imdb_dir, name, content, message):
    put_tar(imdb_dir / "imdb" / "aclImdb_v1.tar.gz", {**imdb_contents(), name: content})
    with pytest.raises(DataError, match=message):
        imdb.read(imdb_dir, verify=False)


def test_imdb_without_a_folder_of_reviews_is_refused(imdb_dir):
    some = {name: content for name, content in imdb_contents().items() if "test/pos" not in name}
    put_tar(imdb_dir / "imdb" / "aclImdb_v1.tar.gz", some)
    with pytest.raises(DataError, match="expected some in each"):
        imdb.read(imdb_dir, verify=False)


# GLUE


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
    monkeypatch.setitem(tasks.VALIDATION_SHARES, "sst2", 6)
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


# DSA


@pytest.fixture
def dsa_dir(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(dsa, "NAMES", tuple(name for name in dsa.NAMES if "/s01" in name))
    contents = {}
    for i, name in enumerate(dsa.NAMES):
        row = ",".join(f"{i + channel / 100:.4f}" for channel in range(45))
        contents[name] = f"{row}\n".encode() * 125
    put_zip(tmp_path / "dsa" / "daily+and+sports+activities.zip", contents)
    return tmp_path


def test_dsa_tests_on_the_second_four_people(dsa_dir):
    train, test = dsa.read(dsa_dir)
    assert train.signals.shape == test.signals.shape == (19 * 4, 125, 45)
    assert sorted(set(train.people.tolist())) == [1, 2, 3, 4]
    assert sorted(set(test.people.tolist())) == [5, 6, 7, 8]
    at = dsa.NAMES.index("data/a03/p6/s01.txt")
    mine = (test.activities == 2) & (test.people == 6)
    np.testing.assert_allclose(test.signals[mine][0, 7], at + np.arange(45) / 100, rtol=1e-6)
    task = tasks.load("dsa19", dsa_dir)
    assert (len(task.train), len(task.validation), len(task.test)) == (57, 19, 76)
    assert (task.input_size, task.length, task.output_size) == (45, 125, 19)


def test_dsa_refuses_missing_and_short_segments(dsa_dir):
    path = dsa_dir / "dsa" / "daily+and+sports+activities.zip"
    contents = dict.fromkeys(dsa.NAMES, b"1,2\n")
    put_zip(path, contents)
    with pytest.raises(DataError, match=r"a01/p1/s01.txt is \(1, 2\), expected \(125, 45\)"):
        dsa.read(dsa_dir)
    del contents[dsa.NAMES[-1]]
    put_zip(path, contents)
    with pytest.raises(DataError, match="lacks 1 of 152 members"):
        dsa.read(dsa_dir)


# FSDD


def sound(samples: np.ndarray, rate: int = 8000, width: int = 2) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.astype(f"<i{width}").tobytes())
    return content.getvalue()


def tone(frequency: float, count: int) -> np.ndarray:
    return 8000 * np.sin(2 * np.pi * frequency * np.arange(count) / 8000)


def test_fsdd_takes_upstreams_split_and_pads_with_silence_before(tmp_path):
    contents = {
        f"recordings/{digit}_jackson_{index}.wav": sound(tone(300 * (1 + digit), 1280 + 256 * index))
        for digit in range(3)
        for index in (0, 4, 5, 49)
    }
    put_tar(tmp_path / "fsdd" / "recordings.tar.gz", contents)
    train, test = fsdd.read(tmp_path, verify=False)
    assert train.frames.shape == test.frames.shape == (6, 64, 32)
    assert test.digits.tolist() == [0, 0, 1, 1, 2, 2]
    quiet = (test.frames == 0).all(axis=2).sum(axis=1)
    assert quiet.tolist() == [64 - 9, 64 - 9 - 8] * 3  # 1,280 samples are nine frames, 256 more are two more
    assert (test.frames.argmax(axis=2)[[0, 2, 4], -3].tolist()) == sorted(
        set(test.frames.argmax(axis=2)[:, -3].tolist())
    )
    with pytest.raises(DataError, match=f"expected {fsdd.SHA256}"):
        fsdd.read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"RIFF", "no wav file"),
        (sound(tone(300, 999))[:-1], "bytes of samples, expected 1998"),
        (sound(tone(300, 999), rate=16000), r"are \(1, 2, 16000\), expected \(1, 2, 8000\)"),
        (sound(tone(300, 999) / 200, width=1), "expected"),
    ],
)
def test_fsdd_refuses_other_sounds(content, message):
    with pytest.raises(DataError, match=message):
        fsdd.samples("x.wav", content)


def test_a_tone_is_loudest_in_the_band_around_it_and_silence_is_zero():
    for frequency in (200, 1000, 3000):
        frames = mel.log_mel((tone(frequency, 4000) / 32768).astype(np.float32), 8000)
        assert frames.shape == (1 + -(-(4000 - 256) // 128), 32)
        weights = mel._bands(8000)
        nearest = weights[round(frequency * 256 / 8000)].argmax()
        assert frames[5].argmax() == nearest
    assert (mel.log_mel(np.zeros(500, np.float32), 8000, 10) == 0).all()
    assert mel.log_mel(np.zeros(0, np.float32), 8000).shape == (1, 32)
    assert (mel._bands(8000).sum(axis=0) > 0).all()
    long = (tone(500, 9000) / 32768).astype(np.float32)
    np.testing.assert_array_equal(mel.log_mel(long, 8000, 7), mel.log_mel(long, 8000)[-7:])


# All


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
        labels = next(
            getattr(part, name) for name in ("classes", "activities", "digits") if hasattr(part, name)
        )
        assert len(labels) == size


def test_the_systems_fashion_mnist_has_the_checksums():
    (place,) = fashion.DATASET.places
    if not place.is_dir():
        pytest.skip(f"{place} is not there: Debian's package dataset-fashion-mnist is not installed")
    train, test = fashion.read()
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.labels[:5].tolist() == [9, 0, 0, 3, 0]
    assert test.labels[:5].tolist() == [9, 2, 1, 1, 6]
