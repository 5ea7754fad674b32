"""What a float model does on real input: the largest inputs and states, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import InputError

if TYPE_CHECKING:
    from ..model import Model

__all__ = ["PERCENTILES", "Calibration", "Magnitudes", "calibrate", "states"]

F32 = NDArray[np.float32]
Calibrating = NDArray[Any] | Iterable[Any]
PERCENTILES = (None, 99.99, 99.9, 99.0)  # what "best" chooses from
SAMPLE = 64  # sequences on which the integer model is compared with the float model afterwards
_DROPPED_BITS = 12  # of a float32: the histogram's bins are 2^-11 of their value wide


class Magnitudes:
    """The largest magnitude met, and percentiles of all if they are counted, in memory that does not grow."""

    def __init__(self, counted: bool) -> None:
        self._largest = np.float32(0)
        # The bits of positive floats are ordered as the floats are, so their upper bits number the bins.
        self._counts = np.zeros(1 << 31 - _DROPPED_BITS, np.int64) if counted else None

    def add(self, values: F32) -> None:
        """Count these values, of any shape."""
        magnitudes = np.abs(values).reshape(-1)
        self._largest = np.maximum(self._largest, magnitudes.max(initial=np.float32(0)))
        if self._counts is not None:
            bins = magnitudes.view(np.uint32) >> _DROPPED_BITS
            self._counts += np.bincount(bins, minlength=len(self._counts))

    def value(self, percentile: float | None) -> float:
        """The largest magnitude for None, or the upper edge of the bin that the percentile falls into."""
        if percentile is None or self._counts is None:
            return float(self._largest)
        cumulated = np.cumsum(self._counts)
        index = int(np.searchsorted(cumulated, cumulated[-1] * percentile / 100))
        edge = float(np.array((index + 1) << _DROPPED_BITS, np.uint32).view(np.float32))
        return min(edge, float(self._largest))


@dataclass(frozen=True)
class Calibration:
    """Largest magnitudes of the features (None for tokens) and of each layer's states; a sample of the input."""

    input: float | None
    states: tuple[float, ...]
    sample: NDArray[Any]  # (B, T, d) float32 or (B, T) int32, preprocessed
    lengths: NDArray[np.int64]  # (B,)


def calibrate(
    model: Model,
    batches: Calibrating,
    percentiles: Sequence[float | None],
    progress: Callable[[int], object],
) -> list[Calibration]:
    """Run the model over all batches, once; what it shows by each percentile, see ``Model.quantize``.

    ``progress`` gets the number of sequences done.

    Raises:
        InputError, ShapeError: a batch is not what the model's ``infer`` takes, or there is none.
    """
    for percentile in percentiles:
        _check_percentile(percentile)
    counted = any(percentile is not None for percentile in percentiles)
    inputs, layers = Magnitudes(counted), [Magnitudes(counted) for _ in model.card.layers]
    sample: tuple[NDArray[Any], NDArray[np.int64]] | None = None
    done = 0
    for values, ends in _prepared(model, batches):
        if sample is None:
            sample = values[:SAMPLE].copy(), ends[:SAMPLE].copy()
        if model.card.input == "features":
            inputs.add(values[np.arange(values.shape[1]) < ends[:, None]])
        for step in states(model, values, ends):
            for magnitudes, state in zip(layers, step, strict=True):
                magnitudes.add(state)
        done += len(values)
        progress(done)
    if sample is None:
        raise InputError("the calibration has no sequences; expected at least one")
    features = model.card.input == "features"
    return [
        Calibration(
            inputs.value(percentile) if features else None,
            tuple(layer.value(percentile) for layer in layers),
            *sample,
        )
        for percentile in percentiles
    ]


def _check_percentile(value: object) -> None:
    if value is not None and not (isinstance(value, (int, float)) and 0 < value <= 100):
        raise InputError(f"percentile is {value!r}; expected None, 'best' or a number in 0 .. 100, not 0")


def states(model: Model, values: NDArray[Any], ends: NDArray[np.int64]) -> Iterator[list[F32]]:
    """The states of each layer after each step, (sequences that have not ended, n), of preprocessed input."""
    stream = _core.Stream(model.core, len(values), False)
    steps = np.ascontiguousarray(values.swapaxes(0, 1))
    for t, x in enumerate(steps):
        if stream.step(x) is None:
            raise AssertionError("preprocessed input is what the core takes")
        running = ends > t
        if not running.any():
            return
        layers = stream.get_state()[: len(model.card.layers)]  # and not the sums of a mean
        yield [state[running].astype(np.float32, copy=False) for state in layers]


def _prepared(model: Model, batches: Calibrating) -> Iterator[tuple[NDArray[Any], NDArray[np.int64]]]:
    """Preprocessed input and lengths of every batch; one array is one batch."""
    for batch in [batches] if isinstance(batches, np.ndarray) else batches:
        x, lengths = batch if isinstance(batch, tuple) else (batch, None)
        prepared = model.prepare(x, lengths)
        values = prepared.values
        if len(values):
            steps = np.full(len(values), values.shape[1], np.int64)
            yield values, steps if prepared.lengths is None else prepared.lengths
