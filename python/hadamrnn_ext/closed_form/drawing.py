"""What a closed-form model leaves to chance: networks that forget, drawn by a seed.

Signs, input weights, biases, decays and thresholds are drawn; only the readout is learned. Structured random recurrences as
reservoirs: Dong, Ohana, Rafayelyan, Krzakala (2020, arXiv 2006.07310).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..file.card import Card, LayerCard
from ..file.pool import Pool
from ..golden import floats as golden
from ..model import Model
from .batch import Batch
from .design import Design

__all__ = ["draw"]

#: Decays of all codes, and their time constants in steps.
CODES = np.arange(256, dtype=np.uint8)
TIME_CONSTANTS = -1 / np.log(golden.decay(CODES))
#: Channels that a unit reads, on average: few of many, so that units differ.
CHANNELS = 2
#: States that the quantiles of a unit are taken of, and sequences that they come from at most.
STATES, SEQUENCES = 1500, 64


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
    k = design.time_constant
    length = float(np.median(data.lengths)) if k is None else float(1 << k)
    shortest = min(2.0, max(length / 16, 0.7)) if k is None else 0.7
    longest = max(design.longest * length, 2 * shortest)
    wanted = np.exp(rng.uniform(np.log(shortest), np.log(longest), n // m))
    codes = CODES[np.abs(np.log(TIME_CONSTANTS)[:, None] - np.log(wanted)).argmin(axis=0)]
    width = tokens or design.input_width(data.x.shape[2])
    weight = rng.standard_normal((n, width))
    if tokens is None:
        weight *= rng.random((n, width)) < min(1, CHANNELS / width)
        weight /= np.maximum(np.linalg.norm(weight, axis=1, keepdims=True), 1e-3)
    bias = design.bias * rng.standard_normal(n)
    # A linear input is scaled so that white noise gives states of variance 1, whatever the decay.
    gain = np.full(n, design.gain)
    if design.input_activation is None:
        gain *= np.sqrt(1 - np.repeat(golden.decay(codes), m) ** 2)
    pool = Pool(len(design.thresholds), time_constant=k)
    card = Card(
        input="features" if tokens is None else "tokens",
        output="last" if k is None else "all",
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


def _states(model: Model, data: Batch, rng: np.random.Generator) -> NDArray[np.float32]:
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
