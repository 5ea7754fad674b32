"""The mean loss that training minimizes. It is a module because DistributedDataParallel wraps a `forward`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..file.preprocess import Normalization
from .augment import Augmentation
from .baselines import Network

__all__ = ["Objective"]


class Objective(torch.nn.Module):
    """The mean loss of `model`'s answers over the examples, and over the steps if it answers at every step.

    For classes it is the cross-entropy. `label_smoothing` s lowers the target's probability from 1 to 1 - s + s/o and
    gives every other class s/o. `class_weights` (o,) weight the examples of each class. For values it is the mean
    squared error, and the model learns them in units of `answers`: (value - offset) / scale. Inputs pass through
    `augmentation` first.
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
        """The loss, a scalar, for a batch of inputs, its targets and its lengths.

        The targets are classes (B,) or (B, T), or values (B, o).
        """
        inputs = self.augmentation(inputs, lengths)
        inputs, lengths = self.augmentation.after_others(inputs, lengths)
        if self.answers is not None:
            offset, scale = targets.new_tensor(self.answers.offset), targets.new_tensor(self.answers.scale)
            targets = (targets - offset) / scale
        if targets.is_floating_point() or (self.label_smoothing == 0 and self.class_weights is None):
            # Fused with the network for many-to-many models.
            loss: Tensor = self.model.loss(inputs, targets, lengths)
            return loss
        logits: Tensor = self.model(inputs, lengths)
        if self.model.output_size == 1:  # the logit of class 1, as in `SequenceModel.loss`
            logits = F.pad(logits, (1, 0))
        logits, targets = logits.flatten(0, -2), targets.flatten()
        if (
            lengths is not None and self.model.output == "all"
        ):  # beyond the end of a sequence there is no class
            logits, targets = logits[targets >= 0], targets[targets >= 0]
        if self.class_weights is None:
            return F.cross_entropy(logits, targets, label_smoothing=self.label_smoothing)
        weights = logits.new_tensor(self.class_weights)
        # torch's mean would divide by the sum of the batch's weights. Then the means over parts of a batch, which several
        # processes compute, would not average to the mean over the batch.
        losses = F.cross_entropy(logits, targets, label_smoothing=self.label_smoothing, reduction="none")
        return (losses * weights[targets]).mean()
