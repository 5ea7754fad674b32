"""Models for other places: ``export.c`` writes a C99 library for microcontrollers, ``c_input`` gives what it reads."""

from __future__ import annotations

from .clang import c
from .reading import c_input

__all__ = ["c", "c_input"]
