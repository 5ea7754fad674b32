"""The scales and multipliers of an integer model, as golden/integers.py uses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from ..errors import ModelFormatError
from .record import Record, within

__all__ = ["IntegerBlocks", "IntegerCard", "IntegerInput", "IntegerLayer"]

MAX_FRACTION_BITS = 30
MEAN_BITS = 16  # of the mean of the states, for output "mean"


def _positive(name: str, value: float) -> None:
    """Refuse a scale that is not positive, or that float32 cannot divide by."""
    if not 0 < value < 2.0**127 or not np.float32(value) >= np.finfo(np.float32).tiny:
        raise ModelFormatError(f"{name} is {value}; expected a positive number in the range of float32")


@dataclass(frozen=True)
class IntegerLayer(Record):
    """One layer: states z of ``state_bits`` (k) bits, h ~ ``state_scale`` z, and the constants of a step.

    The constants are ``fraction_bits`` F, ``multiplier`` M_h, ``input_multiplier`` M_x (None where each token of the table
    has its own) and ``input_shift`` s. The calibration measured ``saturation``, the share of states at a limit, and
    ``snr``, the signal-to-noise ratio of the states in dB against the float model; None if they are equal.
    """

    state_bits: int
    state_scale: float
    fraction_bits: int
    multiplier: int
    input_multiplier: int | None
    input_shift: int
    saturation: float = 0.0
    snr: float | None = None

    def check(self) -> None:
        if self.state_bits != 1:
            within("IntegerLayer.state_bits", self.state_bits, 8, 16)
        _positive("IntegerLayer.state_scale", self.state_scale)
        within("IntegerLayer.fraction_bits", self.fraction_bits, 1, MAX_FRACTION_BITS)
        within("IntegerLayer.multiplier", self.multiplier, 1, 2**31 - 1)
        if self.input_multiplier is not None:
            within("IntegerLayer.input_multiplier", self.input_multiplier, 0, 2**31 - 1)
        within("IntegerLayer.input_shift", self.input_shift, 0, 62)

    def readout(self, output: str) -> tuple[int, float]:
        """Bits and step of the number that is read out: of a state or, more finely, of a mean of states."""
        if output != "mean":
            return self.state_bits, self.state_scale
        return MEAN_BITS, self.state_scale * 2.0 ** (self.state_bits - MEAN_BITS)


@dataclass(frozen=True)
class IntegerBlocks(Record):
    """The layer of a network that forgets (golden/forgetting.py); its scales and multipliers are tensors, a number per block.

    z has ``state_bits`` (k) bits; ``fraction_bits`` f, ``product_shift`` g. ``saturation`` and ``snr`` as in ``IntegerLayer``.
    """

    state_bits: int
    fraction_bits: int
    product_shift: int
    saturation: float = 0.0
    snr: float | None = None

    def check(self) -> None:
        within("IntegerBlocks.state_bits", self.state_bits, 8, 16)
        within("IntegerBlocks.fraction_bits", self.fraction_bits, 1, MAX_FRACTION_BITS)
        within("IntegerBlocks.product_shift", self.product_shift, 1, MAX_FRACTION_BITS)

    @property
    def limit(self) -> int:
        """The largest magnitude of z."""
        return (1 << self.state_bits - 1) - 1


@dataclass(frozen=True)
class IntegerInput(Record):
    """Features as integers of so many ``bits``: clamp(rint(x / scale)). ``signed`` ones are symmetric around 0."""

    bits: int
    signed: bool
    scale: float

    def check(self) -> None:
        within("IntegerInput.bits", self.bits, 2, 16)
        _positive("IntegerInput.scale", self.scale)

    @property
    def range(self) -> tuple[int, int]:
        """The smallest and the largest integer."""
        if not self.signed:
            return 0, (1 << self.bits) - 1
        return 1 - (1 << self.bits - 1), (1 << self.bits - 1) - 1


@dataclass(frozen=True)
class IntegerCard(Record):
    """The part of an integer model's card that a float model lacks. ``input`` is None for tokens.

    ``logit_scale`` is given if the readout is in integers; the logits are integers times this scale. ``blocks`` stands
    for the ``layers`` of a network that forgets.
    """

    optional: ClassVar[tuple[str, ...]] = ("blocks",)

    layers: tuple[IntegerLayer, ...]
    input: IntegerInput | None
    readout: Literal["float", "integer"]
    logit_scale: float | None = None
    blocks: IntegerBlocks | None = None

    @property
    def states(self) -> tuple[IntegerLayer | IntegerBlocks, ...]:
        """What each layer's states are."""
        return self.layers if self.blocks is None else (self.blocks,)

    @property
    def largest_input(self) -> int:
        """The largest magnitude of a feature as an integer, or 1 for tokens."""
        return 1 if self.input is None else self.input.range[1]

    @property
    def magnitudes(self) -> tuple[float | None, tuple[float, ...]]:
        """The largest magnitudes of the features and of each layer's states, from which the scales were derived."""
        largest = None if self.input is None else self.input.scale * self.input.range[1]
        states = (layer.state_scale * max(1, (1 << layer.state_bits - 1) - 1) for layer in self.layers)
        return largest, tuple(states)

    def check(self) -> None:
        if (self.readout == "integer") != (self.logit_scale is not None):
            raise ModelFormatError(
                f"IntegerCard.logit_scale is {self.logit_scale} with readout {self.readout!r}; "
                "expected a number with readout 'integer' only"
            )
        if self.logit_scale is not None:
            _positive("IntegerCard.logit_scale", self.logit_scale)
