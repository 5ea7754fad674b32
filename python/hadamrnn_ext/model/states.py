"""States of streams: what may be one, and as bytes.

A state has a part for each layer, h (n,) float32. A model with a pool, output "mean" included, has one more, (F + 1,)
float64: the sums of its F features over all steps so far (of "mean" those of relu(h), in an integer model of relu(z)), or
their running means, and the number of steps. A model that reads differences has another, (d + 1,) float64: the input of the
last step, and 1, or 0 before the first step.

Bytes: ``HRST``, the format (1; 2 for output "mean"; 3 with a pool or differences), the number of layers and of sequences as
little-endian uint32, n of each layer likewise, then the parts in C order, (sequences, size) each. The sizes must be those of
the model that takes them back.
"""

from __future__ import annotations

import struct
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import InputError, ShapeError
from ..file.card import Card
from .classify import Classes
from .inputs import read_array

__all__ = ["Source", "check_order", "dumps", "loads", "read"]

MAX_COUNT = 1 << 24
MAGIC = b"HRST"
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
MAX_STEPS = 1 << 47  # sums of so many states, in the 16 bits of their mean, are far from overflowing 64


class Source(Protocol):
    """What a stream needs of its ``Model``."""

    @property
    def card(self) -> Card: ...
    @property
    def core(self) -> _core.Model: ...
    @property
    def classes(self) -> Classes: ...


def check_order(card: Card, raw: bool) -> None:
    """Raises InputError for a model that reads time steps in an order in which nobody can stream them."""
    if card.bidirectional:
        raise InputError(
            "this model reads each sequence from its end as well, and cannot stream steps as they come; infer takes the "
            "whole sequence"
        )
    if card.preprocess.permutation is not None and not raw:
        raise InputError(
            f"this model reads its {card.preprocess.permutation.size} time steps in a permuted order and cannot "
            "stream them as they come; raw=True takes steps that are already permuted, scaled and normalized"
        )


def read(value: Any, card: Card, batch: tuple[int, ...]) -> list[F32 | F64]:
    """A state as the core takes it, (B, n) a part, of an array or list of parts (*batch, n).

    Raises:
        ShapeError: another form.
        InputError: a value that is not finite, that a sign recurrence cannot hold, or that is no sum of states.
    """
    sums, before = _more(card)
    if not isinstance(value, (np.ndarray, list, tuple)) or len(value) != len(card.layers) + sums + before:
        of = "mean" if card.output == "mean" else "pool"
        more = f" and the sums of the {of}" * sums + " and the last input" * before
        raise ShapeError(f"state is not an array or list of {len(card.layers)} layers{more}")
    layers: list[F32 | F64] = []
    for i, (given, layer) in enumerate(zip(value, card.layers, strict=False)):
        array = read_array(given, f"state[{i}]")
        expected = (*batch, layer.hidden_size)
        if array.shape != expected:
            raise ShapeError(f"state[{i}] has shape {array.shape}; expected {expected}")
        with np.errstate(over="ignore"):
            h = np.array(array, np.float32, order="C").reshape(-1, layer.hidden_size)
        if not np.isfinite(h).all():
            raise InputError(f"state[{i}] holds a value that is not finite in float32")
        if layer.recurrence == "sign" and not ((abs(h) == 1).all(axis=1) | (h == 0).all(axis=1)).all():
            raise InputError(
                f"state[{i}] of a sign recurrence must be +1 and -1, or all zero before the first step"
            )
        layers.append(h)
    if sums:
        layers.append(_totals(value[len(card.layers)], card, batch))
    if before:
        layers.append(_before(value[-1], card, batch))
    return layers


def _more(card: Card) -> tuple[bool, bool]:
    """Whether there are sums of a pool, and the last input."""
    return card.pool is not None or card.output == "mean", bool(card.differences)


