"""The largest inputs and states of a float model on real sequences, measured batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import InputError, ShapeError
from ..file.card import Card

__all__ = ["PERCENTILES", "Calibration", "Magnitudes", "calibrate", "states"]

F32 = NDArray[np.float32]
Calibrating = NDArray[Any] | Iterable[Any]
Prepared = tuple[NDArray[Any], NDArray[np.int64] | None, bool, NDArray[Any]]
PERCENTILES = (None, 99.99, 99.9, 99.0)  # percentile="best" chooses one of these
SAMPLE = 64  # sequences on which the integer model is compared with the float model
DROPPED_BITS = 12  # of a float32: the bins of the histogram are 2^-11 of their value wide
# The smallest magnitude of which a scale is made; a smaller one, divided by 2^15, would come close to the end of float32.
SMALLEST = 1e-25


class Magnitudes:
    """The largest magnitude of many numbers and, if they are ``counted``, their percentiles, in memory of a fixed size.

    With ``parts`` those of each equal part of the last axis, by coarser bins.
    """

    def __init__(self, counted: bool, parts: int = 1) -> None:
        self._dropped = DROPPED_BITS + (parts - 1).bit_length()
        self._largest = np.zeros(parts, np.float32)
        # The bits of positive floats are ordered as the floats are, so their upper bits number the bins.
        self._counts = np.zeros((parts, 1 << 31 - self._dropped), np.int64) if counted else None

    def add(self, values: NDArray[np.float32]) -> None:
        """Add these values, which are finite and of any shape."""
        parts = len(self._largest)
        magnitudes = np.abs(values)
        if parts > 1:
            magnitudes = np.moveaxis(magnitudes.reshape(-1, parts, values.shape[-1] // parts), 1, 0)
        magnitudes = np.ascontiguousarray(magnitudes).reshape(parts, -1)
        self._largest = np.maximum(self._largest, magnitudes.max(axis=1, initial=np.float32(0)))
        if self._counts is not None:
            for counts, part in zip(self._counts, magnitudes, strict=True):
                counts += np.bincount(part.view(np.uint32) >> self._dropped, minlength=len(counts))

    def values(self, percentile: float | None) -> tuple[float, ...]:
        """Of each part the largest magnitude for None, or the upper edge of the bin that the percentile falls into."""
        if percentile is None or self._counts is None:
            return tuple(map(float, self._largest))
        found = []
        for counts, largest in zip(self._counts, self._largest, strict=True):
            cumulated = np.cumsum(counts)
            index = int(np.searchsorted(cumulated, cumulated[-1] * percentile / 100))
            edge = float(np.array((index + 1) << self._dropped, np.uint32).view(np.float32))
            found.append(min(edge, float(largest)))
        return tuple(found)

    def value(self, percentile: float | None) -> float:
        """The largest of ``values``."""
        return max(self.values(percentile))


@dataclass(frozen=True)
class Calibration:
    """The largest magnitudes of the features (None for tokens) and of each layer's states, and a sample of the input.

    Of a network that forgets ``states`` are those of each block.
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
    """Run the model once over all batches. Returns a calibration for each percentile, see ``Model.quantize``.

    ``prepare`` converts raw input into what the core reads, as ``Model.prepare`` does. ``progress`` is called with the
    number of sequences that are done.

    Raises:
        InputError, ShapeError: there is no batch, or ``Model.infer`` would refuse one; or features or states are not finite,
            or are all zero.
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
            f"{problems[0]}, too little to derive a scale from; expected sequences like those that the model usually reads"
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
    """A message that names what is almost zero, either everywhere or up to the percentile; None if nothing is."""
    for what, magnitudes in measured.items():
        for share, value in (
            ("all", magnitudes.value(None)),
            (f"{percentile} % or more", magnitudes.value(percentile)),
        ):
            if value < SMALLEST:
                return f"in the calibration {share} of {what} are {f'{value:.3g} or less' if value else '0'}"
    return None


def _finite(values: F32, ends: NDArray[np.int64], batched: bool, card: Card) -> F32:
    """Prepared features, where padding that is not finite is 0. Raises InputError for such a number within a sequence."""
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
        f"x{place if batched else place[1:]} is {values[i, t, feature]} in float32; expected finite numbers: leave such "
        "sequences out, or fill in missing values"
    )


def _check_state(state: F32, sequences: NDArray[np.int64], layer: int, t: int) -> None:
    """Raises InputError if a row of the states (B, n) is not finite; row i belongs to ``sequences[i]``."""
    finite = np.isfinite(state).all(axis=1)
    if not finite.all():
        raise InputError(
            f"sequence {sequences[np.argmin(finite)]} makes the state of layer {layer} overflow float32 at step {t}; expected "
            "sequences like those that the model usually reads, since no scale follows from an infinite state"
        )


def _check_percentile(value: object) -> None:
    if value is not None and not (isinstance(value, (int, float)) and 0 < value <= 100):
        raise InputError(f"percentile is {value!r}; expected None, 'best' or a number above 0, up to 100")


def states(
    core: _core.Model, layers: int, values: NDArray[Any], ends: NDArray[np.int64]
) -> Iterator[list[F32]]:
    """For each step of preprocessed input the states of all layers, (number of sequences that have not ended, n) each."""
    stream = _core.Stream(core, len(values), False)
    steps = np.ascontiguousarray(values.swapaxes(0, 1))
    for t, x in enumerate(steps):
        if stream.step(x) is None:
            raise AssertionError("the core takes preprocessed input")
        running = ends > t
        if not running.any():
            return
        # The states of the layers come first; the sums of output "mean" follow.
        yield [state[running].astype(np.float32, copy=False) for state in stream.get_state()[:layers]]


def _prepared(
    card: Card, prepare: Callable[..., Prepared], batch: Any
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The preprocessed input of a batch, and its lengths."""
    x, lengths = batch if isinstance(batch, tuple) else (batch, None)
    values, ends, batched, _ = prepare(x, lengths, check_finite=False)
    if ends is None:
        ends = np.full(len(values), values.shape[1], np.int64)
    if card.input == "features":
        values = _finite(values, ends, batched, card)
    return values, ends
