"""Settings of networks and recipes that come as scalars of NumPy, as a search or a loop over np.arange hands them over."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .errors import InputError

__all__ = ["plain", "whole"]


def plain(value: Any) -> Any:
    """A scalar of NumPy as the Python scalar that it stands for; anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def whole(name: str, value: Any) -> int:
    """A whole number of Python or NumPy as int. Raises InputError for anything else, numbers with a fraction included."""
    try:
        if not isinstance(value, (bool, np.bool_)):
            return operator.index(value)
    except TypeError:
        pass
    raise InputError(f"{name} is {ascii(value)[:40]}; expected a whole number")
