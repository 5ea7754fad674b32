"""Models for other places: ``export.c`` writes a C99 library for microcontrollers."""

from __future__ import annotations

from .clang import c

__all__ = ["c"]
