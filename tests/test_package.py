"""The package from outside: what it imports, its version, and what the documents say about it."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from hadamrnn_ext import cli

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    path for folder in (".", "bench", "cpp", "docs") for path in sorted((ROOT / folder).glob("*.md"))
]


def blocks(document: Path, language: str) -> list[str]:
    text = document.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def documents(language: str) -> list[object]:
    """Those with blocks of a language, as parameters of a test."""
    found = [path for path in DOCUMENTS if blocks(path, language)]
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in found]


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
    with pytest.raises(SystemExit) as exit_:
        cli.main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out == f"hadamrnn_ext {stated[1]}\n"


@pytest.mark.parametrize("document", documents("python"))
def test_python_in_the_documentation_runs(document, tmp_path, monkeypatch):
    """A page's blocks one after another in one folder, each with a namespace of its own."""
    monkeypatch.chdir(tmp_path)
    for number, code in enumerate(blocks(document, "python")):
        if re.search(r"import torch|import train", code):
            pytest.importorskip("torch")
        for library in re.findall(r"^(?:from|import) (sklearn|dask|pandas)\b", code, re.MULTILINE):
            pytest.importorskip(library)
        (tmp_path / f"block{number}.py").write_text(code, encoding="utf-8")
        runpy.run_path(f"block{number}.py")


@pytest.mark.parametrize("document", documents("sh"))
def test_commands_in_the_documentation_are_commands(document):
    lines = [
        shlex.split(line, comments=True)
        for block in blocks(document, "sh")
        for line in block.replace("\\\n", " ").splitlines()
    ]
    for command, *arguments in filter(None, lines):
        if command == "hadamrnn":
            assert callable(cli._parser().parse_args(arguments).run)
        else:
            assert shutil.which(command) or command in ("pip", "cc", "for"), command


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


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(path):
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    for target in targets:
        assert (path.parent / target).exists(), target
