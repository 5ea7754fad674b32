"""The runtime: `Model`, the readers of its input, `Stream` and `Streams`. NumPy and the core, no torch."""

from __future__ import annotations

from .model import Model

__all__ = ["Model"]
