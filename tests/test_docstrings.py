"""The examples in docstrings run and print what they say, and all that is public has one.

What is public is listed in mkdocs.yml: every name in `__all__` of the modules of the reference. `np` and `hr` are there
in every example, as they are for somebody who reads one.
"""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.export import wasm

for library in ("torch", "dask", "sklearn", "matplotlib", "onnx", "onnxruntime"):
    pytest.importorskip(library)

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "hadamrnn_ext"
PUBLIC = re.findall(r"reference/(hadamrnn_ext[\w.]*)\.md$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
WITH_EXAMPLES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
COMPILED = ("hadamrnn_ext.export.web",)  # whose examples need a compiler of WebAssembly


def public(module: ModuleType) -> dict[str, Any]:
    """The functions and classes that a module shows, by name."""
    found = {name: getattr(module, name) for name in module.__all__}
    return {
        name: shown for name, shown in found.items() if inspect.isroutine(shown) or inspect.isclass(shown)
    }


def methods(shown: Any) -> Iterator[tuple[str, str]]:
    """The public methods of a class that say what they do, each with its docstring; `forward` is the call of the module."""
    for name, member in vars(shown).items() if inspect.isclass(shown) else ():
        function = getattr(member, "__func__", member)
        if (
            not name.startswith("_")
            and name != "forward"
            and inspect.isfunction(function)
            and function.__doc__
        ):
            yield name, function.__doc__


def examples(text: str | None) -> str:
    return "".join(example.source for example in doctest.DocTestParser().get_examples(text or ""))


def test_the_reference_shows_modules_that_say_what_is_public():
    assert len(PUBLIC) >= 15
    assert "hadamrnn_ext.nn" in PUBLIC
    for name in PUBLIC:
        module = importlib.import_module(name)
        assert public(module), name
        assert module.__doc__, name


def test_examples_have_the_heading_that_the_site_knows():
    for path in PACKAGE.rglob("*.py"):
        assert not re.search(r"^ +Example:$", path.read_text(encoding="utf-8"), re.MULTILINE), path


@pytest.mark.parametrize("name", PUBLIC)
def test_all_that_is_public_has_an_example(name):
    for called, shown in public(importlib.import_module(name)).items():
        assert examples(shown.__doc__), f"{name}.{called} has no example"


def test_every_public_method_is_in_an_example():
    shown = {
        f"{name}.{called}": one
        for name in PUBLIC
        for called, one in public(importlib.import_module(name)).items()
    }
    said = "".join(
        examples(text) for one in shown.values() for text in (one.__doc__, *dict(methods(one)).values())
    )
    for called, one in shown.items():
        for method, text in methods(one):
            assert examples(text) or f".{method}(" in said, f"{called}.{method} is in no example"


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_print_what_they_say(name, tmp_path, monkeypatch):
    if name in COMPILED and not wasm.compilers():
        pytest.skip("no compiler of WebAssembly")
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    tests = doctest.DocTestFinder(exclude_empty=True).find(module, name, extraglobs={"np": np, "hr": hr})
    runner, told = doctest.DocTestRunner(optionflags=FLAGS), list[str]()
    for test in tests:
        runner.run(test, out=told.append)
    assert runner.tries, f"{name}: no example was found"
    assert not runner.failures, "".join(told)
