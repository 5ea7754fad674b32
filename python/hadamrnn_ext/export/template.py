"""Templates of C: a file of ``templates/`` with the values of a model put in.

    $name, ${name}                            the value of this name
    //if name .. //else .. //end              lines for where the value is true; ``not name`` and ``name == word`` too
    //each name .. //end                      lines for each of the mappings that the value is, which add to the values
    //use file                                another template, with the same values

C99 of ours has no other comments that begin with two slashes, so that a template is C for an editor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from string import Template
from typing import Any

__all__ = ["render"]

Values = Mapping[str, Any]
_ORDER = re.compile(r"//(if|else|end|each|use)(?: (.+))?")


def render(name: str, values: Values) -> str:
    """The text that the template of this name makes of ``values``, without more than one empty line at a time."""
    text = "\n".join(_expand(_lines(name), values)) + "\n"
    return re.sub(r"\n{3,}", "\n\n", text)


def _lines(name: str) -> list[str]:
    return (files(__package__) / "templates" / name).read_text(encoding="utf-8").splitlines()


def _expand(lines: list[str], values: Values) -> Iterator[str]:
    rest = iter(lines)
    for line in rest:
        if (order := _ORDER.fullmatch(line)) is None:
            yield Template(line).substitute(values)
        elif order[1] == "use":
            yield from _expand(_lines(order[2]), values)
        elif order[1] == "if":
            then, otherwise = _section(rest)
            yield from _expand(then if _holds(order[2], values) else otherwise, values)
        elif order[1] == "each":
            body, _ = _section(rest)
            for each in values[order[2]]:
                yield from _expand(body, {**values, **each})
        else:
            raise ValueError(f"{line} without a section that it belongs to")


def _section(rest: Iterator[str]) -> tuple[list[str], list[str]]:
    """The lines of a section that has just begun: up to its ``//else``, and from there to its ``//end``."""
    parts: tuple[list[str], list[str]] = ([], [])
    depth, part = 0, 0
    for line in rest:
        order = _ORDER.fullmatch(line)
        word = None if order is None else order[1]
        if depth == 0 and word == "end":
            return parts
        if depth == 0 and word == "else":
            part = 1
            continue
        depth += (word in ("if", "each")) - (word == "end")
        parts[part].append(line)
    raise ValueError("a section without //end")


def _holds(condition: str, values: Values) -> bool:
    if " == " in condition:
        name, word = condition.split(" == ")
        return str(values[name]) == word
    negated = condition.startswith("not ")
    return bool(values[condition.removeprefix("not ")]) != negated
