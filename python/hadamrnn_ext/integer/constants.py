"""The constants of an integer layer: the most fraction bits that provably fit, and 32 bits where they are enough."""

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
# M_x at least, for a step in 32 bits. Where it is rounded, the input changes by a five hundredth at most; a single one below
# the third is made whole instead, for which s_h grows by a sixteenth at most, where M_x is 16.
ROUNDED, WHOLE, ENOUGH = 256, 16, 4096


@dataclass(frozen=True)
class RealLayer:
    """A layer whose ``steps``, ``bias`` and ``modrelu`` are still real numbers; all else is as in ``Step``."""

    block_size: int
    state_bits: int
    steps: NDArray[np.float64]  # () or (V,): of the input's codes
    sums: Array
    largest_input: int
    bias: NDArray[np.float64]  # (n,)
    modrelu: NDArray[np.float64] | None  # (n,)

    def step(self, scale: float, fraction_bits: int, shift: int) -> Step:
        """In units of ``scale`` (s_h), F and s."""
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
    """s_h, which starts as ``scale``, and the step with the largest F whose sums provably fit.

    Raises:
        InputError: none fits.
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
        f"cannot be written in integers of {layer.state_bits} bits: "
        f"{problem or 'its input is far above its states'}; "
        "fewer bits, or a calibration that shows the model's usual input, may help"
    )


def _shift(largest: float, fraction_bits: int) -> int:
    """The smallest shift s that leaves largest 2^(F-s), and a bit of room, in 31 bits."""
    if largest == 0:
        return 0
    return max(0, math.frexp(largest)[1] + fraction_bits - 30)


def _narrow(layer: RealLayer, scale: float, finest: Step) -> tuple[float, Step] | None:
    """The step with the finest input that is exact in 32 bits, if its input is fine enough."""
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
    """The smallest s_h from ``scale`` on that makes M_x a whole number; the same again for what it gave."""
    multiplier = math.floor(step * unit / scale * (1 + 1e-6))
    return scale if multiplier == 0 else max(scale, float(np.float32(step * unit / multiplier)))
