from __future__ import annotations

import gzip
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hadamrnn_ext.data import archive
from hadamrnn_ext.errors import DataError

CONTENTS = {"a/1.txt": b"one" * 40, "a/2.txt": b"two" * 40, "b.bin": b"\0" * 99}


def _read_zip(path: Path, **limits: int) -> dict[str, bytes]:
    return archive.read_zip(path, ["a/2.txt", "a/1.txt"], **{"max_bytes": 1000, **limits})


def _read_tar(path: Path, **limits: int) -> dict[str, bytes]:
    return archive.read_tar(path, r"a/\d\.txt", **{"max_bytes": 1000, "max_members": 10, **limits})


READERS = {"put_zip": _read_zip, "put_tar": _read_tar}


@pytest.fixture(params=READERS)
def kind(request) -> tuple[Callable[..., Path], Callable[..., dict[str, bytes]]]:
    """How an archive of a kind is made, and read."""
    return request.getfixturevalue(request.param), READERS[request.param]


def test_members_come_in_the_order_asked_for_or_by_name(tmp_path, put_zip, put_tar):
    assert list(_read_zip(put_zip(tmp_path / "x.zip", CONTENTS)).items()) == [
        ("a/2.txt", b"two" * 40),
        ("a/1.txt", b"one" * 40),
    ]
    for mode in ("w:gz", "w"):
        packed = put_tar(tmp_path / "x.tar", dict(reversed(CONTENTS.items())), mode)
        assert list(_read_tar(packed).items()) == [("a/1.txt", b"one" * 40), ("a/2.txt", b"two" * 40)]


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", "C:\\evil", "..\\evil"])
def test_names_that_lead_out_are_refused_even_of_members_that_nobody_asks_for(tmp_path, kind, name):
    pack, read = kind
    with pytest.raises(DataError, match="leads out of the archive"):
        read(pack(tmp_path / "x", {**CONTENTS, name: b"x"}))


def test_large_members_and_missing_files_are_refused(tmp_path, kind):
    pack, read = kind
    path = pack(tmp_path / "x", {**CONTENTS, "a/3.txt": bytes(1001)})
    with pytest.raises(DataError, match=r"'a/3\.txt' has 1001 bytes, above the limit of 1000"):
        read(path)
    assert read(path, max_bytes=1001)
    with pytest.raises(DataError, match="no such file"):
        read(tmp_path / "nothing")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_named_twice_is_refused(tmp_path, kind):
    pack, read = kind
    path = pack(tmp_path / "x", CONTENTS)
    if read is _read_zip:
        with zipfile.ZipFile(path, "a") as file:
            file.writestr("b.bin", b"another")
    else:
        with tarfile.open(path, "w") as file:
            for _ in range(2):
                file.addfile(tarfile.TarInfo("b.bin"))
    with pytest.raises(DataError, match=r"holds 'b\.bin' twice"):
        read(path)


def test_no_cut_and_no_flipped_bit_changes_what_is_read(tmp_path, kind):
    pack, read = kind
    whole = pack(tmp_path / "x", CONTENTS)
    packed, expected = whole.read_bytes(), read(whole)
    cuts = [packed[:length] for length in range(len(packed))]
    flips = [packed[:at] + bytes([packed[at] ^ 1 << at % 8]) + packed[at + 1 :] for at in range(len(packed))]
    refused = 0
    for content in cuts + flips:
        whole.write_bytes(content)
        try:
            met = read(whole)
        except DataError:
            refused += 1
            continue
        assert (
            met == expected
        )  # cut in the padding at the end of a tar; another date, or name of what nobody reads
    assert refused > 0.8 * len(cuts)


def test_links_are_no_files_and_a_crowd_of_members_is_refused(tmp_path, put_tar):
    with tarfile.open(tmp_path / "x", "w") as file:
        link = tarfile.TarInfo("a/1.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    with pytest.raises(DataError, match=r"'a/1\.txt' is not a plain file"):
        _read_tar(tmp_path / "x")
    with pytest.raises(DataError, match="more than 2 members"):
        _read_tar(put_tar(tmp_path / "y", CONTENTS), max_members=2)


def test_missing_members_and_encrypted_ones_are_refused(tmp_path, put_zip):
    path = put_zip(tmp_path / "x", {"a/1.txt": b"x"})
    with pytest.raises(DataError, match=r"lacks 1 of 2 members, first 'a/2\.txt'"):
        _read_zip(path)
    path = put_zip(tmp_path / "y", CONTENTS)
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1  # "encrypted", in the first entry of the directory
    path.write_bytes(content)
    with pytest.raises(DataError, match="cut short or damaged"):
        _read_zip(path)


def test_the_digest_tells_contents_and_where_they_end():
    assert archive.digest([b"ab", b"c"]) != archive.digest([b"a", b"bc"])
    assert archive.digest([b"ab", b"c"]) == archive.digest(iter([b"ab", b"c"]))
    assert len(archive.digest([])) == 64


def test_not_an_archive_at_all(tmp_path):
    (tmp_path / "x").write_bytes(gzip.compress(b"text"))
    for read in READERS.values():
        with pytest.raises(DataError, match="cut short or damaged"):
            read(tmp_path / "x")
