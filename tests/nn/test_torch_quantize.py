from __future__ import annotations

import numpy as np
import pytest
import torch

from hadamrnn_ext import nn
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.file import codes as golden


def matrices() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "normal": rng.normal(size=(40, 30)),
        "uniform": rng.uniform(-0.3, 0.3, size=(7, 501)),
        "ties": np.arange(-64, 65)[None] / 64,  # multiples of half a step at every number of bits
        "zero": np.zeros((3, 4)),
        "one": np.array([[-0.7]]),
        "tiny": np.array([[1e-38, -3e-39, 0.0]]),
        "huge": np.array([[3e38, -1e38, 5.0]]),
    }


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("name", matrices())
def test_equals_the_golden_quantizer_bit_for_bit(bits: int, name: str) -> None:
    weight = matrices()[name].astype(np.float32)
    codes, alpha = golden.quantize(weight, bits)
    expected = golden.dequantize(codes, alpha, bits)
    met = nn.quantize(torch.from_numpy(weight), bits).numpy()
    np.testing.assert_array_equal(met, expected)  # -0.0 equals 0.0: a code has no sign of zero
    assert met.dtype == np.float32


@pytest.mark.parametrize("bits", [1, 4])
def test_gradient_passes_unchanged(bits: int) -> None:
    weight = torch.randn(6, 5, requires_grad=True)
    grad = torch.randn(6, 5)
    nn.quantize(weight, bits).backward(grad)
    assert torch.equal(weight.grad, grad)


@pytest.mark.parametrize("bits", [1, 4])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_no_weight_is_a_number_beside_one_that_is_none(bits: int, bad: float) -> None:
    """Their grid is that of the largest, which is not known then."""
    weight = torch.randn(6, 5)
    weight[2, 3] = bad
    assert nn.quantize(weight, bits).isnan().all()


def test_float_weights_are_left_alone() -> None:
    weight = torch.randn(6, 5)
    assert nn.quantize(weight, None) is weight


@pytest.mark.parametrize("bits", [0, 9, -1])
def test_other_numbers_of_bits_are_refused(bits: int) -> None:
    with pytest.raises(InputError, match=str(bits)):
        nn.quantize(torch.ones(2, 2), bits)
