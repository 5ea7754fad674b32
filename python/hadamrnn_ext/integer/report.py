"""How closely an integer model follows its float model: saturation and signal-to-noise ratio of the states."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..file.card import Card
from .calibrate import Calibration, states

__all__ = ["fidelity", "with_report"]


def with_report(
    card: Card,
    floats: _core.Model,
    integers: _core.Model,
    calibration: Calibration,
    scale: NDArray[np.float32] | None = None,
) -> Card:
    """The card of an integer model with its saturation and noise filled in, measured on the sample of the calibration.

    ``scale``: (n,) the scale of each unit of a model that forgets, else None.
    """
    integer = card.integer
    assert integer is not None
    measures = [_Measure(_limits(layer.state_bits), layer.state_scale) for layer in integer.layers]
    if integer.blocks is not None and scale is not None:
        measures = [_Measure((-integer.blocks.limit, integer.blocks.limit), scale)]
    sample = len(measures), calibration.sample, calibration.lengths
    for reference, quantized in zip(states(floats, *sample), states(integers, *sample), strict=True):
        for measure, h, z in zip(measures, reference, quantized, strict=True):
            measure.add(h, z)
    reported = tuple(
        dataclasses.replace(layer, saturation=measure.saturation, snr=measure.snr)
        for layer, measure in zip(integer.states, measures, strict=True)
    )
    found = {"layers": reported} if integer.blocks is None else {"blocks": reported[0]}
    return dataclasses.replace(card, integer=dataclasses.replace(integer, **found))


def fidelity(card: Card) -> float:
    """The lowest signal-to-noise ratio among the layers, in decibels, as the card of an integer model reports it."""
    assert card.integer is not None
    return min(math.inf if layer.snr is None else layer.snr for layer in card.integer.states)


def _limits(state_bits: int) -> tuple[int, int] | None:
    """Where states saturate. A sign is always at a limit, which is no saturation."""
    return None if state_bits == 1 else (-(1 << state_bits - 1), (1 << state_bits - 1) - 1)


class _Measure:
    """Sums over all steps of one layer."""

    def __init__(self, limits: tuple[int, int] | None, state_scale: float | NDArray[np.float32]) -> None:
        self._limits = limits
        self._scale = np.asarray(state_scale, np.float32)
        self._saturated, self._count = 0, 0
        self._signal, self._noise = 0.0, 0.0

    def add(self, reference: NDArray[np.float32], quantized: NDArray[np.float32]) -> None:
        if self._limits is not None:
            z = np.rint(quantized / self._scale)
            self._saturated += int(((z == self._limits[0]) | (z == self._limits[1])).sum())
        self._count += reference.size
        signal = reference.astype(np.float64)  # the squares of large states overflow float32
        error = quantized - signal
        self._signal += float(np.vdot(signal, signal))
        self._noise += float(np.vdot(error, error))

    @property
    def saturation(self) -> float:
        return self._saturated / max(self._count, 1)

    @property
    def snr(self) -> float | None:
        """In decibels; None if the states are equal, or if there is no signal."""
        if self._noise == 0 or self._signal == 0:
            return None
        return round(10 * math.log10(self._signal / self._noise), 2)
