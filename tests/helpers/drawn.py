"""What tests of models share: random input of a model, and results compared to the bit."""

from __future__ import annotations

import numpy as np

from hadamrnn_ext import Model
from hadamrnn_ext.file import tensors
from hadamrnn_ext.file.card import Card

__all__ = ["draw", "forgetting_model", "same"]


def draw(rng, model, *shape):
    """Random features (*shape, d), or tokens of this shape."""
    if model.card.input == "tokens":
        return rng.integers(0, model.card.input_size, shape)
    return rng.normal(size=(*shape, model.card.input_size)).astype(np.float32)


def forgetting_model(rng, kernel="auto", **fields):
    """A model of random parameters with decays of random codes; ``fields`` go to the card."""
    defaults = {"input": "features", "output": "last", "input_size": 2, "output_size": 3, "decays": True}
    card = Card(**{**defaults, **fields})
    parameters = {name: rng.normal(size=shape) for name, shape in tensors.parameter_shapes(card).items()}
    for name, value in parameters.items():
        if name.endswith("decays"):
            parameters[name] = rng.integers(0, 256, value.shape).astype(np.uint8)
    return Model.from_parameters(card, parameters, kernel)


def same(a, b):
    """Equal in type, shape and every bit: -0.0 is not 0.0."""
    np.testing.assert_array_equal(a, b, strict=True)
    assert a.tobytes() == b.tobytes()
