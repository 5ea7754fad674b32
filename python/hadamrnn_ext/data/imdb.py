"""Large Movie Review Dataset (Maas et al., ACL 2011): 25,000 training and 25,000 test reviews, half of them positive."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import DataError
from . import archive, words
from .dataset import Dataset
from .holdout import one_in
from .parsed import Arrays, parsed_file
from .task import Known, Task
from .words import Texts

__all__ = ["CLASSES", "DATASET", "SHA256", "TASKS", "read"]

DATASET = Dataset(
    "imdb",
    "the Large Movie Review Dataset",
    "imdb",
    ("aclImdb_v1.tar.gz",),
    "from https://ai.stanford.edu/~amaas/data/sentiment",
)
CLASSES = ("negative", "positive")
#: The `archive.digest` of the 50,000 reviews in the order of their names.
SHA256 = "58d50f2076f36394786dc8262cbfca5fe9043b533466bd226b38d7b43093d69c"
FOLDERS = tuple((split, sentiment) for split in ("train", "test") for sentiment in ("neg", "pos"))
VALIDATION_SHARE = 10  # one in so many training reviews
WORDS, LENGTH = 10_000, 500  # of the vocabulary, and read of a review, its last ones
MAX_MEMBER = 64 << 20  # bytes; the largest members of the original archive are lists of features
MAX_MEMBERS = 200_000  # the original archive has 100,024


def read(directory: str | Path | None = None, *, verify: bool = True) -> tuple[Texts, Texts]:
    """The training and the test reviews, without unlabelled ones. `verify` compares the checksum.

    The first call takes some seconds, see `parsed`. Raises `DataError`.
    """
    checked = ("the reviews", SHA256) if verify else None
    arrays = parsed_file("imdb-1", DATASET, directory, _parse, checked=checked)
    ends = arrays["ends"].tolist()
    blob = arrays["utf8"].tobytes()
    texts = [blob[start:end].decode() for start, end in zip([0, *ends], ends, strict=False)]
    count, classes = int(arrays["counts"][:2].sum()), np.repeat([0, 1, 0, 1], arrays["counts"])
    return Texts(texts[:count], classes[:count]), Texts(texts[count:], classes[count:])


def _parse(path: Path) -> Arrays:
    """The bytes of all texts, where each of them ends, and the number of texts in each of `FOLDERS`."""
    found = archive.read_tar(
        path, r"aclImdb/(train|test)/(neg|pos)/\d+_\d+\.txt", max_bytes=MAX_MEMBER, max_members=MAX_MEMBERS
    )
    chosen = [
        [content for name, content in found.items() if name.startswith(f"aclImdb/{split}/{sentiment}/")]
        for split, sentiment in FOLDERS
    ]
    counts = [len(contents) for contents in chosen]
    if not all(counts):
        raise DataError(f"{path}: {counts} reviews in the folders {FOLDERS}, expected some in each")
    contents = [content for part in chosen for content in part]
    try:
        for content in contents:
            content.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: a review is not UTF-8 ({error})") from None
    return {
        "sha256": np.array(archive.digest(contents)),
        "utf8": np.frombuffer(b"".join(contents), np.uint8),
        "ends": np.cumsum([len(content) for content in contents]),
        "counts": np.array(counts),
    }


def task(name: str, directory: str | Path | None, verify: bool, tokenizer: str | None) -> Task:
    """Whether a review is positive."""
    known, test = read(directory, verify=verify)
    cut = one_in(VALIDATION_SHARE, len(known.classes))
    return words.task(name, known, cut, test, CLASSES, tokenizer, size=WORDS, length=LENGTH)


TASKS = {"imdb": Known(task, DATASET, texts=True)}
