"""What docs/guarantees.md says of long sequences. What it says of bits is in test_properties.py, test_kernels.py, and so on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

STEPS = 1_000_000


@pytest.mark.parametrize(("n", "m"), [(64, 64), (128, 128), (24, 12), (40, 20)])
def test_drift_of_the_norm_over_a_million_steps(n: int, m: int, make_model: Any) -> None:
    """Without input the norm changes by the rounding of 1/sqrt(m) a step, and by next to nothing else."""
    rng = np.random.default_rng(n)
    model = make_model(rng, sizes=((n, m),), input_size=1)
    card, parameters = model.card, model.parameters()
    model = type(model).from_parameters(card, {**parameters, "layers.0.bias": np.zeros(n)})
    stream = model.stream()
    start = rng.standard_normal((1, n), np.float32)
    stream.state = start
    stream.run(np.zeros((STEPS, 1), np.float32))
    ratio = np.linalg.norm(stream.state.astype(np.float64)) / np.linalg.norm(start.astype(np.float64))
    per_step = np.log(float(np.float32(1 / np.sqrt(m))) * np.sqrt(m))
    assert abs(per_step) <= 2.0**-24
    assert abs(np.log(ratio) - STEPS * per_step) < 3e-3
    if m == 64:  # 1/8 is a float32
        assert abs(ratio - 1) < 1e-4


def test_a_million_steps_in_one_call_are_a_million_steps_in_chunks(make_model: Any) -> None:
    rng = np.random.default_rng(5)
    model = make_model(rng, sizes=((32, 32),), input_size=1)
    x = rng.standard_normal((STEPS, 1), np.float32)
    stream = model.stream()
    for at in range(0, STEPS, 9973):
        logits = stream.run(x[at : at + 9973])
    np.testing.assert_array_equal(model.infer(x), logits)
    assert np.isfinite(logits).all()
