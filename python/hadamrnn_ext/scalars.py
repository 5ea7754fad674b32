"""Settings of networks and recipes that are NumPy scalars, for example from a loop over np.arange."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .errors import InputError

__all__ = ["plain", "whole"]


def plain(value: Any) -> Any:
    """The Python scalar of a NumPy scalar; any other value unchanged."""
    return value.item() if isinstance(value, np.generic) else value


def whole(name: str, value: Any) -> int:
    """An integer of Python or NumPy as int. Raises InputError for anything else, including floats."""
    try:
        if not isinstance(value, (bool, np.bool_)):
            return operator.index(value)
    except TypeError:
        pass
    raise InputError(f"{name} is {ascii(value)[:40]}; expected a whole number")
