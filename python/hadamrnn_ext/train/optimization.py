"""Adam with a group of its own for the latent signs, learning rates that depend on the epoch alone, and averaging."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ..recipe.preset import Preset
from .baselines import Network

__all__ = ["Average", "clip_weights", "hysteresis", "learning_rates", "optimizer", "set_learning_rates"]


def optimizer(model: Network, preset: Preset) -> torch.optim.Adam:
    """Adam over the learned parameters: the weights and, in a second group, the signs unless they are frozen."""
    signs = [parameter for parameter in model.sign_parameters() if parameter.requires_grad]
    groups = [{"params": model.other_parameters()}, *([{"params": signs}] if signs else [])]
    return torch.optim.Adam(groups, lr=preset.lr, fused=True)


def set_learning_rates(optimizer: torch.optim.Optimizer, preset: Preset, epoch: int) -> None:
    """Sets each group's rate for the epoch, counted from 0. There is no state that a resumed run must restore."""
    for group, rate in zip(optimizer.param_groups, learning_rates(preset, epoch), strict=False):
        group["lr"] = rate


def learning_rates(preset: Preset, epoch: int) -> tuple[float, float]:
    """The rates of the weights and of the latent signs in an epoch, counted from 0."""
    weights = preset.lr * _factor(preset.schedule, preset.decay, epoch, preset.epochs)
    signs = (preset.sign_lr or preset.lr) * _factor(
        preset.sign_schedule or preset.schedule, preset.sign_decay or preset.decay, epoch, preset.epochs
    )
    warm = min(1.0, (epoch + 1) / (preset.warmup + 1))
    return weights * warm, signs * warm


@contextmanager
def hysteresis(latents: list[Tensor], margin: float) -> Iterator[None]:
    """Moves a latent whose sign changes inside the block on to plus or minus `margin` at once.

    Adam moves every latent by about its learning rate, however small the gradient is. A latent that crosses zero although
    the new sign is worse is driven back in the next step, and then again. A few such units flip at every step, and each
    flip changes everything that the state remembers. With a margin, a flip lasts for margin / rate steps, in which the
    weights adapt to it, and signs stop flipping once the rate has decayed.
    """
    if margin == 0:
        yield
        return
    before = [latent >= 0 for latent in latents]
    yield
    with torch.no_grad():
        for latent, positive in zip(latents, before, strict=True):
            flipped = (latent >= 0) != positive
            latent[flipped] = torch.where(positive, -margin, margin)[flipped]


def clip_weights(weights: list[Tensor], limit: float | None) -> None:
    """Clamps each of `weights`, in place, to plus or minus `limit` times its root mean square. None leaves them.

    The grid of p bits reaches as far as the largest weight. Learned weights have long tails, of 4 to 5 times their root
    mean square, so that with 3 bits most of them would be rounded to zero or to one step on either side of it. For a
    normal distribution the error is least with a grid that ends at 2.3 (3 bits) or 2.7 (4 bits) times the root mean
    square (Max, 1960, table 2).
    """
    if limit is None:
        return
    with torch.no_grad():
        for weight in weights:
            largest = limit * weight.square().mean().sqrt()
            weight.clamp_(-largest, largest)


class Average:
    """`model` holds the exponential moving average of another model's parameters, latent signs included.

    It converges sooner than the weights themselves (Polyak and Juditsky 1992). A sign is then that of the average latent,
    so one that flips at every step keeps the value that it had most of the time. The average reaches back about
    1/(1 - decay) steps, and less at the start, so that the random initialization is soon forgotten.
    """

    def __init__(self, model: Network, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: Network, step: int) -> None:
        """Adds the parameters of `model` after step number `step`, counted from 0, to the average."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        for average, value in zip(self.model.parameters(), model.parameters(), strict=True):
            average.lerp_(value, weight)


def _factor(schedule: str, decay: float, epoch: int, epochs: int) -> float:
    if schedule == "cosine":
        return (1 + math.cos(math.pi * epoch / epochs)) / 2
    return decay**epoch if schedule == "step" else 1.0
