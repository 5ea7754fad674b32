"""The steps that one call of ``Streams`` takes for some sequences, and the errors in the data of some of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, ShapeError
from ..file.resolution import LARGE
from .inputs import read_array
from .reader import Reader

__all__ = ["Chunks", "Refused", "of_array", "of_list"]

Array = NDArray[Any]
F32 = NDArray[np.float32]
Int64 = NDArray[np.int64]
Refused = dict[int, InputError | ShapeError]


@dataclass
class Chunks:
    """Steps of k sequences as the network reads them; sequence i has ``lengths[i]`` of them from ``starts[i]`` on."""

    values: Array  # (1, S, ..)
    starts: Int64  # (k,)
    lengths: Int64  # (k,)
    refused: Refused  # the errors, by the number of the sequence in the call
    #: For a step of a sequence: the array of the caller, the index of the step in it, and its name.
    raw: Callable[[int, int], tuple[Array, tuple[int, ...], str]]
    batch: tuple[int, ...]  # the axes of the sequences in the caller's input: (k,), or () for a single one
    time: tuple[int, ...] | None  # the axis of the steps: (T,), () for a single step, None for a list

    def answer(self, logits: F32, every_step: bool) -> Any:
        """Logits of all steps (S, o) or of the sequences so far (k, o), in the form of the caller's input: an array, or a
        list for all steps of a list."""
        if every_step and self.time is None:
            return [logits[i : i + n] for i, n in zip(self.starts, self.lengths, strict=True)]
        time = self.time if every_step and self.time else ()
        return logits.reshape(*self.batch, *time, logits.shape[-1])


def of_array(
    array: Array, places: Int64, reader: Reader, check_finite: bool, *, alone: bool, step: bool
) -> Chunks:
    """Chunks (k, T, ..) of equal length, or one ``step`` each, (k, ..). For one place ``alone`` the first axis may be missing.

    Raises ShapeError for another shape.
    """
    inner, axes = reader.inner, 1 if step else 2
    alone = alone and array.ndim == axes - 1 + len(inner)
    rows = array[None] if alone else array
    if rows.ndim != axes + len(inner) or rows.shape[axes:] != inner or len(rows) != len(places):
        expected = (
            str((len(places), *inner)) if step else f"({', '.join(map(str, (len(places), 'T', *inner)))})"
        )
        each = ", a step for each place" * step
        raise ShapeError(f"x has shape {array.shape}; expected {expected}{each}")
    values, certain = reader.convert(rows, check_finite)
    refused: Refused = {}
    if not certain:
        bad = reader.refused(rows, values, check_finite)
        for i in np.flatnonzero(bad.any(axis=tuple(range(1, bad.ndim)))):
            at = np.unravel_index(int(bad[i].argmax()), bad[i].shape)
            index = at if alone else (i, *at)
            refused[int(i)] = reader.error(array, values.reshape(array.shape), index, f"place {places[i]}: x")
    if not step:
        refused |= _lost(list(rows), values, [f"place {place}" for place in places], reader)
    steps = 1 if step else rows.shape[1]
    return Chunks(
        values.reshape(1, len(rows) * steps, *inner),
        np.arange(len(rows)) * steps,
        np.full(len(rows), steps, np.int64),
        dict(sorted(refused.items())),
        lambda i, t: (array, (() if alone else (i,)) + (() if step else (t,)), "x"),
        () if alone else (len(rows),),
        () if step else (steps,),
    )


def of_list(chunks: Sequence[ArrayLike], places: Int64, reader: Reader, check_finite: bool) -> Chunks:
    """Chunks (T_i, ..) of different lengths. A chunk that cannot be read does not affect the others.

    Raises ShapeError unless there is one chunk per place.
    """
    if len(chunks) != len(places):
        raise ShapeError(f"x is a list of {len(chunks)} chunks; expected {len(places)}, one for each place")
    names = [f"place {place}: x[{i}]" for i, place in enumerate(places)]
    arrays: list[Array] = []
    refused: Refused = {}
    for i, chunk in enumerate(chunks):
        try:
            arrays.append(_chunk(chunk, names[i], reader))
        except (InputError, ShapeError) as error:
            refused[i] = error
            arrays.append(np.zeros((0, *reader.inner), np.int32))
    lengths = np.array([len(array) for array in arrays], np.int64)
    starts = np.cumsum(lengths) - lengths
    values = np.empty((int(lengths.sum()), *reader.inner), np.float32 if reader.inner else np.int32)
    for dtype in {
        array.dtype for array in arrays
    }:  # usually there is only one, and everything is converted at once
        some = [i for i, array in enumerate(arrays) if array.dtype == dtype]
        joined = np.concatenate([arrays[i] for i in some])
        converted, certain = reader.convert(joined, check_finite)
        bad = None if certain else reader.refused(joined, converted, check_finite)
        end = 0
        for i in some:
            start, end = end, end + int(lengths[i])
            values[starts[i] : starts[i] + lengths[i]] = converted[start:end]
            if bad is not None and bad[start:end].any():
                index = np.unravel_index(int(bad[start:end].argmax()), arrays[i].shape)
                refused[i] = reader.error(arrays[i], converted[start:end], index, names[i])
    refused |= _lost(arrays, values, names, reader)
    return Chunks(
        values[None],
        starts,
        lengths,
        dict(sorted(refused.items())),
        lambda i, t: (arrays[i], (t,), f"x[{i}]"),
        (len(arrays),),
        None,
    )


def _lost(arrays: Sequence[Array], values: Array, names: Sequence[str], reader: Reader) -> Refused:
    """The errors of chunks whose differences would be lost in float32, which happens only to large values."""
    refused: Refused = {}
    if values.size and max(abs(values.max()), abs(values.min())) < LARGE:
        return refused
    for i, array in enumerate(arrays):
        try:
            reader.check_differences(array)
        except InputError as error:
            refused[i] = InputError(f"{names[i]}: {error}")
    return refused


def _chunk(chunk: ArrayLike, name: str, reader: Reader) -> Array:
    array = read_array(chunk, name)
    if array.ndim != 1 + len(reader.inner) or array.shape[1:] != reader.inner:
        expected = f"(T, {reader.inner[0]})" if reader.inner else "(T,)"
        raise ShapeError(f"{name} has shape {array.shape}; expected {expected}")
    reader.check_dtype(array, name)
    return array
