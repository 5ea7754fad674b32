"""Exported C on emulated Cortex-M boards: every logit has the bits that Python gives; what it takes meets its targets."""

from __future__ import annotations

import os

import numpy as np
import pytest

import hadamrnn_ext as hr
from cortex_m.device import BOARDS, missing_tools
from cortex_m.proof import dense_figures, model_figures
from hadamrnn_ext.data import copy

MISSING = missing_tools()
pytestmark = pytest.mark.skipif(
    MISSING is not None and not os.environ.get("HADAMRNN_CI"), reason=MISSING or ""
)

KINDS = {
    "blocks": {"sizes": ((96, 32),), "input_size": 4, "output": "all"},
    "paley": {"sizes": ((48, 24),), "recurrence": "modrelu", "weight_bits": 5, "output_weight_bits": 8},
    "embedding": {"sizes": ((16, 4),), "input": "tokens", "input_size": 7, "embedding_size": 5},
    "layers": {"sizes": ((24, 12), (16, 16), (8, 1)), "output": "all", "recurrence": "relu"},
    "mean": {"sizes": ((64, 32),), "output": "mean"},
    "sign layers": {"sizes": ((32, 32), (16, 16)), "recurrence": "sign"},
}


@pytest.fixture(params=BOARDS)
def board(request):
    return BOARDS[request.param]


def draw(rng, model, *shape):
    if model.card.input == "tokens":
        return rng.integers(0, model.card.input_size, shape).astype(np.int32)
    return rng.normal(size=(*shape, model.card.input_size)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_integer_models(rng, make_model, board, kind):
    floats = make_model(rng, **KINDS[kind])
    x = draw(rng, floats, 2, 30)
    _, equal = model_figures(floats.quantize(x, readout="integer"), x, board)
    assert equal


def test_popcount(rng, make_model, board):
    """Bit planes: the same bits, in a third of the memory and in fewer instructions where both layers are signs."""
    floats = make_model(rng, sizes=((64, 64), (64, 32)), recurrence="sign")
    x = draw(rng, floats, 2, 30)
    model = floats.quantize(x, readout="integer")
    lanes, equal_lanes = model_figures(model, x, board)
    planes, equal_planes = model_figures(model, x, board, "popcount")
    assert equal_lanes
    assert equal_planes
    assert planes.state_bytes * 8 == 2 * 2 * 64
    assert planes.instructions_per_step < lanes.instructions_per_step


@pytest.mark.parametrize("kind", ["paley", "layers"])
def test_float_models(rng, make_model, board, kind):
    model = make_model(rng, **KINDS[kind])
    _, equal = model_figures(model, draw(rng, model, 2, 10), board)
    assert equal


def test_digits():
    """pmnist at 12 bits: a tenth of the instructions of a dense network, in 10 kB of flash and 5 kB of RAM."""
    images, _ = hr.zoo.samples("pmnist")
    images = images[:1].reshape(-1, 784, 1)
    model = hr.load("pmnist-int12")
    ours, equal = model_figures(model, images, BOARDS["m4"])
    dense = dense_figures(model, images, BOARDS["m4"])
    assert equal
    assert ours.constant_bytes >= model.describe().payload_bytes  # the weights are in what was measured
    assert ours.flash_bytes <= 10_000
    assert ours.ram_bytes <= 5_000
    assert ours.instructions_per_step <= dense.instructions_per_step / 10


def test_copy(rng, make_model):
    """The copy task's network at 12 bits, 1000 steps: 6 kB of flash and 2 kB of RAM."""
    floats = make_model(
        rng, sizes=((128, 128),), input="tokens", input_size=10, output_size=9, output="all", weight_bits=4
    )
    tokens, _ = copy.sequences(copy.symbols(2, 0), 1000)
    model = floats.quantize(tokens, state_bits=12, readout="integer")
    ours, equal = model_figures(model, tokens, BOARDS["m0"])
    assert equal
    assert ours.flash_bytes <= 6_000
    assert ours.ram_bytes <= 2_000


def test_what_is_counted(rng, make_model):
    """The dense network's inner loop is n^2 multiplications; five instructions each on an M4."""
    floats = make_model(rng, sizes=((64, 64),), input_size=1)
    x = draw(rng, floats, 1, 20)
    dense = dense_figures(floats.quantize(x, readout="integer"), x, BOARDS["m4"])
    assert 4 <= dense.instructions_per_step / 64**2 <= 7
    assert dense.constant_bytes == 64 * 64 + 64 + 3 * 64 + 4 * (64 + 3)
    assert dense.state_bytes == 2 * 64
    assert 0 < dense.stack_bytes < 200
