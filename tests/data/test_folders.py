"""Where data sets are looked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hadamrnn_ext.data import folders, mnist
from hadamrnn_ext.data.parsed import parsed
from hadamrnn_ext.errors import DataError


def test_a_user_without_a_home_has_no_cache(digits_dir, monkeypatch):
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(folders.ENVIRONMENT, str(digits_dir))
    assert len(mnist.read(verify=False)[1]) == 20
    assert parsed("some", b"source", lambda: {"x": np.arange(2)})["x"].tolist() == [0, 1]
    monkeypatch.delenv(folders.ENVIRONMENT)
    with pytest.raises(DataError, match="set XDG_CACHE_HOME"):
        mnist.download()
    with pytest.raises(DataError, match="any folder that is known"):
        mnist.read()


def test_a_tilde_is_the_home(tmp_path, monkeypatch):
    """As an environment has it that no shell has read."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv(folders.ENVIRONMENT, "~/sets")
    assert folders.candidates("mnist")[:2] == [tmp_path / "sets" / "mnist", tmp_path / "sets"]
