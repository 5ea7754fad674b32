"""A fit whose network is one of integers."""

from __future__ import annotations

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.closed_form.batch import Batch
from hadamrnn_ext.closed_form.design import DESIGNS
from hadamrnn_ext.closed_form.drawing import draw
from hadamrnn_ext.closed_form.integers import integer_network
from hadamrnn_ext.errors import InputError


def waves(rng, count, steps=80):
    """Two classes of frequencies, in noise."""
    phase, pitch = rng.uniform(0, 6, count), np.arange(count) % 3
    x = np.sin(np.arange(steps) * (0.2 + 0.1 * pitch)[:, None] + phase[:, None])
    return (x + 0.3 * rng.standard_normal(x.shape))[..., None].astype(np.float32), pitch


@pytest.mark.parametrize("bits", [8, 12])
def test_a_readout_of_integers_is_as_good_as_one_of_floats(rng, bits):
    x, y = waves(rng, 600)
    accuracy = {}
    for state_bits in (None, bits):
        model, report = hr.fit(x[:150], y[:150], state_bits=state_bits, num_threads=1)
        accuracy[state_bits] = (model.classify(x[150:]).labels[:, 0] == y[150:].astype(str)).mean()
        assert report.file_bytes <= 16384
        assert (model.card.integer is None) == (state_bits is None)
    assert accuracy[None] > 0.9
    assert accuracy[bits] > accuracy[None] - 0.01
    assert model.card.integer.blocks.state_bits == bits
    assert hr.Model.from_bytes(model.to_bytes()) == model


def test_a_drawn_network_becomes_one_of_integers(rng):
    x, _ = waves(rng, 40)
    data = Batch(x, np.full(40, 80))
    card, parameters = draw(DESIGNS[0], 64, data, 0)
    network = integer_network(card, parameters, data, 8)
    assert network.card.integer.blocks.state_bits == 8
    assert network.card.integer.input.bits == 12
    features = np.empty((40, network.card.output_width), np.float32)
    network.core.features(data.x, data.lengths, features, 1)
    floats = np.empty_like(features)
    hr.Model.from_parameters(card, parameters).core.features(data.x, data.lengths, floats, 1)
    assert np.corrcoef(features.ravel(), floats.ravel())[0, 1] > 0.99


def test_bits_that_no_state_has(rng):
    x, y = waves(rng, 40)
    with pytest.raises(InputError, match=r"state_bits is 7; expected an integer 8 \.\. 16"):
        hr.fit(x, y, state_bits=7)
