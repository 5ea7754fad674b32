"""The integer form of a drawn network, on whose features a readout is fitted: what rounding does to them, ridge regression takes
into account.

A readout that was fitted to exact features and is then given rounded ones loses up to 20 points with 8 bits of state, as its
weights are large and of both signs; one that is fitted to the rounded ones loses next to nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..file.card import Card
from ..model import Model
from .batch import Batch

__all__ = ["integer_network"]

#: Sequences that set the scales.
SEQUENCES = 64
#: Of the input, whose differences have more noise with fewer: the states of spoken digits are then 2 to 3 dB noisier with 8.
INPUT_BITS = 12


def integer_network(
    card: Card,
    parameters: dict[str, Any],
    data: Batch,
    state_bits: int,
    input_bits: int = INPUT_BITS,
    *,
    seed: int = 0,
) -> Model:
    """The integer model of a network as ``draw`` gives it, whose readout is still zero.

    Args:
        card, parameters: of the network; its weights are rounded as the card says.
        data: sequences of the training data; some of them set the scales of the blocks and of the input.
        state_bits, input_bits: as of ``Model.quantize``.
        seed: of which sequences.

    Returns:
        A model whose pooled features (``design.pooled``) are those of the integer network. With another "output.weight"
        and "output.bias" in its parameters it is the fitted model.

    Raises:
        InputError: as ``Model.quantize``.
    """
    chosen = np.sort(np.random.default_rng(seed).permutation(len(data.x))[:SEQUENCES])
    sample = data.take(chosen)
    return Model.from_parameters(card, parameters).quantize(
        [(sample.x, sample.lengths)], state_bits, input_bits
    )
