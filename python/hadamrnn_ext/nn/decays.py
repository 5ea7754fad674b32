"""Decays as they are learned: the logit of lambda for each block, of which the network sees the nearest of the file's codes.

The gradient goes straight through the rounding, as that of a p-bit weight does: training computes with the decays that
the native model will have.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..golden.floats import decay
from .ste import straight_through

# The codes of the file in order of their decays, and the logits at which the nearest one changes.
_CODES = np.argsort(decay(np.arange(256, dtype=np.uint8)), kind="stable")
_DECAYS = decay(_CODES.astype(np.uint8))
_MIDDLES = (_DECAYS[1:] + _DECAYS[:-1]) / 2
_BOUNDARIES = np.log(_MIDDLES) - np.log1p(-_MIDDLES)


def seen(latent: Tensor) -> Tensor:
    """lambda of each block (q,), rounded to a code of the file."""
    values = torch.from_numpy(_DECAYS).to(latent)[_index(latent)]
    return straight_through(values, torch.sigmoid(latent))


def codes(latent: Tensor) -> Tensor:
    """The codes of the file (q,), see ``golden.decay``."""
    return torch.from_numpy(_CODES.astype(np.uint8)).to(latent.device)[_index(latent)]


def latent(codes: Tensor) -> Tensor:
    """Latent decays (q,) float32 that are seen as those of these codes (q,)."""
    values = decay(codes.to(torch.uint8).cpu().numpy())
    return torch.from_numpy(np.log(values) - np.log1p(-values)).float()


@torch.no_grad()
def initialize(latent: Tensor, shortest: float, longest: float) -> None:
    """Time constants tau = -1/ln(lambda) in steps, log-uniform between the two."""
    tau = torch.empty_like(latent).uniform_(math.log(shortest), math.log(longest)).exp()
    latent.copy_(-torch.log(torch.expm1(1 / tau)))  # the logit of exp(-1/tau)


def _index(latent: Tensor) -> Tensor:
    return torch.bucketize(latent.detach(), torch.from_numpy(_BOUNDARIES).to(latent))
