"""Reading all states instead of one: how far and how often units are above thresholds over time."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..ste import straight_through
from .geometry import at_length, mask_past, mean_until


class Pooling(NamedTuple):
    """The features of ``golden.Pool``: thresholds (K, n), and which features each threshold has.

    The share of steps above a threshold has no useful derivative. Its gradient is that of (1 + z / (1 + |z|)) / 2 with
    z = h - theta, a step that is smooth on the scale of 1 and whose derivative, 1 / (2 (1 + |z|)^2), vanishes nowhere
    (the surrogate of Zenke and Ganguli, SuperSpike, 2018).
    """

    thresholds: Tensor
    excess: bool
    share: bool
    time_constant: int | None

    def features(self, h: Tensor) -> list[Tensor]:
        """The features of each step for states (.., n): a list of (.., n), one for each group of n columns of V."""
        groups = []
        for theta in self.thresholds:
            z = h - theta
            if self.excess:
                groups.append(z.relu())
            if self.share:
                groups.append(straight_through((z > 0).to(z.dtype), z / (2 * (1 + z.abs()))))
        return groups

    def at_the_end(self, h: Tensor, lengths: Tensor | None) -> Tensor:
        """The features (B, F) after the last step of each sequence, from all states h (B, T, n)."""
        weights = self._weights(h, lengths)
        return torch.cat([(mask_past(f, lengths) * weights).sum(dim=1) for f in self.features(h)], dim=-1)

    def _weights(self, h: Tensor, lengths: Tensor | None) -> Tensor:
        """The weight of each step in the mean at the end, (B or 1, T, 1)."""
        steps = h.shape[1]
        ends = torch.full((1,), steps, device=h.device) if lengths is None else lengths
        if not self.time_constant:
            return (1 / ends.to(h.dtype)).view(-1, 1, 1).expand(-1, steps, 1)
        since = ends[:, None] - 1 - torch.arange(steps, device=h.device)
        rate = 2.0**-self.time_constant
        weights: Tensor = rate * (1 - rate) ** since.clamp(min=0).to(h.dtype)
        return weights[..., None]

    def over_time(self, values: Tensor) -> Tensor:
        """The running mean (B, T, k) after every step of ``values`` (B, T, k), which are linear in the features."""
        steps = values.shape[1]
        if not self.time_constant:
            counts = torch.arange(1, steps + 1, device=values.device, dtype=values.dtype)
            return values.cumsum(dim=1) / counts[:, None]
        rate = 2.0**-self.time_constant
        means, reach, kept = values * rate, 1, 1 - rate
        while reach < steps:  # recursive doubling: `means` covers the last `reach` steps
            means = torch.cat([means[:, :reach], means[:, reach:] + kept * means[:, :-reach]], dim=1)
            reach, kept = 2 * reach, kept * kept
        return means


#: What is read of the states: "all", "last", "mean", or the features of a pool.
What = str | Pooling


def read_states(h: Tensor, what: What, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """The result of ``engines.read``, computed from all states h (B, T, n)."""
    last = at_length(h, lengths)
    if isinstance(what, Pooling):
        return what.at_the_end(h, lengths), last
    if what == "mean":
        return mean_until(h.relu(), lengths), last
    return (h if what == "all" else last), last
