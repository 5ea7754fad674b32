"""The one writer: files whole or as they were, links and modes kept, and devices, pipes and open files written into."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import hadamrnn_ext as hr
from hadamrnn_ext import disk
from hadamrnn_ext.errors import InputError

posix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX files")

#: Bytes of a bundled model's file: what every kind of target has to receive.
MODEL = hr.load("smnist").to_bytes()


def read_while(path: Path, write) -> bytes:
    """What a reader of a pipe gets while something writes to it."""
    received = []
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()), daemon=True)
    reader.start()
    write()
    reader.join(timeout=30)
    return received[0]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
def test_a_pipe_is_written_into_and_stays(tmp_path):
    pipe, link = tmp_path / "pipe.safetensors", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for target in (pipe, link):
        assert read_while(pipe, lambda target=target: hr.load("smnist").save(target)) == MODEL
        assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe.safetensors"]


@posix
def test_a_device_is_written_into_and_stays(tmp_path):
    node = tmp_path / "null"
    try:
        os.mknod(node, 0o600 | stat.S_IFCHR, os.stat(os.devnull).st_rdev)
        node.write_bytes(b"x")
    except PermissionError:
        node = Path(os.devnull)
        assert not os.access("/dev", os.W_OK)  # what replaces a device would be refused there
    hr.load("smnist").save(node)
    assert stat.S_ISCHR(node.stat().st_mode)
    assert node.stat().st_rdev == os.stat(os.devnull).st_rdev
    assert os.listdir(tmp_path) in ([], ["null"])


@posix
def test_an_open_file_is_written_at_its_place(tmp_path):
    """/dev/stdout, whatever it is: a file that output is appended to, a pipe, a file with a place to write at."""
    program = (
        "import sys, hadamrnn_ext as hr; print('before'); hr.load('smnist').save(sys.argv[1]); print('after')"
    )
    for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        if not os.path.exists(os.path.dirname(name)):
            continue
        command = [sys.executable, "-c", program, name]
        piped = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=60).stdout
        assert piped == b"before\n" + MODEL + b"after\n"
        out = tmp_path / "out"
        out.write_bytes(b"kept\n")
        with out.open("ab") as file:
            subprocess.run(command, check=True, stdout=file, timeout=60)
        assert out.read_bytes() == b"kept\n" + piped
    assert os.listdir(tmp_path) == ["out"]


def test_stdout_is_known_by_its_names():
    names = ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", f"/proc/{os.getpid()}/fd/1")
    assert all(disk.is_stdout(name) for name in names if os.path.lexists(name))
    assert not any(map(disk.is_stdout, ("1", "stdout", os.devnull, "/dev/fd/2", "/dev/stderr")))


@posix
def test_links_are_followed_and_modes_stay(tmp_path, monkeypatch):
    real, near, far = tmp_path / "real", tmp_path / "near", tmp_path / "folder" / "far"
    far.parent.mkdir()
    near.symlink_to("real")
    far.symlink_to("../near")
    real.write_bytes(b"old")
    for bits in (0o600, 0o644, 0o444, 0o755):
        real.chmod(bits)
        disk.write(far, b"new")
        assert (real.read_bytes(), mode(real)) == (b"new", bits)
    assert near.is_symlink()
    assert far.is_symlink()
    real.unlink()
    disk.write(far, b"made where the links lead")
    assert real.read_bytes() == b"made where the links lead"
    far.unlink()
    far.symlink_to(far)
    with pytest.raises(OSError, match="far"):
        disk.write(far, b"")


@posix
def test_a_new_file_has_the_usual_mode(tmp_path):
    for mask in (0o022, 0o077):
        before = os.umask(mask)
        try:
            disk.write(tmp_path / f"{mask}", b"")
        finally:
            os.umask(before)
        assert mode(tmp_path / f"{mask}") == 0o666 & ~mask


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(tmp_path):
    path = tmp_path / "theirs"
    path.write_bytes(b"old")
    os.chown(path, 12345, 54321)
    path.chmod(0o640)
    disk.write(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid, mode(path)) == (12345, 54321, 0o640)


@pytest.mark.parametrize("text", [False, True])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, text):
    path = tmp_path / "a"
    disk.write(path, b"old")

    def fail() -> None:
        with disk.whole(path, text=text) as file:
            file.write("new" if text else b"new")
            assert path.read_bytes() == b"old"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert (os.listdir(tmp_path), path.read_bytes()) == (["a"], b"old")


def test_what_cannot_be_a_file_is_named(tmp_path):
    (tmp_path / "folder").mkdir()
    for target in (tmp_path / "folder", f"{tmp_path}/new{os.sep}"):
        with pytest.raises(IsADirectoryError) as caught:
            disk.write(target, b"x")
        assert caught.value.filename == str(target)
    with pytest.raises(FileNotFoundError) as caught:
        disk.write(tmp_path / "missing" / "m", b"x")
    assert caught.value.filename == str(tmp_path / "missing" / "m")  # and not that of the temporary file
    with pytest.raises(FileNotFoundError):
        disk.write("", b"x")
    assert os.listdir(tmp_path) == ["folder"]


def test_what_cannot_be_written_is_known_before(tmp_path, monkeypatch):
    """By the error that writing would give, without a trace."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"x")
    for target in (
        tmp_path / "folder",
        f"{tmp_path}/new{os.sep}",
        tmp_path / "missing" / "m",
        tmp_path / "file" / "m",
    ):
        with pytest.raises(OSError, match=r"\w") as before:
            disk.check(target)
        with pytest.raises(OSError, match=r"\w") as after:
            disk.write(target, b"y")
        assert (before.value.errno, before.value.filename) == (after.value.errno, str(target))
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # as for somebody else
    with pytest.raises(PermissionError):
        disk.check(tmp_path / "new")
    for target in ("/dev/null", "/dev/stdout", "/dev/fd/1"):  # are written into, whoever may make files there
        disk.check(target)
    monkeypatch.undo()
    for target in (tmp_path / "new", tmp_path / "file"):
        disk.check(target)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_what_is_read_is_not_written(tmp_path, monkeypatch):
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"x")
    link.symlink_to(file)
    for target, read in ((file, file), (file, str(link)), (link, file), (f"{tmp_path}/./file", file)):
        with pytest.raises(InputError, match="expected another file to write"):
            disk.check(target, None, "-", read)
    disk.check(tmp_path / "new", file, tmp_path / "missing")
    disk.check("/dev/null", "/dev/null")  # nothing is lost in a device
    (tmp_path / "-").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    disk.check("-", "-")  # stdin is read


def test_names_as_long_as_a_system_takes_them(tmp_path):
    for name in ("n" * 255, "Ω" * 127, "\N{GRINNING FACE}" * 63):
        disk.write(tmp_path / name, name.encode())
        assert (tmp_path / name).read_bytes() == name.encode()


def test_text_is_utf8_with_the_lines_as_they_are_written(tmp_path):
    with disk.whole(tmp_path / "a", text=True) as file:
        file.write("größer\n")
    assert (tmp_path / "a").read_bytes() == "größer\n".encode()


@posix
def test_what_grows_is_there_line_by_line(tmp_path):
    path, link = tmp_path / "a", tmp_path / "link"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    with disk.growing(link, text=True) as file:
        file.write("one\n")
        assert path.read_text() == "one\n"
        file.write("two\n")
        assert path.read_text() == "one\ntwo\n"
    assert mode(path) == 0o640
    os.mkfifo(tmp_path / "pipe")

    def write() -> None:
        with disk.growing(tmp_path / "pipe") as file:
            file.write(b"x")

    assert read_while(tmp_path / "pipe", write) == b"x"
