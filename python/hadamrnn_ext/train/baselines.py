"""Full-precision networks to compare with, trained by the same trainer on the same data."""

from __future__ import annotations

import math
from typing import TypeAlias

import torch
from torch import Tensor
from torch import nn as layers
from torch.nn import functional as F

from .. import nn
from ..data.task import Task
from ..model.describe import Operations
from ..nn.engines import Choice, at_length, mean_until
from ..recipe.preset import Preset

__all__ = ["Baseline", "Network", "baseline"]

#: Sequences that are evaluated at a time: torch's LSTM writes the gates of all steps, 160 MB for 100 sequences of
#: 784 steps at n = 128.
EVALUATION_PART = 100


class Orthogonal(layers.Module):
    """h_t = W h_{t-1} + U x_t + b with an orthogonal W of n^2 float32 numbers, the exponential of a skew-symmetric
    matrix times its random start: HadamRNN's recurrence without its structure. (B, T, d) -> (B, T, n).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input = layers.Linear(input_size, hidden_size)
        self.recurrent = layers.Linear(hidden_size, hidden_size, bias=False)
        layers.init.orthogonal_(self.recurrent.weight)
        layers.utils.parametrizations.orthogonal(self.recurrent)

    def forward(self, x: Tensor) -> Tensor:
        drive = self.input(x)
        transposed = self.recurrent.weight.t()  # made once: it is a matrix exponential
        states = [drive[:, 0]]
        for step in drive.unbind(1)[1:]:
            states.append(torch.addmm(step, states[-1], transposed))
        return torch.stack(states, 1)


class Baseline(layers.Module):
    """Embedding or one-hot tokens or features, one recurrent layer in float32, and a readout.

    The readout is V h + c for `lstm` and `gru`, and V relu(h) + c, as HadamRNN's, for `orthogonal`. `output` is
    "last", "all", or "mean": V times the mean of what it would read at each step. To the trainer it is what a `nn.SequenceModel` without signs would be.
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
    ) -> None:
        super().__init__()
        self.kind, self.output, self.output_size = kind, output, output_size
        self.one_hot = input_size if tokens and embedding_size is None else None
        self.embedding = (
            None if embedding_size is None else layers.Embedding(input_size, embedding_size, padding_idx=0)
        )
        width = embedding_size or input_size
        self.rnn: layers.Module
        if kind == "orthogonal":
            self.rnn = Orthogonal(width, hidden_size)
        else:
            gated = {"lstm": layers.LSTM, "gru": layers.GRU}[kind]
            self.rnn = gated(width, hidden_size, batch_first=True)
        self.readout = layers.Linear(hidden_size, output_size)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Logits (B, o), for "all" (B, T, o), of features (B, T, d) or tokens (B, T), at each sequence's own length."""
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
        h = self.rnn(x).relu() if self.kind == "orthogonal" else self.rnn(x)[0]
        if self.output != "all":
            h = at_length(h, lengths) if self.output == "last" else mean_until(h, lengths)
        logits: Tensor = self.readout(h)
        return logits

    def loss(self, inputs: Tensor, targets: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The mean loss as `nn.SequenceModel.loss` has it: cross-entropy, of two classes if there is one logit, or
        squared error of float targets."""
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
        """Of all parameters in float32."""
        return sum(4 * math.prod(parameter.shape) for parameter in self.parameters())

    @property
    def step(self) -> Operations:
        """Of one time step without the readout: an addition and a multiplication for each weight that is used."""
        weights = sum(
            math.prod(parameter.shape) for parameter in self.rnn.parameters() if parameter.ndim == 2
        )
        return Operations(weights, weights)


Network: TypeAlias = nn.SequenceModel | Baseline


def baseline(preset: Preset, task: Task) -> Baseline:
    """The untrained network that `preset.model` names; its initialization is torch's, but for the embedding's scale."""
    model = Baseline(
        preset.model,
        task.input_size,
        preset.hidden_size,
        task.output_size,
        output=preset.output_on(task),
        tokens=task.input == "tokens",
        embedding_size=preset.embedding_size,
    )
    if model.embedding is not None:
        with torch.no_grad():
            model.embedding.weight *= preset.embedding_scale
    return model
