"""What a closed-form model leaves to chance, and how: networks that forget, drawn by a seed.

Signs, input weights, biases, decays and thresholds are drawn; only the readout is learned. Structured random recurrences as
reservoirs: Dong, Ohana, Rafayelyan, Krzakala (2020, arXiv 2006.07310).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..file.card import Card, LayerCard
from ..file.pool import Pool
from ..golden import floats as golden
from ..model import Model

__all__ = ["DESIGNS", "Batch", "Design", "draw", "pooled"]

F32 = NDArray[np.float32]
#: Decays of all codes, and their time constants in steps.
CODES = np.arange(256, dtype=np.uint8)
TIME_CONSTANTS = -1 / np.log(golden.decay(CODES))
#: Channels that a unit reads, on average: few of many, so that units differ.
CHANNELS = 2
#: States that the quantiles of a unit are taken of, and sequences that they come from at most.
STATES, SEQUENCES = 1500, 64


class Batch(NamedTuple):
    """Sequences as the network reads them: x (B, T, d) float32 or tokens (B, T) int32, and how long each is."""

    x: NDArray[Any]
    lengths: NDArray[np.int64]

    def take(self, index: Any) -> Batch:
        """Some of the sequences, cut to the longest of them."""
        lengths = self.lengths[index]
        return Batch(np.ascontiguousarray(self.x[index, : lengths.max()]), lengths)


@dataclass(frozen=True)
class Design:
    """How a network is drawn.

    block_size: m of the Hadamard blocks; None: one block of all units.
    longest: the longest time constant as a multiple of the usual length of a sequence. Constants are log-uniform from two
        steps on (a sixteenth of the length where that is less), one per block.
    input_activation, gain: phi, and the standard deviation of what it is applied to.
    thresholds: quantiles of each unit's states at which its thresholds are.
    differences: whether the input is read beside its change since the step before.
    bias: standard deviation of the biases, in units of the input's.
    """

    block_size: int | None
    longest: float
    input_activation: Literal["relu", "clip"] | None = None
    gain: float = 1.0
    thresholds: tuple[float, ...] = (0.2, 0.5, 0.8)
    differences: bool = True
    bias: float = 0.0

    @property
    def weight_bits(self) -> int:
        """Of U: rows that differ with the decays need more."""
        return 8 if self.input_activation is None else 4

    def __str__(self) -> str:
        blocks = "one block" if self.block_size is None else f"blocks of {self.block_size}"
        return (
            f"{blocks}, time constants to {self.longest:g} lengths, {self.input_activation or 'linear'} input"
        )


#: What `fit` chooses from. Outlines and gestures want short memories in small blocks, physiological series long ones in large
#: blocks; which it is shows in the leave-one-out errors (docs/training.md has the measurements).
DESIGNS = (
    Design(16, 1 / 8, "clip", gain=3.0),
    Design(16, 1 / 2),
    Design(16, 2, "clip", gain=1.5),
    Design(64, 1 / 2),
    Design(64, 2, "clip", gain=1.5),
    Design(None, 1 / 2),
)


def draw(
    design: Design, hidden_size: int, data: Batch, seed: int, *, tokens: int | None = None
) -> tuple[Card, dict[str, NDArray[Any]]]:
    """Card and parameters of a network whose readout is still zero; `data` sets lengths and thresholds.

    Args:
        tokens: how many tokens there are; None for features.

    Returns:
        A card with one output, float weights and a pool, and what ``Model.from_parameters`` takes for it.
    """
    rng = np.random.default_rng(seed)
    n, m = hidden_size, min(design.block_size or hidden_size, hidden_size)
    length = float(np.median(data.lengths))
    shortest = min(2.0, max(length / 16, 0.7))
    longest = max(design.longest * length, 2 * shortest)
    wanted = np.exp(rng.uniform(np.log(shortest), np.log(longest), n // m))
    codes = CODES[np.abs(np.log(TIME_CONSTANTS)[:, None] - np.log(wanted)).argmin(axis=0)]
    width = tokens or data.x.shape[2] * (2 if design.differences else 1)
    weight = rng.standard_normal((n, width))
    if tokens is None:
        weight *= rng.random((n, width)) < min(1, CHANNELS / width)
        weight /= np.maximum(np.linalg.norm(weight, axis=1, keepdims=True), 1e-3)
    bias = design.bias * rng.standard_normal(n)
    # A linear input is scaled so that white noise gives states of variance 1, whatever the decay.
    gain = np.full(n, design.gain)
    if design.input_activation is None:
        gain *= np.sqrt(1 - np.repeat(golden.decay(codes), m) ** 2)
    pool = Pool(len(design.thresholds))
    card = Card(
        input="features" if tokens is None else "tokens",
        output="last",
        input_size=tokens or data.x.shape[2],
        output_size=1,
        layers=(LayerCard(n, m),),
        weight_bits=None,
        output_weight_bits=None,
        decays=True,
        input_activation=design.input_activation,
        differences=design.differences and tokens is None,
        pool=pool,
    )
    parameters: dict[str, NDArray[Any]] = {
        "input.weight": (weight * gain[:, None]).astype(np.float32),
        "layers.0.signs": rng.choice(np.array([-1.0, 1.0], np.float32), n),
        "layers.0.bias": (bias * gain).astype(np.float32),
        "layers.0.decays": codes,
        "pool.thresholds": np.zeros((pool.thresholds, n), np.float32),
        "output.weight": np.zeros((1, card.output_width), np.float32),
        "output.bias": np.zeros(1, np.float32),
    }
    states = _states(Model.from_parameters(card, parameters), data, rng)
    parameters["pool.thresholds"] = np.quantile(states, design.thresholds, axis=0).astype(np.float32)
    return card, parameters


def pooled(model: Model, data: Batch, num_threads: int) -> F32:
    """What the readout multiplies after each sequence, (B, F) float32."""
    features = np.empty((len(data.x), model.card.output_width), np.float32)
    model.core.features(data.x, data.lengths, features, num_threads)
    return features


def _states(model: Model, data: Batch, rng: np.random.Generator) -> F32:
    """Some states of some sequences, (.., n)."""
    sample = data.take(np.sort(rng.permutation(len(data.x))[:SEQUENCES]))
    stream = _core.Stream(model.core, len(sample.x), False)
    every = max(1, int(sample.lengths.sum()) // STATES)
    found = []
    for t, step in enumerate(np.ascontiguousarray(sample.x.swapaxes(0, 1))):
        stream.step(step)
        if t % every == every // 2 or t == 0:
            found.append(stream.get_state()[0][sample.lengths > t])
    return np.concatenate(found)
