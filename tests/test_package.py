"""The package from outside: what it imports, its version, and its examples."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import hadamrnn_ext
from hadamrnn_ext import cli

ROOT = Path(__file__).resolve().parents[1]


def test_import_brings_in_numpy_and_safetensors_only():
    code = """
import sys
import numpy, safetensors.numpy
before = {name.partition(".")[0] for name in sys.modules}
import hadamrnn_ext
after = {name.partition(".")[0] for name in sys.modules}
print(sorted(after - before - sys.stdlib_module_names))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "['hadamrnn_ext']"


def test_version_is_the_same_everywhere(capsys):
    stated = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert stated is not None
    assert version("hadamrnn_ext") == stated[1]
    assert f"version: {stated[1]}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## [{stated[1]}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert hadamrnn_ext.__version__ == stated[1]
    with pytest.raises(SystemExit) as exit_:
        cli.main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out == f"hadamrnn_ext {stated[1]}\n"


def test_demo_runs(capsys):
    demo = runpy.run_path(str(ROOT / "examples" / "digits.py"))
    assert demo["picture"](np.array([[255, 0, 255, 0], [255, 255, 0, 0]])) == "█▄▀"
    demo["main"]()
    assert "it is 7" in capsys.readouterr().out


def test_from_torch_to_a_microcontroller(tmp_path, capsys):
    pytest.importorskip("torch")
    script = runpy.run_path(str(ROOT / "examples" / "torch_to_microcontroller.py"))
    assert (
        script["main"](epochs=1, folder=str(tmp_path)) > 0.4
    )  # the program compares every logit with Python's
    assert "every logit is that of Python" in capsys.readouterr().out
