"""Reads the files in tests/traces, and compares bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["Trace", "assert_same_bits", "read"]

Trace = dict[str, NDArray]


def read(path: Path) -> dict[str, Trace]:
    """Every case by its name; the file says its own format."""
    traces: dict[str, Trace] = {}
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            continue
        if line.startswith("case "):
            trace = traces[line.split()[1]] = {}
            continue
        key, kind, shape, values = line.split(" ", 3)
        assert key not in trace
        if kind == "word":
            trace[key] = np.array(values)
        elif kind == "sign":
            array = np.array([{"+": 1, "-": -1}[c] for c in values], np.int8)
        elif kind == "f32":
            array = np.array([int(bits, 16) for bits in values.split()], np.uint32).view(np.float32)
        else:
            assert kind == "i32"
            array = np.array(values.split(), np.int32)
        if kind != "word":
            trace[key] = array.reshape([int(size) for size in shape.split("x")])
    return traces


def assert_same_bits(got: NDArray, expected: NDArray) -> None:
    """Which of its bit patterns a NaN has is not defined."""
    assert got.dtype == expected.dtype == np.float32
    got = np.where(np.isnan(got), np.float32(np.nan), got)
    np.testing.assert_array_equal(got.view(np.uint32), expected.view(np.uint32))
