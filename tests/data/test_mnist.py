from __future__ import annotations

import gzip
import hashlib
import http.server
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from hadamrnn_ext.data import folders, mnist
from hadamrnn_ext.errors import DataError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch) -> Path:
    """No environment and an empty cache: what the user has must not change what is tested."""
    monkeypatch.delenv(folders.ENVIRONMENT, raising=False)
    cache = tmp_path / "cache"
    monkeypatch.setattr(folders, "cache", lambda: cache)
    return cache


@pytest.fixture
def small_checksums(digits_dir, monkeypatch) -> dict[str, str]:
    """Takes the small files for the real ones."""
    sums = {}
    for name in mnist.FILES:
        packed = digits_dir / "mnist" / f"{name}.gz"
        content = (
            gzip.decompress(packed.read_bytes()) if packed.exists() else packed.with_suffix("").read_bytes()
        )
        sums[name] = hashlib.md5(content).hexdigest()
    monkeypatch.setattr(mnist, "FILES", sums)
    return sums


def test_reads_images_as_rows_of_pixels(digits_dir):
    train, test = mnist.read(digits_dir, verify=False)
    assert train.images.shape == (60, 784)
    assert test.images.shape == (20, 784)
    assert (len(train), len(test)) == (60, 20)
    assert train.labels.max() <= 9
    content = (digits_dir / "mnist" / "t10k-images-idx3-ubyte").read_bytes()
    np.testing.assert_array_equal(test.images[1], np.frombuffer(content[16 + 784 : 16 + 2 * 784], np.uint8))


def test_the_folder_is_found_by_argument_then_environment_then_cache(
    digits_dir, elsewhere, monkeypatch, tmp_path
):
    with pytest.raises(DataError, match="hadamrnn data mnist"):
        mnist.DATASET.locate()
    shutil.copytree(digits_dir / "mnist", elsewhere / "mnist")
    assert mnist.DATASET.locate() == elsewhere / "mnist"
    monkeypatch.setenv(folders.ENVIRONMENT, str(digits_dir))
    assert mnist.DATASET.locate() == digits_dir / "mnist"
    by_hand = tmp_path / "by hand"
    shutil.copytree(digits_dir / "mnist", by_hand)
    assert mnist.DATASET.locate(by_hand) == by_hand
    with pytest.raises(DataError, match="nowhere"):  # a folder named by hand is not silently replaced
        mnist.DATASET.locate(tmp_path / "nowhere")


def test_the_error_says_which_files_a_folder_lacks(digits_dir, tmp_path):
    shutil.copytree(digits_dir / "mnist", tmp_path / "mnist")
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError) as caught:
        mnist.DATASET.locate(tmp_path)
    assert "mnist (without t10k-labels-idx1-ubyte), " in str(caught.value)
    assert folders.ENVIRONMENT in str(caught.value)


