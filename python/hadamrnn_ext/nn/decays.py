"""Learned decays: the logit of lambda for each block, which the network sees rounded to the nearest code of the file.

The gradient goes straight through the rounding, as it does for a p-bit weight, so training computes with the same
decays that the native model will have.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..golden.floats import decay
from .ste import straight_through

# The codes of the file, ordered by their decays, and the logits at which the nearest code changes.
_CODES = torch.from_numpy(decay(np.arange(256, dtype=np.uint8))).argsort().to(torch.uint8)
_DECAYS = torch.from_numpy(decay(_CODES.numpy()))
_BOUNDARIES = torch.logit((_DECAYS[1:] + _DECAYS[:-1]) / 2)


def seen(latent: Tensor) -> Tensor:
    """The decay lambda of each block (q,), rounded to a code of the file."""
    values = _DECAYS.to(latent)[_index(latent)]
    return straight_through(values, torch.sigmoid(latent))


def codes(latent: Tensor) -> Tensor:
    """The file's codes (q,) of these latent decays; ``golden.decay`` says what a code stands for."""
    return _CODES.to(latent.device)[_index(latent)]


def latent(codes: Tensor) -> Tensor:
    """Latent decays (q,), float32, which the network sees as the decays of these codes (q,)."""
    return torch.logit(torch.from_numpy(decay(codes.to(torch.uint8).cpu().numpy()))).float()


@torch.no_grad()
def initialize(latent: Tensor, shortest: float, longest: float) -> None:
    """Draws time constants tau = -1/ln(lambda), in steps, log-uniformly between ``shortest`` and ``longest``."""
    tau = torch.empty_like(latent).uniform_(math.log(shortest), math.log(longest)).exp()
    latent.copy_(-torch.log(torch.expm1(1 / tau)))  # the logit of exp(-1/tau)


def _index(latent: Tensor) -> Tensor:
    return torch.bucketize(latent.detach(), _BOUNDARIES.to(latent))
