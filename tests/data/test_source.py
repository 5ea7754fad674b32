"""Sources: files, pipes and stdin, compressed or not, give their bytes once; messages name them."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import lzma
import mmap
import os
import sys
import threading

import numpy as np
import pytest

from hadamrnn_ext.data import source
from hadamrnn_ext.errors import DataError


def of_stdin(monkeypatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.mark.parametrize(
    "packed", [bytes, gzip.compress, lambda data: gzip.compress(data[:3]) + gzip.compress(data[3:])]
)
def test_the_same_bytes_of_every_kind_of_source(packed, tmp_path, monkeypatch):  # fmt: skip
    content = b"id,label,x\n1,walk,0.5\n"
    (tmp_path / "plain").write_bytes(packed(content))
    assert source.content(tmp_path / "plain") == content
    of_stdin(monkeypatch, packed(content))
    assert source.content("-") == content
    with pytest.raises(DataError, match="stdin: is empty or has been read before"):
        source.content("-")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(packed(content),))
        writer.start()
        assert source.content(tmp_path / "pipe") == content
        writer.join()


def test_an_array_is_mapped_and_not_read(tmp_path, monkeypatch):
    path = tmp_path / "x.npy"
    array = np.lib.format.open_memmap(
        path, "w+", np.float32, (1 << 17, 2048, 1)
    )  # 1 GiB, if it were not a hole
    array[-1, -1] = 5
    del array
    content = source.content(path)
    assert isinstance(content, mmap.mmap)
    assert len(content) > 1 << 30
    assert content[:6] == source.NUMPY
    with path.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        assert isinstance(source.content("-"), mmap.mmap)
        with pytest.raises(DataError, match="read before"):
            source.content("-")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty$"),
        (gzip.compress(b""), "is empty$"),
        (gzip.compress(bytes(90))[:-5], "the gzip data is cut short or damaged"),
        (gzip.compress(b"abc") + b"junk", "the gzip data is cut short or damaged"),
        (bz2.compress(b"abc"), "is compressed by bzip2; expected gzip"),
        (lzma.compress(b"abc"), "is compressed by xz; expected gzip"),
        (b"\x28\xb5\x2f\xfd____", "is compressed by zstd; expected gzip"),
        (bytes(101), "more than 100 bytes"),
        (gzip.compress(bytes(10_000)), "more than 100 bytes"),
    ],
    ids=itertools.count(),
)
def test_what_cannot_be_read_is_named(content, message, tmp_path, monkeypatch):
    monkeypatch.setattr(source, "MAX_BYTES", 100)
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match=rf"a: {message}"):
        source.content(tmp_path / "a")


def test_a_missing_file_and_a_folder_are_named(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"none\.csv: cannot be read"):
        source.content(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"cannot be read"):
        source.content(tmp_path)
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(DataError, match="stdin: is not there"):
        source.content("-")


def test_text_of_every_system():
    lines = "größer\nkleiner\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"):
        mark = "\ufeff" if encoding[-2:] in ("le", "be") else ""
        for end in ("\n", "\r\n", "\r"):
            assert source.text("a", (mark + lines.replace("\n", end)).encode(encoding)) == lines
    with pytest.raises(DataError, match="a, line 2: is no text in UTF-8"):
        source.text("a", b"one\n\xe4\n")
    assert source.suffix("walks.CSV.gz") == ".csv"
    assert source.suffix("-") == source.suffix("/dev/fd/63") == ""


def test_files_of_a_folder_follow_links_but_not_in_circles(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    for name in ("in/b.wav", "in/deep/a.WAV.gz", "in/.hidden.wav", "in/notes.txt", "out/c.wav"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "out")
    (tmp_path / "out" / "circle").symlink_to(tmp_path / "in")
    chosen, others = source.files(tmp_path / "in", (".wav",))
    assert [str(path.relative_to(tmp_path / "in")) for path in chosen] == [
        "b.wav",
        "deep/a.WAV.gz",
        "linked/c.wav",
    ]
    assert [path.name for path in others] == ["notes.txt"]
