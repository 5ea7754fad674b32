"""Converts a float model to the card and tensors of a calibrated integer model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..errors import InputError
from ..file.card import Card
from ..file.integer_card import IntegerCard
from ..file.tensors import unpack_parameters
from ..integer.block_convert import check_blocks
from ..integer.calibrate import PERCENTILES, Calibrating, Calibration, calibrate
from ..integer.convert import Options, convert
from ..integer.report import fidelity, with_report
from .network import build
from .reader import Ready

__all__ = ["Options", "quantized"]

Tensors = Mapping[str, NDArray[Any]]


class Floats(Protocol):
    """The parts of the float ``Model`` that are needed here."""

    @property
    def card(self) -> Card: ...
    @property
    def core(self) -> _core.Model: ...
    @property
    def tensors(self) -> Tensors: ...
    def parameters(self) -> dict[str, NDArray[Any]]: ...
    def prepare(self, x: ArrayLike, lengths: ArrayLike | None = None, check_finite: bool = True) -> Ready: ...


def quantized(
    model: Floats,
    kernel: str,
    calibration: Calibrating,
    options: Options,
    percentile: float | Literal["best"] | None,
    scales: IntegerCard | None,
    progress: Callable[[int], object],
) -> tuple[Card, Tensors]:
    """Card and tensors for ``Model.quantize``, with its arguments and errors; ``kernel`` runs the integer model."""
    card = model.card
    if card.integer is not None:
        raise InputError("this is an integer model; expected a float model")
    if card.bidirectional:
        raise InputError("this model reads in both directions; expected one that reads forwards alone")
    if card.forgets:
        check_blocks(card)
        if scales is not None:
            raise InputError("scales are not for models that forget, whose blocks have scales of their own")

    def made(by: Calibration) -> tuple[Card, Tensors]:
        magnitudes = (by.input, by.states) if scales is None else scales.magnitudes
        integers, tensors = convert(card, model.parameters(), dict(model.tensors), *magnitudes, options)
        core = build(integers, unpack_parameters(integers, tensors), kernel)
        scale = tensors.get("layers.0.state_scale")  # one scale per block
        units = None if scale is None else np.repeat(scale, card.layers[0].block_size)
        return with_report(integers, model.core, core, by, units), tensors

    percentiles = PERCENTILES if percentile == "best" else (percentile,)
    measured = calibrate(card, model.core, model.prepare, calibration, percentiles, progress)
    return max(map(made, measured), key=lambda found: fidelity(found[0]))
