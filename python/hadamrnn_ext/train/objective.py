"""What is minimized: mean cross-entropy, as a module, because DistributedDataParallel wraps a `forward`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .augment import Augmentation
from .baselines import Network

__all__ = ["Objective"]


class Objective(torch.nn.Module):
    """Mean cross-entropy of `model`'s logits over the examples, and over the steps where there are several.

    `label_smoothing` s takes the target's probability from 1 to 1 - s + s/o and gives each other class s/o.
    Inputs pass through `augmentation` first.
    """

    def __init__(
        self,
        model: Network,
        label_smoothing: float = 0.0,
        augmentation: Augmentation = Augmentation(),  # noqa: B008  it is immutable
    ) -> None:
        super().__init__()
        self.model, self.label_smoothing, self.augmentation = model, label_smoothing, augmentation

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """The loss, a scalar, for a batch of inputs and its classes, (B,) or (B, T)."""
        inputs = self.augmentation(inputs)
        if self.label_smoothing == 0:
            return self.model.loss(inputs, targets)  # fused with the network for many-to-many models
        logits = self.model(inputs)
        if self.model.output_size == 1:  # that of class 1, as `SequenceModel.loss` has it
            logits = F.pad(logits, (1, 0))
        return F.cross_entropy(logits.flatten(0, -2), targets.flatten(), label_smoothing=self.label_smoothing)
