"""Adam with its own group for the latent signs, learning rates that are functions of the epoch alone, and an average."""

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
    """Adam over what is learned: the weights, and in a second group the signs unless they are frozen."""
    signs = [parameter for parameter in model.sign_parameters() if parameter.requires_grad]
    groups = [{"params": model.other_parameters()}, *([{"params": signs}] if signs else [])]
    return torch.optim.Adam(groups, lr=preset.lr, fused=True)


def set_learning_rates(optimizer: torch.optim.Optimizer, preset: Preset, epoch: int) -> None:
    """Sets each group's rate for the epoch (0 first). With no state of its own, there is none to resume."""
    for group, rate in zip(optimizer.param_groups, learning_rates(preset, epoch), strict=False):
        group["lr"] = rate


def learning_rates(preset: Preset, epoch: int) -> tuple[float, float]:
    """The rates of the weights and of the latent signs in an epoch (0 first)."""
    weights = preset.lr * _factor(preset.schedule, preset.decay, epoch, preset.epochs)
    signs = (preset.sign_lr or preset.lr) * _factor(
        preset.sign_schedule or preset.schedule, preset.sign_decay or preset.decay, epoch, preset.epochs
    )
    warm = min(1.0, (epoch + 1) / (preset.warmup + 1))
    return weights * warm, signs * warm


@contextmanager
def hysteresis(latents: list[Tensor], margin: float) -> Iterator[None]:
    """A latent whose sign changes inside the block goes on to +-margin at once.

    Adam moves every latent by about its rate, however small the gradient. One that crosses zero where the new sign
    is worse is driven back in the next step, and again: a few such units flip at every step, and each flip changes
    all that the state remembers. With a margin a flip stands for margin / rate steps, in which the weights adapt
    to it, and no sign flips any more once the rate has decayed.
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
    """Clamps each of `weights` to +-`limit` times its root mean square, in place; None leaves them.

    The grid of p bits reaches as far as the largest weight. Learned weights have long tails, 4 to 5 times their root
    mean square, so that with 3 bits most of them would be rounded to zero and one step either side; for a normal
    distribution the error is least with a grid that ends at 2.3 (3 bits) or 2.7 (4 bits) (Max, 1960, table 2).
    """
    if limit is None:
        return
    with torch.no_grad():
        for weight in weights:
            largest = limit * weight.square().mean().sqrt()
            weight.clamp_(-largest, largest)


class Average:
    """`model` holds the exponential moving average of another one's parameters, the latent signs included.

    It settles sooner than the weights themselves (Polyak and Juditsky 1992). A sign is then that of the average latent: one that flips to and fro at every step stays where it mostly was.
    The average reaches back about 1/(1 - decay) steps, and less at the start: not to the random initialization.
    """

    def __init__(self, model: Network, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: Network, step: int) -> None:
        """Takes in the parameters of `model` after the step number `step`, 0 first."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        for average, value in zip(self.model.parameters(), model.parameters(), strict=True):
            average.lerp_(value, weight)


def _factor(schedule: str, decay: float, epoch: int, epochs: int) -> float:
    if schedule == "cosine":
        return (1 + math.cos(math.pi * epoch / epochs)) / 2
    return decay**epoch if schedule == "step" else 1.0
