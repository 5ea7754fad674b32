"""One training step of the paper's presets, on any engine: forward, backward and Adam."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from hadamrnn_ext.nn import SequenceModel

__all__ = ["PRESETS", "Memory", "Step", "make"]

Memory = Literal["stored", "reversible"]
PRESETS = ("pmnist", "pmnist_m32", "copy", "imdb")
WORDS = 10_000


@dataclass
class Step:
    """A call trains ``model`` on the batch x, y once and returns the loss."""

    model: SequenceModel
    x: Tensor
    y: Tensor
    memory: Memory = "stored"
    optimizer: torch.optim.Adam = field(init=False)

    def __post_init__(self) -> None:
        # A learning rate of zero costs the same, and keeps the weights with which the engines are compared.
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.0, fused=True)

    def __call__(self) -> float:
        loss = self.model.loss(self.x, self.y, memory=self.memory)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return float(loss.item())


def make(preset: str, engine: str, *, steps: int | None = None, memory: Memory = "stored") -> Step:
    """The step of a preset on random data, with the same weights and data for every engine."""
    torch.manual_seed(0)
    if preset == "copy":
        model = SequenceModel(10, 128, 9, output="all", tokens=True, engine=engine)
        shape = (128, steps or 1000)
        x, y = torch.randint(0, 10, shape, dtype=torch.int32), torch.randint(0, 9, shape)
    elif preset == "imdb":
        model = SequenceModel(WORDS, 128, 1, tokens=True, embedding_size=512, engine=engine)
        x = torch.multinomial(1 / torch.arange(1.0, WORDS + 1), 100 * 500, replacement=True).view(100, 500)
        y = torch.randint(0, 2, (100,))
    else:
        model = SequenceModel(1, 512, 10, 32 if preset == "pmnist_m32" else None, engine=engine)
        x, y = torch.rand(100, 784, 1), torch.randint(0, 10, (100,))
    return Step(model, x, y, memory)
