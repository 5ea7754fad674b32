"""What tests of models share: random input of a model, and results compared to the bit."""

from __future__ import annotations

import numpy as np

__all__ = ["draw", "same"]


def draw(rng, model, *shape):
    """Random features (*shape, d), or tokens of this shape."""
    if model.card.input == "tokens":
        return rng.integers(0, model.card.input_size, shape)
    return rng.normal(size=(*shape, model.card.input_size)).astype(np.float32)


def same(a, b):
    """Equal in type, shape and every bit: -0.0 is not 0.0."""
    np.testing.assert_array_equal(a, b, strict=True)
    assert a.tobytes() == b.tobytes()
