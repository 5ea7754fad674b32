"""Templates of C: files of ``templates/``, into which the values of a model are inserted.

    $name, ${name}                            the value of this name
    //if name .. //else .. //end              lines to keep if the value is true; also ``not name`` and ``name == word``
    //each name .. //end                      lines to repeat for each mapping in the value, which adds to the values
    //use file                                another template, rendered with the same values

The exported C99 has no comments that begin with two slashes, so every order is a comment and an editor reads a template as C.
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
    """The text of the template of this name with ``values`` inserted, and with no more than one empty line in a row."""
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
    """The lines of a section that has just begun: those up to ``//else``, and those from there to ``//end``."""
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
