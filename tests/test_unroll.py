"""A linear recurrence as one matrix product: the same logits up to rounding, and who is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.errors import InputError, KernelError, ShapeError
from hadamrnn_ext.file.preprocess import Normalization, Permutation, Preprocess

Make = Callable[..., hr.Model]
Rng = np.random.Generator


def dense_logits(model: hr.Model, x: np.ndarray) -> np.ndarray:
    """The definition in float64, with W as a matrix: x (B, T, d) as the network reads it."""
    p = {name: tensor.astype(np.float64) for name, tensor in model.parameters().items()}
    (layer,) = model.card.layers
    blocks = np.eye(layer.hidden_size // layer.block_size)
    h_matrix = np.kron(blocks, hr.hadamard.matrix(layer.block_size))
    w = p["layers.0.signs"][:, None] * h_matrix / np.sqrt(layer.block_size)
    h = np.zeros((len(x), layer.hidden_size))
    for t in range(x.shape[1]):
        h = h @ w.T + x[:, t] @ p["input.weight"].T + p["layers.0.bias"]
    return np.maximum(h, 0) @ p["output.weight"].T + p["output.bias"]


@pytest.mark.parametrize("sizes", [(32, 32), (48, 12), (40, 40), (24, 8), (5, 1)])
@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("steps", [1, 2, 50])
def test_logits_are_those_of_the_recurrence(
    rng: Rng, make_model: Make, sizes: tuple[int, int], d: int, steps: int
) -> None:
    model = make_model(rng, sizes=(sizes,), input_size=d)
    x = rng.normal(size=(4, steps, d)).astype(np.float32)
    logits = model.unroll(steps).infer(x)
    assert logits.dtype == np.float32
    expected = dense_logits(model, x)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(logits, expected, atol=1e-5 * scale)
    np.testing.assert_allclose(logits, model.infer(x), atol=1e-5 * scale)


def test_preprocessing_is_that_of_infer(rng: Rng, make_model: Make) -> None:
    steps = Preprocess(
        uint8_scale=1 / 255,
        permutation=Permutation(seed=3, size=30),
        normalization=Normalization((0.1, 0.2), (0.5, 2.0)),
    )
    model = make_model(rng, input_size=2, preprocess=steps)
    x = rng.integers(0, 256, (6, 30, 2), dtype=np.uint8)
    unrolled = model.unroll(30)
    np.testing.assert_allclose(unrolled.infer(x), model.infer(x), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(unrolled.infer(x / 255), model.infer(x / 255), rtol=1e-4, atol=1e-4)
    with pytest.raises(ShapeError, match="29; expected 30, which this model reads in an order of its own"):
        model.unroll(29)


def test_single_sequences_empty_batches_and_out(rng: Rng, make_model: Make) -> None:
    unrolled = make_model(rng).unroll(7)
    x = rng.normal(size=(3, 7, 2))
    batch = unrolled.infer(x)
    assert batch.shape == (3, 3)
    np.testing.assert_allclose(unrolled.infer(x[0]), batch[0], rtol=1e-4, atol=1e-5)
    assert unrolled.infer(x[:0]).shape == (0, 3)
    out = np.empty((3, 3), np.float32)
    assert unrolled.infer(x, out=out) is out
    np.testing.assert_array_equal(out, batch)
    with pytest.raises(InputError, match="out is an array of float64"):
        unrolled.infer(x, out=np.empty((3, 3)))  # type: ignore[arg-type]


def test_memory_is_told(rng: Rng, make_model: Make) -> None:
    unrolled = make_model(rng, sizes=((16, 16),)).unroll(100)
    held = 4 * (100 * 2 * 16 + 16 + 3 * 16 + 3)  # K, k, V and c in float32
    assert unrolled.nbytes == held
    assert f"{held:,} bytes" in repr(unrolled)
    assert "100 steps x 2 features -> 16 units -> 3 logits" in repr(unrolled)
    assert unrolled.steps == 100


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"recurrence": "relu"}, "recurrence is 'relu'"),
        ({"recurrence": "sign"}, "recurrence is 'sign'"),
        ({"output": "all"}, "outputs at every step"),
        ({"output": "mean"}, "the mean of all its states"),
        ({"input": "tokens"}, "reads tokens"),
        ({"sizes": ((8, 8), (8, 8))}, "has 2 layers"),
    ],
)
def test_other_models_are_refused(rng: Rng, make_model: Make, fields: dict[str, Any], why: str) -> None:
    with pytest.raises(KernelError, match=f"{why}.*: use Model.infer"):
        make_model(rng, **fields).unroll(10)


@pytest.mark.parametrize("steps", [0, -1, True, 2.0, "7", None])
def test_steps_are_a_positive_integer(rng: Rng, make_model: Make, steps: Any) -> None:
    with pytest.raises(
        InputError, match=rf"number of steps is {re.escape(ascii(steps))}; expected a positive"
    ):
        make_model(rng).unroll(steps)


def test_a_gibibyte_is_the_limit(rng: Rng, make_model: Make) -> None:
    with pytest.raises(InputError, match=r"takes 1,073,741,888 bytes; expected at most 1,073,741,824"):
        make_model(rng).unroll(2**24 + 1)


def test_bad_input_is_refused(rng: Rng, make_model: Make) -> None:
    unrolled = make_model(rng).unroll(7)
    x = rng.normal(size=(3, 7, 2))
    for wrong in (x[:, :6], x[..., :1], x[0, 0], x[None]):
        with pytest.raises(ShapeError, match=r"expected \(7, 2\) or \(B, 7, 2\)"):
            unrolled.infer(wrong)
    with pytest.raises(InputError, match=r"lengths is given; .* exactly 7 steps: Model.infer takes lengths"):
        unrolled.infer(x, lengths=[7, 7, 7])
    x[1, 2, 0] = np.nan
    with pytest.raises(InputError, match=r"x\[1, 2, 0\] is nan"):
        unrolled.infer(x)
    assert np.isnan(unrolled.infer(x, check_finite=False)[1]).all()
    x[1] = 3e38
    with pytest.raises(InputError, match="the last state of sequence 1 is not finite: x is too large"):
        unrolled.infer(x)
    with pytest.raises(InputError, match="the last state is not finite: x is too large"):
        unrolled.infer(x[1])
    logits = unrolled.infer(x, check_finite=False)
    assert not np.isfinite(logits[1]).any()
    assert np.isfinite(logits[[0, 2]]).all()
