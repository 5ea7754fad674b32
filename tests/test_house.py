"""The house: which module may import which. Imports point down the storeys, and files form no circle."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "python" / "hadamrnn_ext"

#: From the roof to the ground, as CONTRIBUTING.md draws them: the rooms of a storey, then what they are for.
_PAGE = (PACKAGE.parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
STOREYS = [
    re.split(r" {2,}", line)[0].split() for line in _PAGE.split("```text\n")[1].split("```")[0].splitlines()
]
LEVEL = {room: level for level, rooms in enumerate(reversed(STOREYS)) for room in rooms}


def files() -> dict[str, Path]:
    """Module name below the package -> file; a folder's __init__ has the folder's name, and stands on its roof."""
    found = {}
    for path in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.glob("_core.pyi")]):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


FILES = files()


def imports(name: str) -> set[str]:
    """The modules of the package that a file imports, those for type checkers and in functions included."""
    path = FILES[name]
    here = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    here = [part for part in here if part]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or (not node.level and node.module != "hadamrnn_ext"):
            continue
        base = here[: len(here) - (node.level - 1)] if node.level else []
        module = ".".join([*base, *([node.module] if node.level and node.module else [])])
        for alias in node.names:
            full = f"{module}.{alias.name}".strip(".")
            found.add(full if full in FILES else module)
    return found - {name}


def room(name: str) -> str:
    """The folder, or the file, of the package that a module stands in; `python -m hadamrnn_ext` is the command line."""
    return "cli" if name == "__main__" else name.split(".")[0]


def test_every_file_has_its_storey():
    assert {room(name) for name in FILES if name} == set(LEVEL)
    assert len(STOREYS) <= 11


@pytest.mark.parametrize("name", [name for name in FILES if name])
def test_no_import_points_up_or_aside(name):
    for target in imports(name):
        if room(target) != room(name):
            assert target, f"{name} imports the package itself; expected the module that it means"
            assert LEVEL[room(target)] < LEVEL[room(name)], f"{name} imports {target}, which is not below it"


def test_files_form_no_circle():
    arrows = {name: imports(name) & FILES.keys() for name in FILES}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for target in sorted(arrows[name]):
                visit(target, (*path, name))
            done.add(name)

    for name in FILES:
        visit(name, ())


@pytest.mark.parametrize("name", [name for name in FILES if name])
def test_no_file_is_long(name):
    assert len(FILES[name].read_text(encoding="utf-8").splitlines()) <= 400
