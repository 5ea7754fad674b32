"""The shared library of hadamrnn.h from another language: here Python's ctypes, which needs no package but NumPy.

    cmake -S . -B build -DHADAMRNN_PYTHON=OFF -DHADAMRNN_SHARED=ON && cmake --build build
    python examples/c_library.py build/libhadamrnn.so

It runs every bundled model with its samples, whole and step by step, and compares the bits with those of ``Model.infer``.
"""

from __future__ import annotations

import ctypes
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hadamrnn_ext as hr

Array = NDArray[Any]
NAMES = ("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
TYPES = {name: code for code, name in enumerate(NAMES)}  # HADAMRNN_F32 ..
ALL = 1
I64, POINTER, FLOATS = ctypes.c_int64, ctypes.c_void_p, ctypes.POINTER(ctypes.c_float)


class Library:
    """libhadamrnn, with the types of the functions that are used here."""

    def __init__(self, path: str) -> None:
        self.c = ctypes.CDLL(path)
        for name, result, *arguments in (
            ("last_error", ctypes.c_char_p),
            ("open", POINTER, ctypes.c_char_p),
            ("close", None, POINTER),
            ("output", ctypes.c_int, POINTER),
            ("output_size", I64, POINTER),
            ("steps", I64, POINTER),
            ("infer", ctypes.c_int, POINTER, POINTER, ctypes.c_int, I64, I64, POINTER, FLOATS, ctypes.c_int),
            ("stream_new", POINTER, POINTER),
            ("stream_step", ctypes.c_int, POINTER, POINTER, ctypes.c_int, FLOATS),
            ("stream_free", None, POINTER),
        ):
            function = getattr(self.c, f"hadamrnn_{name}")
            function.restype, function.argtypes = result, arguments

    def checked(self, failed: bool) -> None:
        """Raises RuntimeError with the library's message."""
        if failed:
            raise RuntimeError(self.c.hadamrnn_last_error().decode())


class Model:
    """A model file that the shared library reads."""

    def __init__(self, library: Library, path: str) -> None:
        self.library, self.c = library, library.c
        self.model = self.c.hadamrnn_open(path.encode())
        library.checked(not self.model)

    def __del__(self) -> None:
        self.c.hadamrnn_close(self.model)

    def infer(self, x: Array, lengths: Array | None = None) -> Array:
        """Logits of x (B, T, d) or (B, T)."""
        x = np.ascontiguousarray(x)
        every = x.shape[1:2] if self.c.hadamrnn_output(self.model) == ALL else ()
        y = np.empty((len(x), *every, self.c.hadamrnn_output_size(self.model)), np.float32)
        ends = None if lengths is None else np.ascontiguousarray(lengths, np.int64)
        where = None if ends is None else ends.ctypes.data
        given = x.ctypes.data, TYPES[x.dtype.name], *x.shape[:2], where, y.ctypes.data_as(FLOATS), 2
        self.library.checked(self.c.hadamrnn_infer(self.model, *given) != 0)
        return y

    def stream(self, x: Array) -> Array:
        """The logits after every step of one sequence (T, d) or (T,)."""
        x = np.ascontiguousarray(x)
        stream = self.c.hadamrnn_stream_new(self.model)
        self.library.checked(not stream)
        y = np.empty((len(x), self.c.hadamrnn_output_size(self.model)), np.float32)
        for step, logits in zip(x, y, strict=True):
            given = step.tobytes(), TYPES[x.dtype.name], logits.ctypes.data_as(FLOATS)
            self.library.checked(self.c.hadamrnn_stream_step(stream, *given) != 0)
        self.c.hadamrnn_stream_free(stream)
        return y


def compare(library: Library, name: str, folder: str) -> None:
    """The bits of a bundled model with its samples."""
    native, (samples, _) = hr.load(name), hr.zoo.samples(name)
    path = f"{folder}/{name}.safetensors"
    native.save(path)
    model, lengths = Model(library, path), None
    if native.card.preprocess.vocabulary is not None:  # texts are tokens to the library
        x, lengths, *_ = native.prepare(list(samples))
    else:
        x = np.asarray(samples)
        x = x.reshape(len(x), -1, 1) if x.dtype == np.uint8 else x
    np.testing.assert_array_equal(model.infer(x, lengths), native.infer(x, lengths), strict=True)
    if not library.c.hadamrnn_steps(model.model):
        ours = native.stream()
        np.testing.assert_array_equal(model.stream(x[0]), [ours.step(step) for step in x[0]], strict=True)


def errors(library: Library, folder: str) -> None:
    """A message belongs to the thread whose call failed."""
    damaged = Path(folder) / "damaged.safetensors"
    damaged.write_bytes(hr.load("har6").to_bytes()[:-1])
    found: list[str] = []

    def work() -> None:
        try:
            Model(library, str(damaged))
        except RuntimeError as error:
            found.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "damaged.safetensors: the tensors take" in found[0], found
    assert library.c.hadamrnn_last_error() == b""


def main(path: str) -> None:
    library = Library(path)
    with tempfile.TemporaryDirectory() as folder:
        errors(library, folder)
        for name in hr.zoo.models():
            compare(library, name, folder)
    print(
        f"{len(hr.zoo.models())} models have the same logits as in Python, to the bit, whole and in streams"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
