"""What a field of a recipe says of itself: its help, the values that make sense, and how a text becomes one.

All of it stands in the field's metadata, once: the checks, the options of `hadamrnn train`, the docstrings and the
tables of docs/tasks.md are made from there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import Field, field, fields
from typing import Any, NamedTuple

from ..errors import HadamRNNError
from ..scalars import plain

__all__ = ["Idle", "PresetError", "Setting", "check", "document", "neutral", "of_card", "settings", "spelled"]


class PresetError(HadamRNNError, ValueError):
    """No such preset, or one of its values makes no sense."""


class Idle(NamedTuple):
    """A field has no effect on the recipes (a `Preset`) and tasks for which `where` holds; `because` says why."""

    because: str
    where: Callable[[Any, Any], object]


class Setting(NamedTuple):
    """What is known of a field. Names of fields stand in backquotes within its texts.

    `parse` makes a value of a word of a command line. `expected` says which values make sense, those for which `holds`
    is true; `none` says what None stands for, "" where it is no value. `option` is the name on the command line, "" for
    that of the field and None where it has none. `baseline` is what a network without Hadamard matrices must have
    here, `...` where that is free. `card` is true where the card of a model has a field of this name and meaning. `initial` is true where only the weights to begin with depend on it.
    """

    help: str
    parse: Callable[[str], Any] = str
    expected: str = "a text"
    holds: Callable[[Any], bool] = lambda value: isinstance(value, str)
    none: str = ""
    metavar: str | None = None
    option: str | None = ""
    baseline: Any = ...
    card: bool = False
    initial: bool = False
    idle: tuple[Idle, ...] = ()

    @property
    def values(self) -> str:
        """The values that make sense, in words."""
        return f"{self.expected}, or None for {self.none}" if self.none else self.expected


def text(default: Any, help: str, **more: Any) -> Any:
    """A field that takes any text, or where `holds` says so anything else."""
    return field(default=default, metadata={"setting": Setting(help, **more)})


def choice(default: Any, help: str, names: tuple[str, ...], **more: Any) -> Any:
    """A field that takes one of some names."""
    expected = f"one of {', '.join(names)}"
    holds, metavar = names.__contains__, f"{{{','.join(names)}}}"
    return text(default, help, expected=expected, holds=holds, metavar=metavar, **more)


def switch(default: bool, help: str, **more: Any) -> Any:
    """A field that is true or false."""
    return text(default, help, parse=bool, expected="True or False", holds=_is(bool), **more)


def whole(default: Any, help: str, least: int = 1, most: float = math.inf, **more: Any) -> Any:
    """A field that takes whole numbers from `least` to `most`."""
    expected = f"a whole number {f'of at least {least}' if most == math.inf else f'from {least} to {most}'}"
    holds = _is(int, lambda value: least <= value <= most)
    return text(default, help, **{"parse": int, "expected": expected, "holds": holds, "metavar": "N", **more})


def bits(default: Any, what: str, least: int = 1, **more: Any) -> Any:
    """A field that takes the number of bits of `what`, up to 8, or None for float."""
    span = "8" if least == 8 else f"{least}..8"
    known = {"parse": parse_bits, "none": "float", "metavar": f"{{{span},float}}"}
    return whole(
        default, f"bits of {what}", least, 8, **{**known, "expected": span.replace("..", " to "), **more}
    )


def parse_bits(text: str) -> int | str | None:
    """Bits as a command line says them: `float` is None, `same` itself."""
    return {"float": None, "same": text}[text] if text in ("float", "same") else int(text)


parse_bits.__name__ = "bits"  # what argparse calls it in its messages

#: Numbers that make sense: the words for them, and whether one is of them.
POSITIVE = "a positive number", lambda value: 0 < value < math.inf
NOT_NEGATIVE = "at least 0", lambda value: 0 <= value < math.inf
SHARE = "0 to 1", lambda value: 0 <= value <= 1
BELOW_1 = "0 to below 1", lambda value: 0 <= value < 1
BETWEEN = "a number between 0 and 1", lambda value: 0 < value < 1


def number(default: Any, help: str, range: tuple[str, Callable[[float], bool]], **more: Any) -> Any:
    """A field that takes numbers of a range, such as `POSITIVE`."""
    holds = _is((int, float), range[1])
    return text(default, help, parse=float, expected=range[0], holds=holds, metavar="X", **more)


def _is(kind: Any, holds: Callable[[Any], bool] = lambda value: True) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) and holds(value)
    )


def settings(kind: type[Any]) -> Iterator[tuple[Field[Any], Setting]]:
    """The fields of a class that say something of themselves, with the whole option, "--sign-lr", as `option`."""
    for item in fields(kind):
        if (setting := item.metadata.get("setting")) is not None:
            named = None if setting.option is None else spelled(f"`{setting.option or item.name}`")
            yield item, setting._replace(option=named)


def spelled(text: str) -> str:
    """A text with the fields that it names in backquotes as options of the command line."""
    return re.sub(
        r"`(\w+)(=False)?`", lambda met: f"--{'no-' if met[2] else ''}{met[1]}".replace("_", "-"), text
    )


def check(instance: Any) -> None:
    """Makes Python's scalars of NumPy's, and raises `PresetError` for a value that makes no sense."""
    for item, setting in settings(type(instance)):
        value = plain(getattr(instance, item.name))
        object.__setattr__(instance, item.name, value)
        if not (setting.none if value is None else setting.holds(value)):
            met = repr(value) if isinstance(value, str) else value
            raise PresetError(f"{item.name} is {met}, expected {setting.values.replace('`', '')}")


def neutral(kind: type[Any]) -> dict[str, Any]:
    """What a network without Hadamard matrices has in the fields that are about them."""
    return {field.name: setting.baseline for field, setting in settings(kind) if setting.baseline is not ...}


def of_card(kind: type[Any]) -> list[str]:
    """The fields that the card of a model has under the same name."""
    return [item.name for item, setting in settings(kind) if setting.card]


def document(kind: type[Any]) -> None:
    """Adds the fields, their help and their values to the docstring of a class."""
    lines = (f"    {item.name}: {setting.help} ({setting.values})." for item, setting in settings(kind))
    kind.__doc__ = "\n".join([(kind.__doc__ or "").rstrip(), "", "Attributes:", *lines])
