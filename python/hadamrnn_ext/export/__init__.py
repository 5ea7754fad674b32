"""Exporting models to other environments.

``c`` writes a C99 library for microcontrollers, ``c_input`` and ``c_raw`` compute the input that it reads, and ``onnx``
writes an ONNX graph.
"""

from __future__ import annotations

from .library import c
from .onnx import onnx
from .reading import c_input, c_raw

__all__ = ["c", "c_input", "c_raw", "onnx"]