def _before(value: Any, card: Card, batch: tuple[int, ...]) -> F64:
    """(B, d + 1) of (*batch, d + 1)."""
    array = read_array(value, "state[-1]")
    expected = (*batch, card.input_size + 1)
    if array.shape != expected:
        raise ShapeError(f"state[-1] has shape {array.shape}; expected {expected}, the last input and 1 or 0")
    last = np.array(array, np.float64, order="C").reshape(-1, expected[-1])
    if not np.isfinite(last.astype(np.float32)).all() or not np.isin(last[:, -1], (0, 1)).all():
        raise InputError("state[-1] is no last input: finite numbers, and 1, or 0 before the first step")
    return last


def _totals(value: Any, card: Card, batch: tuple[int, ...]) -> F64:
    """(B, F + 1) of (*batch, F + 1): sums over as many states as the last column says, or running means."""
    where = f"state[{len(card.layers) if card.differences else -1}]"
    array = read_array(value, where)
    expected = (*batch, card.output_width + 1)
    if array.shape != expected:
        raise ShapeError(
            f"{where} has shape {array.shape}; expected {expected}, sums and the number of steps"
        )
    with np.errstate(over="ignore"):
        totals = np.array(array, np.float64, order="C").reshape(-1, expected[-1])
    sums, steps = totals[:, :-1], totals[:, -1:]
    if not ((steps >= 0) & (steps < MAX_STEPS) & (steps == np.floor(steps))).all():
        raise InputError(f"{where} ends in a number of steps that is no whole number from 0 to 2^47 - 1")
    if not np.isfinite(sums).all():
        raise InputError(f"{where} holds a sum that is not finite")
    if card.integer is None:
        possible = (sums >= 0) & ((sums == 0) | (steps > 0)) & (sums <= np.finfo(np.float32).max)
    else:
        largest = max(1, (1 << card.integer.layers[-1].state_bits - 1) - 1)
        possible = (sums >= 0) & (sums <= steps * largest) & (sums % 1 == 0)
    if not possible.all():
        raise InputError(f"{where} holds a sum that rectified states of so many steps cannot have")
    return totals


def dumps(card: Card, parts: list[F32 | F64]) -> bytes:
    """The bytes of a state's parts, (B, n) each."""
    sizes = [layer.hidden_size for layer in card.layers]
    header = struct.pack(f"<{3 + len(sizes)}I", _format(card), len(sizes), len(parts[0]), *sizes)
    little = [part.astype(part.dtype.newbyteorder("<"), order="C") for part in parts]
    return MAGIC + header + b"".join(part.tobytes() for part in little)


def loads(card: Card, data: bytes) -> list[F32 | F64]:
    """The parts (B, n) of a state's bytes. Raises InputError where they are no states of such a model."""
    sizes = [layer.hidden_size for layer in card.layers]
    start = len(MAGIC) + 4 * (3 + len(sizes))
    if data[:4] != MAGIC or len(data) < start:
        raise InputError(f"{len(data)} bytes are no saved state; expected what save() gave")
    form, layers, batch = struct.unpack_from("<3I", data, 4)
    met = list(struct.unpack_from(f"<{len(sizes)}I", data, 16)) if layers == len(sizes) else None
    if form != _format(card) or met != sizes:
        raise InputError(
            f"a saved state of format {form} and {layers} layers of {met} units; expected format {_format(card)} "
            f"and {sizes}"
        )
    forms = [("<f4", size) for size in sizes]
    sums, before = _more(card)
    if sums:
        forms.append(("<f8", card.output_width + 1))
    if before:
        forms.append(("<f8", card.input_size + 1))
    expected = start + batch * sum(np.dtype(kind).itemsize * size for kind, size in forms)
    if len(data) != expected:
        raise InputError(f"a saved state of {len(data)} bytes; expected {expected}")
    parts: list[F32 | F64] = []
    for kind, size in forms:
        values = np.frombuffer(data, kind, batch * size, start)
        parts.append(values.astype(values.dtype.newbyteorder("=")).reshape(batch, size))
        start += values.nbytes
    return parts


def _format(card: Card) -> int:
    return 3 if card.pool is not None or card.differences else 2 if card.output == "mean" else 1
