"""States of streams: their form, their checks, and their bytes.

A state has one part per layer, h (n,) float32. A model with a pool or output "mean" has one more part, (F + 1,) float64:
the sums of its F features over all steps so far, or their running means, and then the number of steps. The features of
"mean" are relu(h), or relu(z) in an integer model. A model that reads differences has a further part, (d + 1,) float64: the
input of the last step, followed by 1, or by 0 before the first step.

The bytes are ``HRST``; then, as little-endian uint32, the format (1; 2 for output "mean"; 3 with a pool or differences),
the number of layers, the number of sequences, and n of each layer; then the parts in C order, (sequences, size) each. The
sizes must match the model that reads the bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, ShapeError
from ..file.card import Card, LayerCard
from ..file.integer_card import IntegerCard
from .inputs import read_array

__all__ = ["dumps", "loads", "read"]

MAGIC = b"HRST"
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
State = list[F32 | F64]
MAX_STEPS = 1 << 47  # sums of this many states of 16 bits are far from overflowing 64 bits


class Part(NamedTuple):
    """A part of a state, which holds (B, size) numbers."""

    size: int
    dtype: Any  # float32 or float64
    fault: Callable[[Any], str]  # says what is wrong with the numbers, or "" if nothing is
    name: str = ""  # the name that errors append to the list of layers
    columns: str = ""  # the explanation of its columns in errors


def parts(card: Card) -> list[Part]:
    """The parts of the state of a model, in order."""
    found = [Part(layer.hidden_size, np.float32, partial(_layer_fault, layer)) for layer in card.layers]
    if card.pool is not None or card.output == "mean":
        name = f" and the sums of the {'mean' if card.output == 'mean' else 'pool'}"
        columns = ", sums and the number of steps"
        found.append(Part(card.output_width + 1, np.float64, partial(_totals_fault, card), name, columns))
    if card.differences:
        name, columns = " and the last input", ", the last input and 1 or 0"
        found.append(Part(card.input_size + 1, np.float64, partial(_input_fault, card), name, columns))
    return found


def read(value: Any, card: Card, batch: tuple[int, ...]) -> State:
    """Converts an array or list of parts (*batch, n) to a state as the core takes it, with parts (B, n).

    Raises:
        ShapeError: the value has another form.
        InputError: a value is not finite, cannot occur in a sign recurrence, or cannot be a sum of states.
    """
    expected, layers = parts(card), len(card.layers)
    if not isinstance(value, (np.ndarray, list, tuple)) or len(value) != len(expected):
        more = "".join(part.name for part in expected)
        raise ShapeError(f"state is not an array or list of {layers} layers{more}")
    state: State = []
    for i, (given, part) in enumerate(zip(value, expected, strict=True)):
        name = f"state[{-1 if layers <= i == len(expected) - 1 else i}]"
        array, shape = read_array(given, name), (*batch, part.size)
        if array.shape != shape:
            raise ShapeError(f"{name} has shape {array.shape}; expected {shape}{part.columns}")
        with np.errstate(over="ignore"):
            numbers = np.array(array, part.dtype, order="C").reshape(-1, part.size)
            if fault := part.fault(numbers):
                raise InputError(f"{name} {fault}")
        state.append(numbers)
    return state


def _layer_fault(layer: LayerCard, h: F32) -> str:
    if not np.isfinite(h).all():
        return "holds a value that is not finite in float32"
    if layer.recurrence == "sign" and not ((abs(h) == 1).all(axis=1) | (h == 0).all(axis=1)).all():
        return "of a sign recurrence must be +1 and -1, or all zero before the first step"
    return ""


def _totals_fault(card: Card, totals: F64) -> str:
    """What is wrong with the sums, or running means, over the number of states in the last column."""
    sums, steps = totals[:, :-1], totals[:, -1:]
    if not ((steps >= 0) & (steps < MAX_STEPS) & (steps == np.floor(steps))).all():
        return "ends in a number of steps that is no whole number from 0 to 2^47 - 1"
    if not np.isfinite(sums).all():
        return "holds a sum that is not finite"
    if card.integer is None:
        possible = (sums >= 0) & ((sums == 0) | (steps > 0)) & (sums <= np.finfo(np.float32).max)
    else:
        largest = _largest(card, card.integer)
        possible = (sums >= 0) & (sums <= steps * largest) & (sums % 1 == 0)
    return "" if possible.all() else "holds a sum that rectified states of so many steps cannot have"


def _largest(card: Card, integer: IntegerCard) -> Any:
    """The most that a step adds to a sum of an integer model, or the largest possible running mean."""
    pool = card.pool
    if integer.blocks is None or pool is None:
        return max(1, (1 << integer.states[-1].state_bits - 1) - 1)
    if pool.time_constant is not None:
        return (1 << 31) - 1
    largest = [2 * integer.blocks.limit] * pool.excess + [1] * pool.share
    return np.repeat(np.tile(largest, pool.thresholds), card.layers[-1].hidden_size)


def _input_fault(card: Card, last: F64) -> str:
    if card.integer is not None:
        largest = card.integer.largest_input
        if (last[:, :-1] % 1 != 0).any() or not (np.abs(last[:, :-1]) <= largest).all():
            return f"is no last input: whole numbers of -{largest} .. {largest}, and 1, or 0 before the first step"
    if np.isfinite(last.astype(np.float32)).all() and np.isin(last[:, -1], (0, 1)).all():
        return ""
    return "is no last input: finite numbers, and 1, or 0 before the first step"


def dumps(card: Card, state: State) -> bytes:
    """The bytes of a state with parts (B, n)."""
    little = [part.astype(part.dtype.newbyteorder("<"), order="C") for part in state]
    return _header(card, len(state[0])) + b"".join(part.tobytes() for part in little)


def loads(card: Card, data: bytes) -> State:
    """The state with parts (B, n) in these bytes. Raises InputError unless they are states of a model with this card."""
    sizes = [layer.hidden_size for layer in card.layers]
    start = len(MAGIC) + 4 * (3 + len(sizes))
    if data[:4] != MAGIC or len(data) < start:
        raise InputError(f"{len(data)} bytes are no saved state; expected what save() gave")
    form, layers, batch = struct.unpack_from("<3I", data, 4)
    if data[:start] != _header(card, batch):
        met = list(struct.unpack_from(f"<{len(sizes)}I", data, 16)) if layers == len(sizes) else None
        raise InputError(
            f"a saved state of format {form} and {layers} layers of {met} units; expected format {_format(card)} "
            f"and {sizes}"
        )
    expected = parts(card)
    length = start + batch * sum(np.dtype(part.dtype).itemsize * part.size for part in expected)
    if len(data) != length:
        raise InputError(f"a saved state of {len(data)} bytes; expected {length}")
    state: State = []
    for part in expected:
        little = np.dtype(part.dtype).newbyteorder("<")
        values = np.frombuffer(data, little, batch * part.size, start)
        state.append(values.astype(part.dtype).reshape(batch, part.size))
        start += values.nbytes
    return state


def _header(card: Card, count: int) -> bytes:
    sizes = [layer.hidden_size for layer in card.layers]
    return MAGIC + struct.pack(f"<{3 + len(sizes)}I", _format(card), len(sizes), count, *sizes)


def _format(card: Card) -> int:
    return 3 if card.pool is not None or card.differences else 2 if card.output == "mean" else 1
