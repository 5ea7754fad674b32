"""The constants of an integer layer: as many fraction bits as provably fit, and arithmetic in 32 bits where that is enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..file.integer_card import MAX_FRACTION_BITS
from .bounds import Step, layer_problem, narrow

__all__ = ["RealLayer", "constants"]

Array = NDArray[Any]
INT32 = 1 << 31
# The smallest M_x for a step in 32 bits. A rounded M_x of at least ROUNDED changes the input by at most 1/512. A layer with a
# single M_x below ENOUGH gets a larger s_h instead, such that M_x needs no rounding; with an M_x of at least WHOLE, s_h grows
# by at most 1/16.
ROUNDED, WHOLE, ENOUGH = 256, 16, 4096


@dataclass(frozen=True)
class RealLayer:
    """A layer whose ``steps``, ``bias`` and ``modrelu`` are still real numbers. The other fields are those of ``Step``."""

    block_size: int
    state_bits: int
    steps: NDArray[np.float64]  # () or (V,), between two codes of the input
    sums: Array
    largest_input: int
    bias: NDArray[np.float64]  # (n,)
    modrelu: NDArray[np.float64] | None  # (n,)

    def step(self, scale: float, fraction_bits: int, shift: int) -> Step:
        """The layer in integers, for a state scale s_h, F fraction bits and an input shift s."""
        fine = 2.0 ** (fraction_bits - shift) / scale
        multipliers = np.rint(self.steps * fine).astype(np.int64)
        bias = np.rint(self.bias * fine).astype(np.int64)
        if self.state_bits == 1:  # the threshold of sign is 0, and a step rounds to the nearest integer first
            bias -= 1 << fraction_bits - 1 - shift
        modrelu = self.modrelu
        if modrelu is not None:
            modrelu = np.clip(np.rint(modrelu / scale), 1 - INT32, INT32 - 1).astype(np.int32)
        return Step(
            block_size=self.block_size,
            state_bits=self.state_bits,
            fraction_bits=fraction_bits,
            multiplier=round(2.0**fraction_bits / math.sqrt(self.block_size)),
            input_shift=shift,
            sums=self.sums,
            multipliers=multipliers[:, None] if multipliers.ndim else multipliers,
            largest_input=self.largest_input,
            bias=bias,
            modrelu=modrelu,
        )


def constants(layer: RealLayer, scale: float) -> tuple[float, Step]:
    """The state scale s_h, which is ``scale`` or a little more, and the step with the largest F whose sums provably fit.

    Raises:
        InputError: no F fits.
    """
    largest = max(float(layer.steps.max()) * layer.largest_input, float(np.abs(layer.bias).max())) / scale
    problem: str | None = None
    for fraction_bits in range(MAX_FRACTION_BITS, 0, -1):
        shift = _shift(largest, fraction_bits)
        if shift >= fraction_bits:
            continue
        step = layer.step(scale, fraction_bits, shift)
        problem = layer_problem(step)
        if problem is None and np.abs(step.bias).max() < INT32:
            return _narrow(layer, scale, step) or (scale, step)
    raise InputError(
        f"cannot be written in integers of {layer.state_bits} bits: {problem or 'its input is far larger than its states'}; "
        "fewer bits, or a calibration on the model's usual input, may help"
    )


def _shift(largest: float, fraction_bits: int) -> int:
    """The smallest shift s for which ``largest`` 2^(F-s) fits 30 bits."""
    if largest == 0:
        return 0
    return max(0, math.frexp(largest)[1] + fraction_bits - 30)


def _narrow(layer: RealLayer, scale: float, finest: Step) -> tuple[float, Step] | None:
    """The step that is exact in 32 bits and has the finest input; None where even that is too coarse."""
    for shift in range(finest.input_shift, finest.fraction_bits):
        exact, step = scale, layer.step(scale, finest.fraction_bits, shift)
        if step.multipliers.ndim > 0 or layer.state_bits == 1:
            if step.multipliers.max() < ROUNDED:
                return None
        elif step.multipliers < ENOUGH:
            exact = _whole(float(layer.steps), scale, 2.0 ** (finest.fraction_bits - shift))
            step = layer.step(exact, finest.fraction_bits, shift)
            if step.multipliers < WHOLE:
                return None
        if layer_problem(step) is None and narrow(step):
            return exact, step
    return None


def _whole(step: float, scale: float, unit: float) -> float:
    """The smallest s_h, at least ``scale``, for which M_x is a whole number. Called with its own result, it returns that."""
    multiplier = math.floor(step * unit / scale * (1 + 1e-6))
    return scale if multiplier == 0 else max(scale, float(np.float32(step * unit / multiplier)))
