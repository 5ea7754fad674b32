"""The description of a recipe's field: its help, the values that make sense, and how they are parsed from text.

It is written once, in the field's metadata. The checks, the options of `hadamrnn train`, the docstrings and the tables
of docs/tasks.md are all made from it.
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
    """There is no such preset, or one of its values makes no sense.

    Examples:
        >>> from hadamrnn_ext import train
        >>> train.Preset("mine", "har6", hidden_size=48, batch_size=0, epochs=3, lr=1e-3)
        Traceback (most recent call last):
            ...
        hadamrnn_ext.recipe.setting.PresetError: batch_size is 0, expected a whole number of at least 1
    """


class Idle(NamedTuple):
    """A field has no effect where `where(preset, task)` is true. `because` says why."""

    because: str
    where: Callable[[Any, Any], object]


class Setting(NamedTuple):
    """The description of a field. Its texts write the names of other fields in backquotes.

    `parse` turns a word of the command line into a value. `holds` tells whether a value makes sense, and `expected` says
    in words which ones do. `none` says what None stands for; "" means that None is not allowed. `option` is the name on
    the command line: "" means the name of the field, None that there is no option. `baseline` is the value that a
    network of another kind than `of` must have here; `...` means any. `card` is true if the card of a model has a field
    with this name and meaning. `initial` is true if the field affects only the initial weights. `idle` lists the cases
    in which the field has no effect.
    """

    help: str
    parse: Callable[[str], Any] = str
    expected: str = "a text"
    holds: Callable[[Any], bool] = lambda value: isinstance(value, str)
    none: str = ""
    metavar: str | None = None
    option: str | None = ""
    baseline: Any = ...
    of: str = "hadamrnn"
    card: bool = False
    initial: bool = False
    idle: tuple[Idle, ...] = ()

    @property
    def values(self) -> str:
        """The values that make sense, in words."""
        return f"{self.expected}, or None for {self.none}" if self.none else self.expected


def text(default: Any, help: str, **more: Any) -> Any:
    """A field that takes any text, or any value for which the given `holds` is true."""
    return field(default=default, metadata={"setting": Setting(help, **more)})


def choice(default: Any, help: str, names: tuple[str, ...], **more: Any) -> Any:
    """A field that takes one of `names`."""
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
    """Bits as they are written on the command line: `float` gives None, and `same` stays as it is."""
    return {"float": None, "same": text}[text] if text in ("float", "same") else int(text)


parse_bits.__name__ = "bits"  # what argparse calls it in its messages

#: Ranges of numbers: the words for each, and whether a number is in it.
POSITIVE = "a positive number", lambda value: 0 < value < math.inf
NOT_NEGATIVE = "at least 0", lambda value: 0 <= value < math.inf
ABOVE_1 = "a number above 1", lambda value: 1 < value < math.inf
SHARE = "0 to 1", lambda value: 0 <= value <= 1
BELOW_1 = "0 to below 1", lambda value: 0 <= value < 1
BETWEEN = "a number between 0 and 1", lambda value: 0 < value < 1


def number(default: Any, help: str, range: tuple[str, Callable[[float], bool]], **more: Any) -> Any:
    """A field that takes numbers in a range, such as `POSITIVE`."""
    holds = _is((int, float), range[1])
    return text(default, help, parse=float, expected=range[0], holds=holds, metavar="X", **more)


def _is(kind: Any, holds: Callable[[Any], bool] = lambda value: True) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) and holds(value)
    )


def settings(kind: type[Any]) -> Iterator[tuple[Field[Any], Setting]]:
    """The fields of a class that have a `Setting`, whose `option` is the whole option here, such as "--sign-lr"."""
    for item in fields(kind):
        if (setting := item.metadata.get("setting")) is not None:
            named = None if setting.option is None else spelled(f"`{setting.option or item.name}`")
            yield item, setting._replace(option=named)


def spelled(text: str) -> str:
    """A text whose fields in backquotes are rewritten as options of the command line."""
    return re.sub(
        r"`(\w+)(=False)?`", lambda met: f"--{'no-' if met[2] else ''}{met[1]}".replace("_", "-"), text
    )


def check(instance: Any) -> None:
    """Turns NumPy's scalars into Python's, and raises `PresetError` for a value that makes no sense."""
    for item, setting in settings(type(instance)):
        value = plain(getattr(instance, item.name))
        object.__setattr__(instance, item.name, value)
        if not (setting.none if value is None else setting.holds(value)):
            met = repr(value) if isinstance(value, str) else value
            raise PresetError(f"{item.name} is {met}, expected {setting.values.replace('`', '')}")


def neutral(kind: type[Any], model: str) -> dict[str, Any]:
    """The values that a network `model` has in the fields that are about networks of other kinds."""
    return {
        field.name: setting.baseline
        for field, setting in settings(kind)
        if setting.baseline is not ... and setting.of != model
    }


def only_of(kind: type[Any], model: str) -> list[str]:
    """The names of the fields that only a network `model` has."""
    return [
        field.name for field, setting in settings(kind) if setting.baseline is not ... and setting.of == model
    ]


def of_card(kind: type[Any]) -> list[str]:
    """The names of the fields that the card of a model also has."""
    return [item.name for item, setting in settings(kind) if setting.card]


def document(kind: type[Any]) -> None:
    """Adds the fields, their help and their values to the docstring of a class."""
    lines = (f"    {item.name}: {setting.help} ({setting.values})." for item, setting in settings(kind))
    kind.__doc__ = "\n".join([(kind.__doc__ or "").rstrip(), "", "Attributes:", *lines])
