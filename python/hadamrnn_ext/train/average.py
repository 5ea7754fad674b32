"""A moving average of the weights, which settles sooner than the weights themselves (Polyak and Juditsky 1992)."""

from __future__ import annotations

import copy

import torch

from .baselines import Network

__all__ = ["Average"]


class Average:
    """`model` holds the exponential moving average of another one's parameters, the latent signs included.

    A sign is then that of the average latent: one that flips to and fro at every step stays where it mostly was.
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
