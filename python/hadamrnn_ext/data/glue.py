"""SST-2 and QQP, two tasks of GLUE (Wang et al., ICLR 2019), read from its tab-separated files.

The labels of the test sets are secret, so both tasks report the scores of the dev set, which has no part in training.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import DataError
from . import words
from .archive import digest
from .dataset import Dataset
from .holdout import one_in
from .task import Known, Task
from .words import Texts

__all__ = ["QQP", "QQP_CLASSES", "SST2", "SST2_CLASSES", "SST2_SHA256", "TASKS", "qqp", "sst2"]

SPLITS = ("train.tsv", "dev.tsv")
_FROM = "from https://gluebenchmark.com/tasks (the folder {} of its archive)"
SST2 = Dataset("sst2", "GLUE SST-2", "glue/SST-2", SPLITS, _FROM.format("SST-2"))
QQP = Dataset("qqp", "GLUE QQP", "glue/QQP", SPLITS, _FROM.format("QQP"))
SST2_CLASSES = ("negative", "positive")
QQP_CLASSES = ("different", "duplicate")
#: The `archive.digest` of the two files.
SST2_SHA256 = "51e4fa94b095999db3f6fb68de7d6d0dabc231336cc4ed1ff70290e003e1941c"
VALIDATION_SHARE = 30  # one in so many training examples
#: Words of the vocabulary, and those read of a text, its last ones.
WORDS, LENGTH = {"sst2": 10_000, "qqp": 30_000}, 128
#: Joins two questions. The vocabulary reads it as the word "sep".
SEPARATOR = " [SEP] "
MAX_FILE = 256 << 20  # bytes; the largest, QQP's train.tsv, has 52 million


def sst2(directory: str | Path | None = None, *, verify: bool = True) -> tuple[Texts, Texts]:
    """Stanford Sentiment Treebank (Socher et al. 2013): 67,349 training phrases and 872 dev sentences.

    `verify` compares the checksum. Raises `DataError`.
    """
    folder = SST2.locate(directory)
    contents = [_content(folder / name) for name in SPLITS]
    if verify and (met := digest(contents)) != SST2_SHA256:
        raise DataError(f"{folder}: sha256 of {' and '.join(SPLITS)} is {met}, expected {SST2_SHA256}")
    train, dev = (
        _texts(folder / name, content, ("sentence",), "label")
        for name, content in zip(SPLITS, contents, strict=True)
    )
    return train, dev


def qqp(directory: str | Path | None = None, *, verify: bool = True) -> tuple[Texts, Texts]:
    """Quora Question Pairs: about 364,000 training and 40,000 dev pairs, a text being "question1 [SEP] question2".

    There is no checksum to verify. A few questions of the original file contain a line break; such lines are left out, up
    to one in a thousand. Raises `DataError`.
    """
    folder = QQP.locate(directory)
    train, dev = (
        _texts(
            folder / name, _content(folder / name), ("question1", "question2"), "is_duplicate", broken=1e-3
        )
        for name in SPLITS
    )
    return train, dev


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    if len(content) > MAX_FILE:
        raise DataError(f"{path}: has more than {MAX_FILE} bytes")
    return content


def _texts(path: Path, content: bytes, columns: tuple[str, ...], label: str, broken: float = 0.0) -> Texts:
    """Texts that join these `columns` of a file with a header. GLUE's files use quotation marks as ordinary characters.

    `broken` is the share of lines that may have a wrong number of fields.
    """
    try:
        lines = content.decode().replace("\r\n", "\n").split("\n")  # a text may contain other line breaks
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 ({error})") from None
    names = lines[0].split("\t")
    if absent := [name for name in (*columns, label) if name not in names]:
        raise DataError(
            f"{path}: has the columns {', '.join(names)[:80]!r}, expected {', '.join(absent)} too"
        )
    chosen, labelled = [names.index(name) for name in columns], names.index(label)
    texts, classes, left_out = [], [], 0
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        fields = line.split("\t")
        if len(fields) != len(names) or fields[labelled] not in ("0", "1"):
            left_out += 1
            if left_out > broken * len(lines):
                expected = f"expected {len(names)} fields and a label 0 or 1"
                raise DataError(f"{path}: line {number} is {line[:80]!r}, {expected}")
            continue
        texts.append(SEPARATOR.join(fields[column] for column in chosen))
        classes.append(int(fields[labelled]))
    if not texts:
        raise DataError(f"{path}: holds no examples")
    return Texts(texts, np.array(classes, np.int64))


def task(name: str, directory: str | Path | None, verify: bool, tokenizer: str | None) -> Task:
    """The class of each text, trained on equally many examples of each class, as in the published code.

    The examples of `sst2` are mostly phrases. It validates on long ones that share no run of words with those it trains on.
    """
    read, labels = (sst2, SST2_CLASSES) if name == "sst2" else (qqp, QQP_CLASSES)
    known, test = read(directory, verify=verify)
    kept, held = one_in(VALIDATION_SHARE, len(known.classes))
    if name == "sst2":
        held, kept = words.apart(known.texts, held, kept)
    count = np.bincount(known.classes[kept]).min()
    chosen = np.concatenate([kept[known.classes[kept] == label][:count] for label in range(len(labels))])
    return words.task(name, known, (chosen, held), test, labels, tokenizer, size=WORDS[name], length=LENGTH)


TASKS = {"sst2": Known(task, SST2, texts=True), "qqp": Known(task, QQP, texts=True)}
