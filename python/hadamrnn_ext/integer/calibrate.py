"""What a float model does on real input: the largest inputs and states, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import InputError, ShapeError
from ..file.card import Card
from .magnitudes import Magnitudes

__all__ = ["PERCENTILES", "Calibration", "calibrate", "states"]

F32 = NDArray[np.float32]
Calibrating = NDArray[Any] | Iterable[Any]
Prepared = tuple[NDArray[Any], NDArray[np.int64] | None, bool, NDArray[Any]]
PERCENTILES = (None, 99.99, 99.9, 99.0)  # what "best" chooses from
SAMPLE = 64  # sequences on which the integer model is compared with the float model afterwards
SMALLEST = 1e-25  # magnitude that scales are made of; 16 bits of less come near to where float32 ends


@dataclass(frozen=True)
class Calibration:
    """Largest magnitudes of the features (None for tokens) and of each layer's states; a sample of the input.

    Of a network that forgets, of each block's states.
    """

    input: float | None
    states: tuple[float, ...]
    sample: NDArray[Any]  # (B, T, d) float32 or (B, T) int32, preprocessed
    lengths: NDArray[np.int64]  # (B,)


def calibrate(
    card: Card,
    core: _core.Model,
    prepare: Callable[..., Prepared],
    batches: Calibrating,
    percentiles: Sequence[float | None],
    progress: Callable[[int], object],
) -> list[Calibration]:
    """Run the model over all batches, once; what it shows by each percentile, see ``Model.quantize``.

    ``prepare`` makes of raw input what the core reads, as ``Model.prepare`` does. ``progress`` gets the number of
    sequences done.

    Raises:
        InputError, ShapeError: a batch is not what the model's ``infer`` takes, or there is none; features or states
            that are not finite, or all zero.
    """
    for percentile in percentiles:
        _check_percentile(percentile)
    counted = any(percentile is not None for percentile in percentiles)
    inputs = Magnitudes(counted) if card.input == "features" else None
    layers = [
        Magnitudes(counted, layer.hidden_size // layer.block_size if card.forgets else 1)
        for layer in card.layers
    ]
    sample: tuple[NDArray[Any], NDArray[np.int64]] | None = None
    done = 0
    for number, batch in enumerate([batches] if isinstance(batches, np.ndarray) else batches):
        try:
            values, ends = _prepared(card, prepare, batch)
            _measure(core, values, ends, inputs, layers)
        except (InputError, ShapeError) as error:
            raise type(error)(f"batch {number} of the calibration: {error}") from None
        if sample is None and len(values):
            sample = values[:SAMPLE].copy(), ends[:SAMPLE].copy()
        done += len(values)
        progress(done)
    if sample is None:
        raise InputError("the calibration has no sequences; expected at least one")
    measured = {f"the states of layer {i}": layer for i, layer in enumerate(layers)}
    if inputs is not None:
        measured = {"the features": inputs, **measured}
    problems = [_too_small(measured, percentile) for percentile in percentiles]
    if all(problems):
        raise InputError(
            f"{problems[0]}, of which no scale can be made; expected sequences as the model usually reads"
        )
    return [
        Calibration(
            None if inputs is None else inputs.value(percentile),
            tuple(value for layer in layers for value in layer.values(percentile)),
            *sample,
        )
        for percentile, problem in zip(percentiles, problems, strict=True)
        if problem is None
    ]


def _measure(
    core: _core.Model,
    values: NDArray[Any],
    ends: NDArray[np.int64],
    inputs: Magnitudes | None,
    layers: list[Magnitudes],
) -> None:
    """Add a batch to the magnitudes of the features and of each layer's states."""
    if not len(values):
        return
    if inputs is not None:
        inputs.add(values[np.arange(values.shape[1]) < ends[:, None]])
    for t, step in enumerate(states(core, len(layers), values, ends)):
        for i, (magnitudes, state) in enumerate(zip(layers, step, strict=True)):
            _check_state(state, np.flatnonzero(ends > t), i, t)
            magnitudes.add(state)


def _too_small(measured: Mapping[str, Magnitudes], percentile: float | None) -> str | None:
    """What is next to zero, all of it or by a percentile of the magnitudes."""
    for what, magnitudes in measured.items():
        for share, value in (
            ("all", magnitudes.value(None)),
            (f"{percentile} % or more", magnitudes.value(percentile)),
        ):
            if value < SMALLEST:
                return f"in the calibration {share} of {what} are {f'{value:.3g} or less' if value else '0'}"
    return None


def _finite(values: F32, ends: NDArray[np.int64], batched: bool, card: Card) -> F32:
    """Prepared features, zero after the end of a sequence where they are not finite. InputError for one before it."""
    finite = np.isfinite(values)
    if finite.all():
        return values
    bad = np.argwhere(~finite & (np.arange(values.shape[1]) < ends[:, None])[..., None])
    if not len(bad):
        return np.where(finite, values, np.float32(0))
    i, t, feature = map(int, bad[0])
    permutation = card.preprocess.permutation
    place = [i, t if permutation is None else int(permutation.indices()[t]), feature]
    raise InputError(
        f"x{place if batched else place[1:]} is {values[i, t, feature]} in float32; expected finite numbers: leave out "
        "such sequences, or fill in what is missing"
    )


def _check_state(state: F32, sequences: NDArray[np.int64], layer: int, t: int) -> None:
    """Raises InputError if a row of (B, n) is not finite; row i belongs to the sequence ``sequences[i]``."""
    finite = np.isfinite(state).all(axis=1)
    if not finite.all():
        raise InputError(
            f"sequence {sequences[np.argmin(finite)]} takes the state of layer {layer} out of the numbers of float32 at "
            f"step {t}; expected sequences as the model usually reads: what is so large gives no scale"
        )


def _check_percentile(value: object) -> None:
    if value is not None and not (isinstance(value, (int, float)) and 0 < value <= 100):
        raise InputError(f"percentile is {value!r}; expected None, 'best' or a number in 0 .. 100, not 0")


def states(
    core: _core.Model, layers: int, values: NDArray[Any], ends: NDArray[np.int64]
) -> Iterator[list[F32]]:
    """The states of each layer after each step, (sequences that have not ended, n), of preprocessed input."""
    stream = _core.Stream(core, len(values), False)
    steps = np.ascontiguousarray(values.swapaxes(0, 1))
    for t, x in enumerate(steps):
        if stream.step(x) is None:
            raise AssertionError("preprocessed input is what the core takes")
        running = ends > t
        if not running.any():
            return
        # The states of the layers come first; the sums of a mean follow.
        yield [state[running].astype(np.float32, copy=False) for state in stream.get_state()[:layers]]


def _prepared(
    card: Card, prepare: Callable[..., Prepared], batch: Any
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Preprocessed input and lengths of a batch."""
    x, lengths = batch if isinstance(batch, tuple) else (batch, None)
    values, ends, batched, _ = prepare(x, lengths, check_finite=False)
    if ends is None:
        ends = np.full(len(values), values.shape[1], np.int64)
    if card.input == "features":
        values = _finite(values, ends, batched, card)
    return values, ends