def test_checksums_are_compared_unless_told_otherwise(digits_dir, small_checksums, tmp_path):
    mnist.read(digits_dir)
    shutil.copytree(digits_dir / "mnist", tmp_path / "mnist")
    path = tmp_path / "mnist" / "t10k-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="md5"):
        mnist.read(tmp_path)
    mnist.read(tmp_path, verify=False)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t10k-labels-idx1-ubyte", bytes([0, 0, 8, 1, 0, 0, 0, 19]) + bytes(19), "expected \\(20,\\)"),
        (
            "t10k-labels-idx1-ubyte",
            bytes([0, 0, 8, 1, 0, 0, 0, 20]) + b"\x0a" * 20,
            "label 10, expected 0 to 9",
        ),
        (
            "t10k-images-idx3-ubyte",
            bytes([0, 0, 8, 2, 0, 0, 0, 20, 0, 0, 0, 1]) + bytes(20),
            "expected \\(N, 28, 28\\)",
        ),
    ],
)
def test_refuses_files_that_do_not_fit_together(digits_dir, tmp_path, name, content, message):
    shutil.copytree(digits_dir / "mnist", tmp_path / "mnist")
    (tmp_path / "mnist" / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        mnist.read(tmp_path, verify=False)


def test_the_real_files_have_the_published_checksums(data_dir):
    train, test = mnist.read(data_dir)
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def server(tmp_path) -> Iterator[tuple[str, Path]]:
    """A web server on this machine: its address and the folder it serves."""
    folder = tmp_path / "served"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", folder
        server.shutdown()
        thread.join()


def _serve(digits_dir: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in (digits_dir / "mnist").iterdir():
        packed = path.read_bytes() if path.suffix else gzip.compress(path.read_bytes())
        (folder / f"{path.name.removesuffix('.gz')}.gz").write_bytes(packed)


def test_download_takes_the_first_mirror_with_the_right_content(
    digits_dir, small_checksums, server, elsewhere, monkeypatch
):
    address, served = server
    _serve(digits_dir, served / "good")
    (served / "wrong").mkdir()
    for name in mnist.FILES:
        (served / "wrong" / f"{name}.gz").write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x01x"))
    monkeypatch.setattr(mnist, "MIRRORS", (f"{address}absent/", f"{address}wrong/", f"{address}good/"))
    seen = []
    folder = mnist.download(lambda name, received, total: seen.append((name, received == total)))
    assert folder == elsewhere / "mnist"
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{name}.gz" for name in mnist.FILES)
    assert {name for name, whole in seen if whole} == set(mnist.FILES)
    assert len(mnist.read()[0]) == 60


def test_download_keeps_what_is_right_and_replaces_what_is_damaged(
    digits_dir, small_checksums, server, elsewhere, monkeypatch
):
    address, served = server
    _serve(digits_dir, served)
    monkeypatch.setattr(mnist, "MIRRORS", (address,))
    mnist.download()
    damaged = elsewhere / "mnist" / "train-labels-idx1-ubyte.gz"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    asked = []
    mnist.download(lambda name, received, total: asked.append(name))
    assert asked == ["train-labels-idx1-ubyte"]
    mnist.read()


def test_nothing_is_downloaded_that_the_environment_has(
    digits_dir, small_checksums, elsewhere, tmp_path, monkeypatch
):
    """The whole set stays where it is; what is there of a part is copied, unless it is damaged."""
    asked = []

    def fetch(urls, *, check, **rest):
        name = urls[0].rsplit("/", 1)[1].removesuffix(".gz")
        asked.append(name)
        content = next((digits_dir / "mnist").glob(f"{name}*")).read_bytes()
        return content if content.startswith(b"\x1f\x8b") else gzip.compress(content)

    monkeypatch.setattr(mnist, "fetch", fetch)
    for folder in (digits_dir, digits_dir / "mnist"):
        monkeypatch.setenv("HADAMRNN_DATA", str(folder))
        assert mnist.download() == digits_dir / "mnist"
    assert not asked
    assert not elsewhere.exists()

    part = tmp_path / "part" / "mnist"
    shutil.copytree(digits_dir / "mnist", part)
    monkeypatch.setenv("HADAMRNN_DATA", str(tmp_path / "part"))
    damaged, missing = part / "t10k-labels-idx1-ubyte", part / "t10k-images-idx3-ubyte"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x0b")
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte: md5"):
        mnist.download()  # a download would not be read: this folder comes first
    missing.unlink()
    assert mnist.download() == elsewhere / "mnist"
    assert asked == [missing.name, damaged.name]
    assert len(mnist.read()[1]) == 20


def test_download_without_a_mirror_says_what_each_answered_and_leaves_nothing(
    small_checksums, server, elsewhere, monkeypatch
):
    address, served = server
    (served / "train-images-idx3-ubyte.gz").write_bytes(b"x" * 2000)
    monkeypatch.setattr(mnist, "MAX_DOWNLOAD", 1000)
    monkeypatch.setattr(mnist, "MIRRORS", (address, f"{address}absent/", "http://127.0.0.1:1/"))
    with pytest.raises(DataError) as caught:
        mnist.download()
    message = str(caught.value)
    assert "more than the 1000 bytes" in message
    assert "404" in message
    assert "http://127.0.0.1:1/" in message
    assert list((elsewhere / "mnist").iterdir()) == []
