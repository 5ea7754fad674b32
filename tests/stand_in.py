"""What a shell of tests/test_documents.py runs instead of a program: the program, made short by its own options, or no
more than a check of what it is told.

python tests/stand_in.py PROGRAM [ARGUMENT ...]; HADAMRNN_PARSED names a file for what was only checked, HADAMRNN_PACKAGE the folder
of the package, HADAMRNN_PATH where programs are.
"""

from __future__ import annotations

import argparse
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [os.environ["HADAMRNN_PACKAGE"], *(path for path in sys.path if path != str(ROOT / "tests"))]


def shorter(words: Sequence[str]) -> list[str]:
    """A command line of `hadamrnn` that does the same with less."""
    if words[0] == "train" and "closed_form" not in words:
        less = ["--epochs", "1", "--hidden-size", "16"]
        if words[1] != "custom":
            less += ["--limit-train", "64"]
        if words[1] == "copy":
            less += ["--length", "30"]
        return [*words, *less]
    more = {"bench": ["--seconds", "0"], "quantize": ["--calibrate", "16"]}
    return [*words, *more.get(words[0], [])]


def hadamrnn(words: Sequence[str]) -> None:
    from hadamrnn_ext import cli

    sys.argv = ["hadamrnn", *shorter(words)]
    sys.exit(cli.main())


def python(words: Sequence[str]) -> None:
    """A script of the project; those that take long only parse their arguments."""
    extra = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[1:1] = [path for path in extra if path]
    if words[:2] in (["-m", "boards"], ["-m", "boards.bundled"]):
        less = ["--count", "1"] if words[1] == "boards" else ["copy-int12"]
        sys.argv = [words[1], *words[2:], *less]
        if lacking(words):
            only_parse(words)
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, str(Path(words[0]).resolve().parent))
        sys.argv = list(words)
        if "--help" not in words:
            only_parse(words)
        runpy.run_path(words[0], run_name="__main__")


def lacking(words: Sequence[str]) -> bool:
    """Whether a board has no compiler or emulator here, where that may be."""
    from boards.table import BOARDS, missing_tools

    board = BOARDS[words[words.index("--board") + 1] if "--board" in words else "m4"]
    return missing_tools([board]) is not None and not os.environ.get("HADAMRNN_CI")


def only_parse(words: Sequence[str]) -> None:
    """Ends the program that is run next once it has parsed its arguments."""
    parse = argparse.ArgumentParser.parse_args

    def parse_args(parser: argparse.ArgumentParser, *given: object) -> argparse.Namespace:
        parse(parser)
        only("python", words)
        sys.exit(0)

    argparse.ArgumentParser.parse_args = parse_args  # type: ignore[method-assign,assignment]


def sensor(words: Sequence[str]) -> None:
    """Nine channels, as they come."""
    for step in range(3):
        print(*[0.1 * step] * 9, flush=True)


def pip(words: Sequence[str]) -> None:
    extras = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    asked = [extra for word in words for group in re.findall(r"\[(.*)\]", word) for extra in group.split(",")]
    check(words[0] == "install" and set(asked) <= set(extras), words)
    only("pip", words)


def make(words: Sequence[str]) -> None:
    program = shutil.which("make", path=os.environ["HADAMRNN_PATH"])  # not this stand-in again
    check(program is not None, ["make"])
    command = [str(program), "--dry-run", "--directory", str(ROOT), *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    only("make", words)


def cmake(words: Sequence[str]) -> None:
    text = (ROOT / "CMakeLists.txt").read_text()
    check(all(re.search(rf"\b{name}\b", text) for name in re.findall(r"-D(\w+)=", " ".join(words))), words)
    only("cmake", words)


def valgrind(words: Sequence[str]) -> None:
    program = next(word for word in words if not word.startswith("-"))
    check(program in (ROOT / "bench" / "CMakeLists.txt").read_text(), words)
    only("valgrind", words)


def hadamrnn_tests(words: Sequence[str]) -> None:
    check((ROOT / words[0]).is_file(), words)
    only("hadamrnn_tests", words)


def check(right: bool, words: Sequence[str]) -> None:
    if not right:
        sys.exit(f"there is no {shlex.join(words)}")


def only(program: str, words: Sequence[str]) -> None:
    with open(os.environ["HADAMRNN_PARSED"], "a", encoding="utf-8") as file:
        print(program, shlex.join(words), file=file)


if __name__ == "__main__":
    name = sys.argv[1].rsplit("/", 1)[-1]
    {
        function.__name__: function
        for function in (hadamrnn, python, sensor, pip, make, cmake, valgrind, hadamrnn_tests)
    }[name](sys.argv[2:])
