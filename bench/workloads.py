"""The models and inputs that are timed, and the same networks as plain matrices for the peers.

Weights are random: speed does not depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hadamrnn_ext as hr

__all__ = ["Dense", "Workload", "copy_task", "pixels", "sensors"]

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Dense:
    """h_t = W h_(t-1) + U x_t + b, y = V relu(h) + c, with W (n, n) as the dense matrix that it stands for."""

    w: F32
    u: F32
    b: F32
    v: F32
    c: F32

    @classmethod
    def of(cls, model: hr.Model) -> Dense:
        p = model.parameters()
        (layer,) = model.card.layers
        blocks = np.eye(layer.hidden_size // layer.block_size, dtype=np.float32)
        matrix = np.kron(blocks, hr.hadamard.matrix(layer.block_size)) / np.sqrt(layer.block_size)
        w = (p["layers.0.signs"][:, None] * matrix).astype(np.float32)
        return cls(w, p["input.weight"], p["layers.0.bias"], p["output.weight"], p["output.bias"])


@dataclass(frozen=True)
class Workload:
    """A model, an input batch, and the network as matrices."""

    model: hr.Model
    x: NDArray[Any]
    dense: Dense

    @property
    def logits(self) -> F32:
        """Our logits, with which every peer must agree before it is timed."""
        return self.model.infer(self.x)

    def check(self, peer: str, logits: NDArray[Any]) -> None:
        """Raises ValueError if the logits of a peer differ by more than another order of the sums explains."""
        expected = self.logits
        error = float(np.abs(logits.reshape(expected.shape) - expected).max() / np.abs(expected).max())
        if not error < 1e-3:
            raise ValueError(f"{peer} differs from ours by {error:.1e} of the largest logit")


def pixels(batch: int, steps: int = 784, hidden_size: int = 512, block_size: int | None = None) -> Workload:
    """A permuted-MNIST model as the paper trains it: one pixel per step, ten logits after the last."""
    card = hr.Card(
        input="features",
        output="last",
        input_size=1,
        output_size=10,
        layers=(hr.LayerCard(hidden_size, block_size or hidden_size),),
    )
    rng = np.random.default_rng(1)
    return _workload(card, rng, rng.random((batch, steps, 1), np.float32))


def copy_task(steps: int = 1000, hidden_size: int = 128) -> Workload:
    """A copy-task model on one sequence, with ten one-hot symbols and nine logits at every step."""
    card = hr.Card(
        input="tokens",
        output="all",
        input_size=10,
        output_size=9,
        layers=(hr.LayerCard(hidden_size, hidden_size),),
    )
    rng = np.random.default_rng(2)
    return _workload(card, rng, rng.integers(0, 10, (1, steps)).astype(np.int32))


def sensors(batch: int, steps: int, normalized: bool) -> Workload:
    """A model like one of a user's own data: nine channels, 128 units, six named classes, and a normalization."""
    channels = np.arange(1.0, 10.0)
    rule = hr.Normalization(tuple(channels), tuple(1 / channels)) if normalized else None
    card = hr.Card(
        input="features",
        output="last",
        input_size=9,
        output_size=6,
        layers=(hr.LayerCard(128, 128),),
        labels=("walking", "upstairs", "downstairs", "sitting", "standing", "laying"),
        preprocess=hr.Preprocess(normalization=rule),
    )
    rng = np.random.default_rng(3)
    return _workload(card, rng, rng.normal(size=(batch, steps, 9)).astype(np.float32))


def _workload(card: hr.Card, rng: np.random.Generator, x: NDArray[Any]) -> Workload:
    n, d, o = card.layers[0].hidden_size, card.input_size, card.output_size
    shapes = {
        "input.weight": (n, d),
        "layers.0.signs": (n,),
        "layers.0.bias": (n,),
        "output.weight": (o, n),
        "output.bias": (o,),
    }
    parameters = {name: rng.normal(scale=n**-0.5, size=shape) for name, shape in shapes.items()}
    model = hr.Model.from_parameters(card, parameters)
    return Workload(model, x, Dense.of(model))
