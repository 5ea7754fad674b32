from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from hadamrnn_ext.data import idx
from hadamrnn_ext.errors import DataError

ARRAY = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
CONTENT = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2, 3, 4) + bytes(range(24))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some-idx3-ubyte"


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_reads_the_array_compressed_or_not_under_any_name(path, compress):
    path.write_bytes(compress(CONTENT))
    array = idx.read(path, md5=hashlib.md5(CONTENT).hexdigest())
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(array, ARRAY)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file: it begins with nothing"),
        (b"\0\0\x08", "not an IDX file"),
        (b"PK\x03\x04 and so on", "not an IDX file: it begins with 50 4b"),
        (bytes([0, 0, 0x0D, 1]) + CONTENT[4:], "type 0x0d, expected 0x08"),
        (bytes([0, 0, 8, 0]), "0 dimensions, expected 1 to 4"),
        (bytes([0, 0, 8, 200]) + CONTENT[4:], "200 dimensions"),
        (CONTENT[:10], "ends inside its header"),
        (CONTENT[:-1], "2 x 3 x 4 = 24 bytes of data, the file has 23 bytes"),
        (CONTENT + b"\0", "24 bytes of data, the file has more"),
        (bytes([0, 0, 8, 4]) + b"\xff" * 16, "above the limit"),
    ],
)
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_refuses_what_is_not_whole_idx(path, compress, content, message):
    path.write_bytes(compress(content))
    with pytest.raises(DataError, match=message) as caught:
        idx.read(path)
    assert str(path) in str(caught.value)


def test_every_cut_and_every_bit_flip_of_a_gzip_file_is_an_error_or_harmless(path):
    packed = gzip.compress(CONTENT, mtime=0)
    md5 = hashlib.md5(CONTENT).hexdigest()
    damaged = [packed[:length] for length in range(len(packed))]
    damaged += [
        packed[:at] + bytes([packed[at] ^ 1 << bit]) + packed[at + 1 :]
        for at in range(len(packed))
        for bit in range(8)
    ]
    harmless = 0
    for content in damaged:
        path.write_bytes(content)
        try:
            array = idx.read(path, md5=md5)
        except DataError:
            continue
        np.testing.assert_array_equal(array, ARRAY)  # a flip in the time stamp, say
        harmless += 1
    assert harmless < len(damaged) / 2


def test_a_wrong_checksum_names_both_digests(path):
    path.write_bytes(CONTENT)
    with pytest.raises(DataError, match=f"{hashlib.md5(CONTENT).hexdigest()}, expected 0123"):
        idx.read(path, md5="0123")


def test_missing_files_and_folders_are_data_errors(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        idx.read(tmp_path / "nothing")
    with pytest.raises(DataError, match="cannot be read"):
        idx.read(tmp_path)
