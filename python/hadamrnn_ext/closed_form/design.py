"""How a network is drawn, and the small set of ways that `fit` chooses from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["DESIGNS", "STEP_DESIGNS", "Design"]


@dataclass(frozen=True)
class Design:
    """How a network is drawn.

    block_size: m of the Hadamard blocks; None: one block of all units.
    longest: the longest time constant as a multiple of the usual length of a sequence. Constants are spaced evenly, in
        octaves, from two steps on (a sixteenth of the length where that is less), one per block.
    input_activation, gain: phi, and the standard deviation of what it is applied to.
    thresholds: quantiles of each unit's states at which its thresholds are.
    differences: whether the input is read beside its change since the step before.
    time_constant: k of a pool of the last 2^k steps or so, for answers at every step; `longest` is then not of the length,
        but of these steps.
    """

    block_size: int | None
    longest: float
    input_activation: Literal["relu", "clip"] | None = None
    gain: float = 1.0
    thresholds: tuple[float, ...] = (0.2, 0.5, 0.8)
    differences: bool = True
    time_constant: int | None = None

    def input_width(self, channels: int) -> int:
        """Columns of U."""
        return channels * (2 if self.differences else 1)

    def __str__(self) -> str:
        blocks = "one block" if self.block_size is None else f"blocks of {self.block_size}"
        if self.time_constant is None:
            memory = f"time constants to {self.longest:g} lengths"
        else:
            steps = 1 << self.time_constant
            memory = f"time constants to {self.longest * steps:g} steps, pools of {steps} steps"
        return f"{blocks}, {memory}, {self.input_activation or 'linear'} input"


#: What `fit` chooses from. Outlines and gestures want short memories in small blocks, physiological series long ones in large
#: blocks; which it is shows in the leave-one-out errors.
DESIGNS = (
    Design(32, 1 / 8, "clip", gain=3.0),
    Design(64, 1 / 16),
    Design(16, 1 / 2),
    Design(64, 1 / 2),
    Design(64, 2, "clip", gain=1.5),
    Design(None, 1 / 2),
    Design(None, 2, "clip", gain=1.5),
)
BLOCKS_OF_STEPS: tuple[tuple[int, Literal["relu", "clip"] | None], ...] = ((16, None), (64, "clip"))
#: What `fit` chooses from where every step has a target: of forecasts the last steps count, of activities many.
STEP_DESIGNS = tuple(
    Design(block_size, 8, activation, gain=1.5, time_constant=k)
    for block_size, activation in BLOCKS_OF_STEPS
    for k in (1, 3, 5)
)
