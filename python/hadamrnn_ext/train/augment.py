"""Training inputs made harder: what a network learns of them holds for other speakers, people and texts too."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .presets import Preset

__all__ = ["Augmentation"]


class Augmentation(NamedTuple):
    """What `Preset` says of its fields of these names. Draws from torch's generator, which a checkpoint holds."""

    token_dropout: float = 0.0
    input_noise: float = 0.0
    time_shift: int = 0

    @classmethod
    def of(cls, preset: Preset) -> Augmentation:
        return cls(preset.token_dropout, preset.input_noise, preset.time_shift)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Inputs (B, T, d) or tokens (B, T), of the same shape and dtype."""
        if not inputs.is_floating_point():
            if self.token_dropout == 0:
                return inputs
            return inputs * (torch.rand(inputs.shape, device=inputs.device) >= self.token_dropout)
        if self.time_shift:
            batch, steps = inputs.shape[:2]
            shifts = torch.randint(-self.time_shift, self.time_shift + 1, (batch, 1), device=inputs.device)
            order = (torch.arange(steps, device=inputs.device) + shifts) % steps
            inputs = inputs.gather(1, order[..., None].expand_as(inputs))
        if self.input_noise:
            inputs = inputs + self.input_noise * torch.randn_like(inputs)
        return inputs
