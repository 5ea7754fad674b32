"""Full-precision networks for comparison, trained by the same trainer on the same data."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch import nn as layers
from torch.nn import functional as F

from .. import nn
from ..data.task import Task
from ..model.describe import Operations
from ..nn.engines import Choice, at_length, mean_until
from ..recipe.preset import Preset
from ..recipe.setting import only_of
from .cells import CELLS

__all__ = ["Baseline", "Network", "baseline"]

#: The number of sequences that are evaluated at a time. torch's LSTM stores the gates of all steps: 160 MB for 100
#: sequences of 784 steps at n = 128.
EVALUATION_PART = 100


class Baseline(layers.Module):
    """A network that reads features or tokens (embedded or one-hot), with one recurrent layer in float32 and a readout.

    The readout is V h + c, or V relu(h) + c, as in HadamRNN, for `orthogonal`. `output` is "last", "all", or "mean",
    which multiplies V by the mean over the steps. `options` are those of the recurrence (cells.py). The trainer uses it
    like a `nn.SequenceModel` that has no signs.
    """

    def __init__(
        self,
        kind: str,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        output: str = "last",
        tokens: bool = False,
        embedding_size: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.kind, self.output, self.output_size = kind, output, output_size
        self.one_hot = input_size if tokens and embedding_size is None else None
        self.embedding = (
            None if embedding_size is None else layers.Embedding(input_size, embedding_size, padding_idx=0)
        )
        self.rnn = CELLS[kind](embedding_size or input_size, hidden_size, **options)
        self.readout = layers.Linear(hidden_size, output_size)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Logits (B, o), or (B, T, o) for "all", from features (B, T, d) or tokens (B, T).

        `lengths` (B,) are the numbers of steps to read; None reads all T.
        """
        if self.training:
            return self._logits(x, lengths)
        places = torch.split(torch.arange(len(x)), EVALUATION_PART)
        return torch.cat(
            [self._logits(x[part], None if lengths is None else lengths[part]) for part in places]
        )

    def _logits(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        if self.embedding is not None:
            x = self.embedding(x)
        elif self.one_hot is not None:
            x = F.one_hot(x, self.one_hot).float()
        h = self.rnn(x)
        if self.kind == "orthogonal":
            h = h.relu()
        elif isinstance(h, tuple):  # of torch's own networks
            h = h[0]
        if self.output != "all":
            h = at_length(h, lengths) if self.output == "last" else mean_until(h, lengths)
        logits: Tensor = self.readout(h)
        return logits

    def loss(self, inputs: Tensor, targets: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The mean loss, as in `nn.SequenceModel.loss`.

        It is the squared error for float targets, and otherwise the cross-entropy, of two classes if there is one logit.
        """
        logits = self(inputs, lengths)
        if targets.is_floating_point():
            return F.mse_loss(logits, targets)
        if self.output_size == 1:
            logits = F.pad(logits, (1, 0))
        return F.cross_entropy(logits.flatten(0, -2), targets.flatten())

    def sign_parameters(self) -> list[Tensor]:
        return []

    def quantized_parameters(self) -> list[Tensor]:
        return []

    def other_parameters(self) -> list[Tensor]:
        return list(self.parameters())

    def engine_for(self, batch: int) -> str:
        return self.choose(batch).engine

    def choose(self, batch: int) -> Choice:
        return Choice("torch", "a baseline")

    @property
    def payload_bytes(self) -> int:
        """The bytes of all parameters in float32."""
        return sum(4 * math.prod(parameter.shape) for parameter in self.parameters())

    @property
    def step(self) -> Operations:
        """The operations per time step without the readout: an addition and a multiplication for each weight in use."""
        weights = sum(
            math.prod(parameter.shape) for parameter in self.rnn.parameters() if parameter.ndim == 2
        )
        return Operations(weights, weights)


Network: TypeAlias = nn.SequenceModel | Baseline


def baseline(preset: Preset, task: Task) -> Baseline:
    """The untrained network that `preset.model` names, initialized as in torch except for the scale of its embedding."""
    model = Baseline(
        preset.model,
        task.input_size,
        preset.hidden_size,
        task.output_size,
        output=preset.output_on(task),
        tokens=task.input == "tokens",
        embedding_size=preset.embedding_size,
        **{name: getattr(preset, name) for name in only_of(Preset, preset.model)},
    )
    if model.embedding is not None:
        with torch.no_grad():
            model.embedding.weight *= preset.embedding_scale
    return model
