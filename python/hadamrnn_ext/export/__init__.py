"""Exporting models to other environments.

``c`` writes a C99 library for microcontrollers, ``c_input`` and ``c_raw`` compute the input that it reads, and ``onnx``
writes an ONNX graph. ``web`` writes a folder for web servers and npm: the model as WebAssembly, a module that runs it, and a page.
"""

from __future__ import annotations

from .library import c
from .onnx import onnx
from .reading import c_input, c_raw
from .web import web

__all__ = ["c", "c_input", "c_raw", "onnx", "web"]
