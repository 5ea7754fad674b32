"""What a closed-form model leaves to chance: networks that forget, drawn by a seed.

Signs and input weights are drawn, decays spaced evenly, and thresholds follow the data; only the readout is learned.
Structured random recurrences as reservoirs: Dong, Ohana, Rafayelyan, Krzakala (2020, arXiv 2006.07310).
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..file.card import Card, LayerCard
from ..file.drawn import BITS, Drawn
from ..file.pool import Pool
from ..file.storage import Coded
from ..file.tensors import drawn_codes
from ..golden import floats as golden
from ..model import Model
from .batch import Batch
from .design import Design

__all__ = ["card_of", "draw"]

#: Codes of decays in the order of their time constants, and these, in steps.
CODES = np.arange(256, dtype=np.uint8) ^ np.uint8(15)
TIME_CONSTANTS = -1 / np.log(golden.decay(CODES))
#: States that the quantiles of a unit are taken of, and sequences that they come from at most.
STATES, SEQUENCES = 1500, 64
#: Of codes, the root of their mean square.
SIZE = math.sqrt(21.5)


def draw(
    design: Design, hidden_size: int, data: Batch, seed: int, *, tokens: int | None = None
) -> tuple[Card, dict[str, Any]]:
    """Card and parameters of a network whose readout is still zero; `data` sets lengths and thresholds.

    Args:
        tokens: how many tokens there are; None for features.

    Returns:
        A card with one output and a pool, and what ``Model.from_parameters`` takes for it.
    """
    card = card_of(design, hidden_size, data, seed, tokens)
    drawn, n = card.drawn, hidden_size
    assert drawn is not None
    decays = drawn.decays(n // card.layers[0].block_size)
    size = SIZE * math.sqrt(1 if tokens is not None else min(2, card.input_width))
    # A linear input is scaled so that white noise gives states of variance 1.
    gain = design.gain * (
        1 if design.input_activation else math.sqrt(1 - float(golden.decay(decays)[0]) ** 2)
    )
    parameters: dict[str, Any] = {
        "input.weight": Coded(drawn_codes(card), np.float32(gain / size * (1 << BITS - 1))),
        "layers.0.signs": drawn.signs(n),
        "layers.0.bias": np.zeros(n, np.float32),
        "layers.0.decays": decays,
        "pool.thresholds": np.zeros((len(design.thresholds), n), np.float32),
        "output.weight": np.zeros((1, card.output_width), np.float32),
        "output.bias": np.zeros(1, np.float32),
    }
    states = _states(_without_pool(card, parameters), data, np.random.default_rng(seed))
    places = np.rint(np.array(design.thresholds) * (states.shape[1] - 1)).astype(np.int64)
    parameters["pool.thresholds"] = np.ascontiguousarray(np.sort(states, axis=1)[:, places].T)
    return card, parameters


def card_of(design: Design, hidden_size: int, data: Batch, seed: int, tokens: int | None) -> Card:
    """The card of `draw`."""
    n, m = hidden_size, math.gcd(hidden_size, design.block_size or hidden_size)
    pool = Pool(len(design.thresholds), time_constant=design.time_constant)
    return Card(
        input="features" if tokens is None else "tokens",
        output="last" if design.time_constant is None else "all",
        input_size=tokens or data.x.shape[2],
        output_size=1,
        layers=(LayerCard(n, m),),
        weight_bits=BITS,
        bias_bits=1,
        output_weight_bits=None,
        decays=True,
        input_activation=design.input_activation,
        differences=design.differences and tokens is None,
        pool=pool,
        drawn=Drawn(seed, *_decays(design, data)),
    )


def _decays(design: Design, data: Batch) -> tuple[int, int]:
    """The codes of the fastest and the slowest block."""
    k = design.time_constant
    length = float(np.median(data.lengths)) if k is None else float(1 << k)
    shortest = min(2.0, max(length / 16, 0.7)) if k is None else 0.7
    wanted = np.log([shortest, max(design.longest * length, 2 * shortest)])
    fastest, slowest = CODES[np.abs(np.log(TIME_CONSTANTS)[:, None] - wanted).argmin(axis=0)]
    return int(fastest), int(slowest)


def _without_pool(card: Card, parameters: dict[str, Any]) -> Model:
    """The same units, whose steps are ten times faster."""
    card = dataclasses.replace(card, pool=None, output="all")
    weight = np.zeros((1, card.output_width), np.float32)
    given = {**parameters, "output.weight": weight}
    del given["pool.thresholds"]
    return Model.from_parameters(card, given)


def _states(model: Model, data: Batch, rng: np.random.Generator) -> NDArray[np.float32]:
    """Some states of some sequences, (n, ..)."""
    sample = data.take(np.sort(rng.permutation(len(data.x))[:SEQUENCES]))
    stream = _core.Stream(model.core, len(sample.x), False)
    every = max(1, int(sample.lengths.sum()) // STATES)
    found = []
    for t, step in enumerate(np.ascontiguousarray(sample.x.swapaxes(0, 1))):
        stream.step(step)
        if t % every == every // 2 or t == 0:
            found.append(stream.get_state()[0][sample.lengths > t])
    return np.ascontiguousarray(np.concatenate(found).T)
