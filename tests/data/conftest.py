"""What tests of the readers share: archives, and a system without data of its own."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hadamrnn_ext.data import folders

Pack = Callable[..., Path]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """No environment, an empty cache and no folder of the system: what the user has must not change what is tested."""
    monkeypatch.delenv(folders.ENVIRONMENT, raising=False)
    monkeypatch.setattr(folders, "cache", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def put_zip() -> Pack:
    return _put_zip


@pytest.fixture
def put_tar() -> Pack:
    return _put_tar


def _put_zip(path: Path, contents: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return path


def _put_tar(path: Path, contents: dict[str, bytes], mode: str = "w:gz") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as file:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path
