"""Adam with its own group for the latent signs, and the learning rate as a function of the epoch alone."""

from __future__ import annotations

import math

import torch

from .. import nn
from .presets import Preset

__all__ = ["optimizer", "set_learning_rate"]


def optimizer(model: nn.SequenceModel, preset: Preset) -> torch.optim.Adam:
    """Adam over what is learned: the weights, and in a second group the signs unless they are frozen."""
    signs = [parameter for parameter in model.sign_parameters() if parameter.requires_grad]
    groups = [{"params": model.other_parameters(), "base_lr": preset.lr}]
    if signs:
        groups.append({"params": signs, "base_lr": preset.sign_lr or preset.lr})
    return torch.optim.Adam(groups, lr=preset.lr, fused=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, preset: Preset, epoch: int) -> None:
    """Sets each group's rate for the epoch (0 first). With no state of its own, there is none to resume."""
    factor = _factor(preset, epoch)
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor


def _factor(preset: Preset, epoch: int) -> float:
    if preset.schedule == "cosine":
        return (1 + math.cos(math.pi * epoch / preset.epochs)) / 2
    return preset.decay**epoch
