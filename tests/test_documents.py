"""What the documents say: their Python and their shell commands run, and their links lead somewhere.

A page's blocks, and the whole commands within its text, are tried in the order in which a reader meets them, in one
folder, where files lie that a reader is said to have (`READERS_FILES`). A shell finds stand-ins of `hadamrnn`, `python`
and so on first: tests/stand_in.py, which makes long commands short by their own options, and has those of which it
cannot (`ONLY_PARSED`) only parsed. So are the commands within the pages of recipes (`RECIPES`), hours of training.
"""

from __future__ import annotations

import contextlib
import csv
import importlib
import os
import re
import runpy
import shlex
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import hadamrnn_ext
from hadamrnn_ext import cli, recipe
from hadamrnn_ext.cli.effect import note_given, refuse_idle
from hadamrnn_ext.cli.recipe_options import configuration
from hadamrnn_ext.export import wasm

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (".", "bench", "cpp", "docs", "fuzz")
DOCUMENTS = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.md"))]
RECIPES = ("docs/all_runs.md", "docs/tasks.md")
STAND_INS = (
    "hadamrnn",
    "python",
    "sensor",
    "pip",
    "make",
    "cmake",
    "valgrind",
    "build/cpp/native/cpp/tests/hadamrnn_tests",
)
#: What a command begins with that is parsed and not run, and why.
ONLY_PARSED = {
    "pip install": "takes the network",
    "make": "takes minutes; the targets are there",
    "cmake": "takes minutes; the options are there",
    "valgrind": "needs valgrind",
    "hadamrnn_tests": "needs the build before it",
    "python bench/run.py": "takes minutes",
    "python bench/page.py": "needs measurements",
    "python -m boards": "its compiler or its emulator is not installed",
    "python fuzz/run.py": "takes minutes, or reads what it has found",
}


#: What stands for anything of its kind in a command within a text.
PLACEHOLDERS = {"MODEL": "smnist", "FILE": "x.png", "DIR": "folder", "K": "8", "N": "2", "PRESET": "smnist"}
PLACEHOLDERS |= {"TASK": "har2", "NAME": "digits", "P": "best", "S": "0.01"}


def blocks(document: Path) -> list[tuple[str, str]]:
    """The blocks of a page, each with its language; a whole command of `hadamrnn` within the text is a block of shell."""
    text = document.read_text(encoding="utf-8")
    found = []
    for match in re.finditer(r"^```(\w+)\n(.*?)^```$|`([^`]+)`", text, re.MULTILINE | re.DOTALL):
        language, code, span = match.groups()
        if language:
            found.append((language, code))
        elif str(document.relative_to(ROOT)) not in (*RECIPES, "CHANGELOG.md") and is_whole(span):
            found.append(("sh", " ".join(span.split())))
    return found


def is_whole(span: str) -> bool:
    """Whether a command within a text says all that it takes, and does not stand for others."""
    words = span.split()
    return (
        re.match(r"(sensor \| )?hadamrnn \S+ ", " ".join(words)) is not None
        and not PLACEHOLDERS.keys() & set(words)
        and "..." not in words
    )


def commands(block: str) -> list[str]:
    """The lines of a block of shell, without comments; those that end in a backslash go on."""
    lines = block.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def walks(path: str, people: int, gap: int | None = 2) -> None:
    """A table of series of unequal lengths, with a missing value at one step of each."""
    rng = np.random.default_rng(0)
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "time", "label", "x", "y"])
        for i in range(people):
            for t in range(int(rng.integers(5, 9))):
                label = ("walk", "run")[i % 2]
                rows.writerow(
                    [i, t, label, "" if t == gap else round(rng.normal() + i % 2, 3), round(rng.normal(), 3)]
                )


