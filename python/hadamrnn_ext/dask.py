"""Fitting and inference over arrays that are larger than memory, on Dask's schedulers and clusters.

Needs the `dask` extra.
"""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import zoo
from .closed_form.goal import Goal
from .closed_form.large import Part, begin
from .closed_form.options import Options
from .closed_form.report import Fitted
from .closed_form.sums import Sums, sum_of
from .errors import ShapeError
from .model import Model

try:
    import dask
    import dask.array as da
except ImportError as missing:
    from .machine import hint

    raise ImportError(f"hadamrnn_ext.dask needs Dask, which is not installed: {hint('dask')}") from missing

__all__ = ["fit", "infer"]

BESIDE = 32  # chunks of which sequences are taken at a time


def fit(x: Any, y: Any, *, groups: Any = None, num_threads: int = 1, **options: Any) -> Fitted:
    """`hadamrnn_ext.fit` of an array that no machine has to hold: one task sums up each chunk, and the sums add up.

    The model is that of `fit` on the same numbers in memory, to rounding. At most 1,024 sequences, which are drawn over all
    chunks by the seed, come to this process and choose it; so do y and groups, and sums of some 20 MB for each chunk,
    which workers add up in pairs.

    Args:
        x: a Dask array, (N, T, d) of features or (N, T). Its chunks along N are kept; a sequence that lies in several
            becomes one.
        y, groups: (N,) or (N, o), arrays of Dask or NumPy.
        num_threads: of a task.
        options: max_bytes, hidden_size, seed, kind, tokens, impute, normalize and balanced, as of `fit`.

    Raises:
        ShapeError, InputError: x is no Dask array of these dimensions; or as `fit`.

    Examples:
        >>> import dask.array as da
        >>> from hadamrnn_ext import dask
        >>> y = np.arange(60) % 2
        >>> x = np.random.default_rng(0).normal(size=(60, 20, 1)) + y[:, None, None]
        >>> model, report = dask.fit(da.from_array(x, chunks=(20, -1, -1)), y, hidden_size=16)
        >>> report.sequences
        60
    """
    started = time.perf_counter()
    _check_array(x)
    if x.ndim not in (2, 3) or 0 in x.shape:
        raise ShapeError(f"x has shape {x.shape}; expected (N, T, d) or (N, T), with at least one of each")
    x = x.rechunk(dict.fromkeys(range(1, x.ndim), -1))
    y, groups = (part.compute() if isinstance(part, da.Array) else part for part in (y, groups))
    begun = begin(lambda rows: _some(x, rows), len(x), y, groups, Options(num_threads=num_threads, **options))
    if begun.needs_all:
        part, start, sums = dask.delayed(begun.part, pure=True), 0, []
        for block, count in zip(x.to_delayed().ravel(), x.chunks[0], strict=True):
            rows = np.arange(start, start + count)
            sums.append(dask.delayed(_sums)(part, block, begun.goal.take(rows), start))
            start += count
        while len(sums) > 1:  # in pairs, so that no worker holds many
            sums = [dask.delayed(sum_of)(sums[i : i + 2]) for i in range(0, len(sums), 2)]
        begun.fitter.add(sums[0].compute(), len(x))
    return begun.fitted(started)


def _some(x: Any, rows: NDArray[np.int64]) -> NDArray[Any]:
    """These sequences, which are put together here: no worker has to hold them all, nor to keep its own for long."""
    ends = np.cumsum(x.chunks[0])
    parts = [x[some] for some in np.split(rows, np.searchsorted(rows, ends[:-1])) if len(some)]
    found = [dask.compute(*parts[i : i + BESIDE]) for i in range(0, len(parts), BESIDE)]
    return np.concatenate([array for arrays in found for array in arrays])


def _sums(part: Part, block: NDArray[Any], goal: Goal, start: int) -> Sums:
    return part.sums(block, goal, start)


def _check_array(x: Any) -> None:
    if not isinstance(x, da.Array):
        raise ShapeError(
            f"x is a {type(x).__name__}; expected a Dask array: dask.array.from_array(x) makes one"
        )


def infer(
    x: Any,
    model: Model | str | os.PathLike[str],
    *,
    lengths: Any = None,
    num_threads: int = 1,
    check_finite: bool = True,
) -> Any:
    """Logits of raw input, as `Model.infer` computes them: the same bits, one task for each chunk of sequences.

    Nothing is computed before the result is asked for, and a worker holds one chunk at a time for each of its threads.
    The model goes to each worker once, as the bytes of its file.

    Args:
        x: a Dask array, (N, T, d) of features or (N, T) of tokens. Its chunks along N are kept; a sequence that lies in
            several chunks becomes one, so chunks of few sequences suit long ones.
        model: a `Model`, the name of a bundled one, or the path of a file, which is read here.
        lengths: (N,) integers, an array of Dask or NumPy: as in `Model.infer`.
        num_threads: of a task. A scheduler runs several tasks at once, which is why this is 1.
        check_finite: as in `Model.infer`; what is wrong raises when the result is computed.

    Returns:
        A Dask array, float32: (N, o) for models that answer once, (N, T, o) for those that answer at each step.

    Raises:
        ShapeError: x is no Dask array of these dimensions, or lengths are not one a sequence.

    Examples:
        >>> import dask.array as da
        >>> from hadamrnn_ext import dask
        >>> windows = da.zeros((6, 128, 9), chunks=(2, -1, -1))
        >>> logits = dask.infer(windows, "har6")
        >>> logits.compute().shape
        (6, 6)
    """
    model = model if isinstance(model, Model) else zoo.load(model)
    card = model.card
    dims = 3 if card.input == "features" else 2
    _check_array(x)
    if x.ndim != dims or (dims == 3 and x.shape[2] != card.input_size):
        expected = f"(N, T, {card.input_size})" if dims == 3 else "(N, T)"
        raise ShapeError(f"x has shape {x.shape}; expected {expected}")
    x = x.rechunk(dict.fromkeys(range(1, dims), -1))
    inputs = [x, "ntd"[:dims]]
    if lengths is not None:
        lengths = da.asarray(lengths)
        if lengths.shape != x.shape[:1]:
            raise ShapeError(f"lengths has shape {lengths.shape}; expected {x.shape[:1]}, one a sequence")
        inputs += [lengths.rechunk((x.chunks[0],)), "n"]
    return da.blockwise(
        _infer,
        "nto" if card.output == "all" else "no",
        *inputs,
        new_axes={"o": card.output_size},
        concatenate=True,
        dtype=np.float32,
        meta=np.empty((0,) * (3 if card.output == "all" else 2), np.float32),
        model=dask.delayed(model, pure=True),
        num_threads=num_threads,
        check_finite=check_finite,
    )


def _infer(
    x: NDArray[Any],
    lengths: NDArray[Any] | None = None,
    *,
    model: Model,
    num_threads: int,
    check_finite: bool,
) -> NDArray[np.float32]:
    return model.infer(x, lengths, num_threads, check_finite)
