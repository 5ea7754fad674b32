"""Frozen dataclasses that check the types of their fields and convert to JSON and back.

The card of a model (card.py, preprocess.py) is a tree of these records. One function, ``conform``, checks values from
Python and from parsed JSON, so that a program can build exactly what a file can hold.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from ..errors import ModelFormatError

__all__ = ["Record", "conform", "encode", "within"]


class Record:
    """Base of the frozen dataclasses of a card. Making one checks the types of its fields, then calls ``check``.

    Fields that are listed as ``optional`` have no key in JSON while they are None; a null is refused.

    Raises:
        ModelFormatError: a field has the wrong type, or ``check`` refuses the values.
    """

    optional: ClassVar[tuple[str, ...]] = ()
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __post_init__(self) -> None:
        for name, kind in _field_types(type(self)).items():
            value = conform(getattr(self, name), kind, f"{type(self).__name__}.{name}")
            object.__setattr__(self, name, value)
        self.check()

    def check(self) -> None:
        """Refuse values that have the right type but make no sense."""


def within(name: str, value: int, low: int, high: int, suffix: str = "") -> None:
    """Raises ModelFormatError unless low <= value <= high."""
    if not low <= value <= high:
        raise ModelFormatError(f"{name} is {value}; expected {low} .. {high}{suffix}")


_known_types: dict[type[Record], dict[str, Any]] = {}  # reading annotations takes a millisecond


def _field_types(record: type[Record]) -> dict[str, Any]:
    if record not in _known_types:
        hints = get_type_hints(record)
        _known_types[record] = {field.name: hints[field.name] for field in dataclasses.fields(record)}
    return _known_types[record]


def encode(value: Any) -> Any:
    """A record as dictionaries, lists, strings, numbers and None, ready for JSON."""
    if isinstance(value, Record):
        fields = {name: getattr(value, name) for name in _field_types(type(value))}
        return {k: encode(item) for k, item in fields.items() if item is not None or k not in value.optional}
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {key: encode(item) for key, item in value.items()}
    return value


def conform(value: Any, kind: Any, where: str) -> Any:
    """``value`` as an instance of the type ``kind``; ``where`` names the value in errors.

    Raises:
        ModelFormatError: the value has another type, or a JSON object has an unknown key or lacks one.
    """
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _conform_union(value, get_args(kind), where)
    if origin is Literal:
        if value not in get_args(kind) or not isinstance(value, str):
            raise ModelFormatError(f"{where} is {_shown(value)}; expected one of {', '.join(get_args(kind))}")
        return value
    if origin is tuple:
        if not isinstance(value, (tuple, list)):
            raise ModelFormatError(f"{where} is {_shown(value)}; expected a list")
        return tuple(conform(item, get_args(kind)[0], f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ModelFormatError(f"{where} is {_shown(value)}; expected an object")
        pairs = [(conform(key, str, f"a key of {where}"), item) for key, item in value.items()]
        return {key: conform(item, get_args(kind)[1], f"{where}.{key}") for key, item in pairs}
    if isinstance(kind, type) and issubclass(kind, Record):
        return value if isinstance(value, kind) else _conform_record(value, kind, where)
    return _conform_scalar(value, kind, where)


def _conform_union(value: Any, kinds: tuple[Any, ...], where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    kinds = tuple(kind for kind in kinds if kind is not type(None))
    if len(kinds) == 1:
        return conform(value, kinds[0], where)
    for kind in kinds:
        try:
            return conform(value, kind, where)
        except ModelFormatError:
            continue
    names = ", ".join(kind.__name__ for kind in kinds)
    raise ModelFormatError(f"{where} is {_shown(value)}; expected one of the types {names}")


def _conform_record(value: Any, kind: type[Record], where: str) -> Record:
    if not isinstance(value, Mapping):
        raise ModelFormatError(
            f"{where} is {_shown(value)}; expected an object with the fields of {kind.__name__}"
        )
    names = _field_types(kind).keys()
    unknown = [str(key) for key in value if key not in names]
    if unknown:
        raise ModelFormatError(f"{where} has the unknown key {unknown[0]!r}; expected {', '.join(names)}")
    missing = [name for name in names if name not in value and name not in kind.optional]
    if missing:
        raise ModelFormatError(f"{where} lacks the key {missing[0]!r}; expected {', '.join(names)}")
    null = [name for name in kind.optional if name in value and value[name] is None]
    if null:
        raise ModelFormatError(f"{where}.{null[0]} is null; expected a value, or no such key")
    return kind(**{**dict.fromkeys(kind.optional), **value})


def _conform_scalar(value: Any, kind: type, where: str) -> Any:
    is_bool = isinstance(value, (bool, np.bool_))
    if kind is bool and is_bool:
        return bool(value)
    if kind is int and isinstance(value, (int, np.integer)) and not is_bool:
        return int(value)
    if kind is float and isinstance(value, (int, float, np.integer, np.floating)) and not is_bool:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
        raise ModelFormatError(f"{where} is {_shown(value)}; expected a finite number")
    if kind is str and isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ModelFormatError(f"{where} is {_shown(value)}, which is not valid Unicode") from None
        return str(value)
    raise ModelFormatError(f"{where} is {_shown(value)}; expected a value of type {kind.__name__}")


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."