def sounds(folder: str, names: tuple[str, ...], count: int) -> None:
    rng = np.random.default_rng(0)
    for number, name in enumerate(names):
        (Path(folder) / name).mkdir(parents=True)
        for i in range(count):
            tone = np.sin(np.arange(4000) * (0.1 + 0.2 * number)) + 0.1 * rng.normal(size=4000)
            with wave.open(str(Path(folder) / name / f"{i}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes((8000 * tone).astype("<i2").tobytes())


def own_data() -> None:
    rng = np.random.default_rng(1)
    np.savez("train.npz", X=rng.normal(size=(30, 6, 2)), y=np.resize(["up", "down"], 30))
    np.savez("test.npz", X=rng.normal(size=(10, 6, 2)), y=np.resize(["up", "down"], 10))
    walks("walks.csv", 30)
    walks("new.csv", 8)
    sounds("words", ("yes", "no"), 12)
    sounds("new", ("yes", "no"), 3)
    sounds("recordings", ("",), 3)
    sounds("talk", ("",), 12)


def readme() -> None:
    own_data()
    np.save("series.npy", np.zeros((784, 1), np.float32))
    walks("new.csv", 8, gap=None)


READERS_FILES: dict[str, Callable[[], object]] = {
    "README.md": readme,
    "docs/own_data.md": own_data,
}


@pytest.fixture
def shell(tmp_path, tmp_path_factory, monkeypatch, request):
    """Runs a line as a reader's shell does, in the reader's folder; what was only parsed is in `shell.parsed`."""
    folder = tmp_path_factory.mktemp("bin")
    log = folder / "parsed"
    for name in STAND_INS:
        place = tmp_path / name if "/" in name else folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {ROOT / "tests" / "stand_in.py"} {name} "$@"\n'
        )
        place.chmod(0o755)
    for name in ("bench", "fuzz", "tools", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = {
        "PATH": os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HADAMRNN_PARSED": str(log),
        "HADAMRNN_PATH": os.environ["PATH"],
        "HADAMRNN_PACKAGE": str(Path(hadamrnn_ext.__file__).parents[1]),
        "OMP_NUM_THREADS": "1",
    }

    def run(line: str) -> None:
        variables = dict(environment)
        if re.search(r"\b(train|eval|quantize|boards|data mnist)\b", line) and "custom" not in line:
            variables["HADAMRNN_DATA"] = str(request.getfixturevalue("data_dir"))
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"

    run.parsed = lambda: log.read_text().splitlines() if log.exists() else []
    return run


def needed(language: str, code: str) -> Iterator[str]:
    """Libraries without which a reader does not get far."""
    if language == "python":
        yield from re.findall(r"^(?:from|import) (torch|sklearn|dask|pandas)\b", code, re.MULTILINE)
        if re.search(r"import (train|nn)\b", code):
            yield "torch"
        if "export.web" in code and not wasm.compilers():
            yield "ziglang"
    elif "--web" in code and not wasm.compilers():
        yield "ziglang"
    elif re.search(r"hadamrnn (train|report)\b", code):
        yield "torch"
    elif "hadamrnn plot" in code or "bench/page.py" in code:
        yield "matplotlib"


PAGES = [
    pytest.param(path, id=str(path.relative_to(ROOT)))
    for path in DOCUMENTS
    if any(language in ("python", "sh") for language, _ in blocks(path))
]


@pytest.mark.parametrize("document", PAGES)
def test_what_a_page_says_works(document, tmp_path, monkeypatch, shell):
    monkeypatch.chdir(tmp_path)
    READERS_FILES.get(str(document.relative_to(ROOT)), lambda: None)()
    for number, (language, code) in enumerate(blocks(document)):
        for library in needed(language, code):
            pytest.importorskip(library)
        if language == "python":  # in a namespace of its own
            (tmp_path / f"block{number}.py").write_text(code, encoding="utf-8")
            runpy.run_path(f"block{number}.py")
        elif language == "sh":
            for line in commands(code):
                shell(line)
    for line in shell.parsed():
        kind = next((begin for begin in ONLY_PARSED if line.startswith(begin)), None)
        assert kind is not None, f"{line} was not run"
        print(f"only parsed: {line} ({ONLY_PARSED[kind]})")


def inline(document: Path, command: str) -> list[str]:
    """Commands within the text of a page, `like this --one`, some of which are broken by the end of a line."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    spans = (" ".join(span.split()) for span in text.split("`")[1::2])
    return [span for span in spans if re.search(rf"(^|[ |]){command} .", span)]


def parsed(line: str) -> None:
    """Parses a command line of `hadamrnn` as the program does, and checks its options and its recipe without any data."""
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(line, comments=True)]
    while "|" in words:
        words = words[words.index("|") + 1 :]
    if words[0] == "torchrun":
        words = ["hadamrnn", *words[words.index("hadamrnn_ext") + 1 :]]
    assert words[0] == "hadamrnn", line
    if words[1:] == ["train", "..."]:
        return
    if len(words) == 2 or words[2].startswith("..."):
        assert words[1] in cli.COMMANDS, line
        return
    parser = cli._parser()
    arguments = note_given(parser, parser.parse_args(words[1:]), words[1:])
    refuse_idle(arguments)
    if arguments.command == "train" and arguments.preset in recipe.PRESETS:
        config = configuration(arguments, recipe.get_preset(arguments.preset))
        assert config.preset.task == recipe.get_preset(arguments.preset).task


INLINE = [
    pytest.param(path, id=str(path.relative_to(ROOT)))
    for path in DOCUMENTS
    if path.name != "CHANGELOG.md"
    and inline(path, "hadamrnn")  # which tells of options, not of whole commands
]


@pytest.mark.parametrize("document", INLINE)
def test_commands_within_a_text_are_commands(document):
    for line in inline(document, "hadamrnn"):
        with contextlib.suppress(StopIteration):
            parsed(line)


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_examples_of_the_help_are_commands(command):
    module, _ = cli.COMMANDS[command]
    for line in importlib.import_module(f"hadamrnn_ext.cli.{module}").EXAMPLES.splitlines():
        parsed(re.sub(r"\s{3,}.*", "", line.strip()))


def test_targets_of_make_and_extras_within_texts_are_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    extras = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    for document in DOCUMENTS:
        for line in inline(document, "make"):
            for target in [word for word in shlex.split(line)[1:] if "=" not in word]:
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), (document, line)
        for line in inline(document, "pip install"):
            for group in re.findall(r"\[([\w,]+)\]", line):
                assert set(group.split(",")) <= set(extras), (document, line)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(path):
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    for target in targets:
        assert (path.parent / target).exists(), target
