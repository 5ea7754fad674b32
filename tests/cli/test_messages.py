"""Where a message advises an option, every command that can say it has the option."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import hadamrnn_ext
from commands import parsers
from hadamrnn_ext import cli

ROOT = Path(hadamrnn_ext.__file__).parent
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
#: Messages of modules that several commands read, which some of these alone can come to say, and why.
ONLY = {
    ("data.csv_targets", "--targets"): {"train"},  # elsewhere the model says what the targets are,
    ("data.csv_columns", "--group"): {"train"},  # and what its columns were
    ("recipe.config", "--train"): {"train"},  # the command of a run, in a report
    ("cli.custom", "--train"): {"train"},  # it reads no options of the others
    ("cli.evaluate", "--task"): {"eval", "quantize"},  # `fit` takes from it how own data are scored
}


def tree(module: str) -> ast.Module:
    path = ROOT.joinpath(*module.split("."))
    return ast.parse(
        (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")
    )


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def imports(module: str) -> Iterator[str]:
    """The modules of the package that a module imports, wherever in it."""
    package = module.split(".") if ROOT.joinpath(*module.split(".")).is_dir() else module.split(".")[:-1]
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1] + (node.module.split(".") if node.module else [])
            for alias in node.names:
                for name in (".".join([*base, alias.name]), ".".join(base)):
                    if name and is_module(name):
                        yield name
                        break


def reach(module: str) -> set[str]:
    found, waiting = set(), [module]
    while waiting:
        if (name := waiting.pop()) not in (*found, "cli"):  # which is all commands
            found.add(name)
            waiting += imports(name)
    return found


def messages(module: str) -> Iterator[tuple[str, str]]:
    """Options in the texts of a module, each with its text; documentation, examples and names of options aside."""
    root = tree(module)
    left_out = {
        id(node.body[0].value)
        for node in ast.walk(root)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(root):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            text = node.value
            if "hadamrnn " not in text and OPTION.fullmatch(text) is None:
                yield from ((option, text) for option in OPTION.findall(text))


PARSERS = parsers()
MODULES = {name: f"hadamrnn_ext.cli.{module}" for name, (module, _) in cli.COMMANDS.items()}


@pytest.mark.parametrize("command", PARSERS)
def test_a_command_has_the_options_that_its_messages_advise(command):
    module = MODULES[command].removeprefix("hadamrnn_ext.")
    options = PARSERS[command]._option_string_actions
    found = {
        (name, option): text
        for name in reach(module)
        if not name.startswith("export.")  # in which C says --planes
        for option, text in messages(name)
    }
    lacking = {
        (name, option, text)
        for (name, option), text in found.items()
        if option not in options and command in ONLY.get((name, option), {command})
    }
    assert lacking == set()


def test_the_messages_are_found():
    """Of a helper, of a module of data, and of one that is imported in a function."""
    assert ("--impute", "; impute (--impute), 'mean' or 'last', fills in missing values") in messages(
        "data.missing"
    )
    assert {"data.missing", "train.trainer", "cli.custom"} <= reach("cli.train")
    assert not {"train.trainer", "data.csv_table"} & reach("cli.info")
