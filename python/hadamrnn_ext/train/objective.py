"""What is minimized: the mean loss, as a module, because DistributedDataParallel wraps a `forward`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..file.preprocess import Normalization
from .augment import Augmentation
from .baselines import Network

__all__ = ["Objective"]


class Objective(torch.nn.Module):
    """Mean loss of `model`'s answers over the examples, and over the steps where there are several.

    It is cross-entropy for classes. `label_smoothing` s takes the target's probability from 1 to 1 - s + s/o and gives
    each other class s/o; `class_weights` (o,) weigh the examples of each class. It is mean squared error for values,
    which the model learns in units of `answers`: (value - offset) / scale. Inputs pass through `augmentation` first.
    """

    def __init__(
        self,
        model: Network,
        label_smoothing: float = 0.0,
        augmentation: Augmentation = Augmentation(),  # noqa: B008  it is immutable
        class_weights: tuple[float, ...] | None = None,
        answers: Normalization | None = None,
    ) -> None:
        super().__init__()
        self.model, self.label_smoothing, self.augmentation = model, label_smoothing, augmentation
        self.class_weights, self.answers = class_weights, answers

    def forward(self, inputs: Tensor, targets: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The loss, a scalar, for a batch of inputs, its classes (B,) or (B, T) or values (B, o), and its lengths."""
        inputs = self.augmentation(inputs, lengths)
        if self.answers is not None:
            offset, scale = targets.new_tensor(self.answers.offset), targets.new_tensor(self.answers.scale)
            targets = (targets - offset) / scale
        if targets.is_floating_point() or (self.label_smoothing == 0 and self.class_weights is None):
            # Fused with the network for many-to-many models.
            loss: Tensor = self.model.loss(inputs, targets, lengths)
            return loss
        logits: Tensor = self.model(inputs, lengths)
        if self.model.output_size == 1:  # that of class 1, as `SequenceModel.loss` has it
            logits = F.pad(logits, (1, 0))
        logits, targets = logits.flatten(0, -2), targets.flatten()
        if self.class_weights is None:
            return F.cross_entropy(logits, targets, label_smoothing=self.label_smoothing)
        weights = logits.new_tensor(self.class_weights)
        # Not torch's mean, which is over the weights of the batch: means over parts of a batch are to make that of it.
        losses = F.cross_entropy(logits, targets, label_smoothing=self.label_smoothing, reduction="none")
        return (losses * weights[targets]).mean()
