"""Augmentation: training inputs made harder, so that what is learned carries over to other people and texts."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ..data.task import Task
from ..recipe.preset import Preset
from ..recipe.setting import PresetError

__all__ = ["Augmentation"]


class Augmentation(NamedTuple):
    """The augmentation that the fields of these names in `Preset` describe.

    It draws from torch's generator, whose state is part of a checkpoint.
    """

    token_dropout: float = 0.0
    input_noise: float = 0.0
    time_shift: int = 0
    image_jitter: float = 0.0
    joined: int = 0
    #: Step t of a sequence is pixel `pixels[t]` of its image; None means that the pixels come in reading order.
    pixels: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, preset: Preset, task: Task) -> Augmentation:
        """The augmentation of a preset on `task`.

        Raises `PresetError` if the preset has image_jitter but the steps of `task` are not pixels of square images, or
        joins sequences that have an answer at every step.
        """
        if preset.image_jitter and (task.input_size != 1 or math.isqrt(task.length) ** 2 != task.length):
            raise PresetError(
                f"image_jitter is {preset.image_jitter}, but {task.name} has {task.input_size} values at each of "
                f"{task.length} steps; expected one pixel of a square image"
            )
        if preset.joined and task.output == "all":
            raise PresetError(
                f"joined is {preset.joined}, but {task.name} wants an answer at every step; expected a task that wants "
                "one at the end"
            )
        permutation = task.preprocess.permutation
        pixels = None if permutation is None else permutation.indices()
        same = {name: getattr(preset, name) for name in cls._fields if hasattr(preset, name)}
        return cls(**same, pixels=pixels)

    def __call__(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Augmented features (B, T, d) or tokens (B, T), of the same shape and dtype.

        Each sequence is rotated in time within its own length.
        """
        if not inputs.is_floating_point():
            if self.token_dropout == 0:
                return inputs
            return inputs * (torch.rand(inputs.shape, device=inputs.device) >= self.token_dropout)
        if self.time_shift:
            batch, steps = inputs.shape[:2]
            shifts = torch.randint(-self.time_shift, self.time_shift + 1, (batch, 1), device=inputs.device)
            ends = steps if lengths is None else lengths[:, None]
            order = (torch.arange(steps, device=inputs.device) + shifts) % ends
            inputs = inputs.gather(1, order[..., None].expand_as(inputs))
        if self.image_jitter:
            inputs = self._jittered(inputs)
        if self.input_noise:
            inputs = inputs + self.input_noise * torch.randn_like(inputs)
        return inputs

    def after_others(self, inputs: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Features (B, T, d) after the last steps of another sequence of the batch each, and their new lengths.

        All sequences of a batch get as many steps more, up to `joined`, so that the network learns to answer for a sequence
        whatever was before it. Of a shorter one the first step is repeated.
        """
        more = int(torch.randint(0, self.joined + 1, ())) if self.joined else 0
        if more == 0:
            return inputs, lengths
        batch, steps = inputs.shape[:2]
        other = torch.randperm(batch, device=inputs.device)
        ends = torch.full((batch,), steps, device=inputs.device) if lengths is None else lengths
        last = (ends[other, None] - more + torch.arange(more, device=inputs.device)).clamp(min=0)
        before = inputs[other[:, None], last]
        return torch.cat([before, inputs], dim=1), None if lengths is None else lengths + more

    def _jittered(self, inputs: Tensor) -> Tensor:
        """Images (B, T, 1), each slightly shifted, rotated, sheared and scaled by a random affine map of its own.

        Each of the six numbers of a map moves the edge of the image by up to `image_jitter` pixels.
        """
        batch, steps = inputs.shape[:2]
        side = math.isqrt(steps)
        order = None if self.pixels is None else torch.from_numpy(np.array(self.pixels)).to(inputs.device)
        flat = inputs[..., 0]
        if order is not None:
            flat = torch.empty_like(flat).index_copy_(1, order, flat)
        limit = 2 * self.image_jitter / side  # grids reach from -1 to 1
        maps = limit * (2 * torch.rand(batch, 2, 3, device=inputs.device) - 1)
        maps[:, [0, 1], [0, 1]] += 1
        grid = F.affine_grid(maps, [batch, 1, side, side], align_corners=False)
        images = F.grid_sample(flat.view(batch, 1, side, side), grid, align_corners=False)
        flat = images.view(batch, steps)
        return (flat if order is None else flat[:, order])[..., None]
