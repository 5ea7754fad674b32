"""The p-bit quantizer against a table made by hand, and the packed layouts against their definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hadamrnn_ext.errors import InputError, ModelFormatError
from hadamrnn_ext.file.codes import (
    code_range,
    code_width,
    dequantize,
    dequantize_rows,
    pack,
    pack_signs,
    quantize,
    quantize_rows,
    unpack,
    unpack_signs,
)

BITS = range(1, 9)

matrices = hnp.arrays(
    np.float32,
    hnp.array_shapes(max_dims=2, max_side=9),
    elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False),
)


@pytest.mark.parametrize(
    ("bits", "values", "codes", "alpha"),
    [
        # ternary: k = 1, both ends of the range are reached, ties go to the even code
        (1, [1.0, 0.51, 0.5, 0.49, 0.0, -0.5, -0.51, -1.0], [1, 1, 0, 0, 0, 0, -1, -1], 1.0),
        # p = 2: k = 2, codes -2..1, so the largest value is cut
        (2, [4.0, 3.0, 1.0, 0.0, -1.0, -3.0, -4.0], [1, 1, 0, 0, 0, -2, -2], 4.0),
        # p = 3: M k / alpha = M / 2; 0.5, 1.5 and 2.5 are ties
        (3, [8.0, 1.0, 3.0, 5.0, -1.0, -3.0, -5.0], [3, 0, 2, 2, 0, -2, -2], 8.0),
        # p = 4: k = 8; the negative end sets alpha and is kept
        (4, [0.25, -1.0, 0.9375, 0.8125], [2, -8, 7, 6], 1.0),
        (8, [127.0, -128.0, 0.5, 1.5, 126.5], [127, -128, 0, 2, 126], 128.0),
    ],
)
def test_codes_by_hand(bits: int, values: list[float], codes: list[int], alpha: float) -> None:
    got, scale = quantize(values, bits)
    assert got.dtype == np.int8
    assert scale.dtype == np.float32
    assert scale == alpha
    np.testing.assert_array_equal(got, codes)
    step = alpha / 2 ** (bits - 1)
    values_again = dequantize(got, scale, bits)
    assert values_again.dtype == np.float32
    np.testing.assert_array_equal(values_again, [code * step for code in codes])


def test_every_operation_rounds_to_float32() -> None:
    # In float32 3.0624998 * float32(8 / 7) is the tie 3.5, and 5.6875 * float32(8 / 7) lies above 6.5; in
    # exact arithmetic they are below 3.5 and equal to 6.5.
    matrix = np.array([7.0, 3.0624998, 5.6875], np.float32)
    np.testing.assert_array_equal(np.rint(matrix.astype(np.float64) * 8 / 7), [8, 3, 6])
    np.testing.assert_array_equal(quantize(matrix, 4)[0], [7, 4, 7])


@pytest.mark.parametrize("bits", BITS)
def test_a_zero_matrix_has_alpha_one(bits: int) -> None:
    for zero in (np.zeros((2, 3)), -np.zeros((2, 3)), np.zeros((0, 3)), np.full((2, 3), 1e-45)):
        codes, alpha = quantize(zero, bits)
        assert alpha == 1
        assert codes.shape == zero.shape
        assert not codes.any()


@given(matrices, st.sampled_from(BITS))
def test_codes_stay_in_range_and_near_the_values(matrix: np.ndarray, bits: int) -> None:
    low, high = code_range(bits)
    codes, alpha = quantize(matrix, bits)
    assert codes.shape == matrix.shape
    assert codes.min() >= low
    assert codes.max() <= high
    step = float(alpha) / 2 ** (bits - 1)
    reached = np.clip(matrix, low * step, high * step)  # the positive end is cut by one step for p >= 2
    assert np.abs(dequantize(codes, alpha, bits) - reached).max() <= step * (0.5 + 1e-5)


@given(matrices, st.sampled_from(BITS))
def test_signs_are_kept_and_values_that_are_codes_stay(matrix: np.ndarray, bits: int) -> None:
    codes, alpha = quantize(matrix, bits)
    values = dequantize(codes, alpha, bits)
    assert (values * matrix >= 0).all()
    # code -k, if present, makes alpha the same again
    if codes.min() == code_range(bits)[0]:
        np.testing.assert_array_equal(quantize(values, bits)[0], codes)


@pytest.mark.parametrize("bits", [0, -1, 9, 32])
def test_weight_bits_are_one_to_eight(bits: int) -> None:
    for call in (lambda: quantize([1.0], bits), lambda: pack([0], bits), lambda: code_width(bits)):
        with pytest.raises(InputError, match=f"1 to 8, got {bits}"):
            call()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_only_finite_matrices(bad: float) -> None:
    with pytest.raises(InputError, match="finite"):
        quantize([1.0, bad], 4)


def by_definition(codes: list[int], bits: int) -> list[int]:
    """Bit i of byte j is bit 8 j + i of the stream; each code is two's complement, lowest bit first."""
    width = 2 if bits == 1 else bits
    stream = [code >> position & 1 for code in codes for position in range(width)]
    stream += [0] * (-len(stream) % 8)
    return [sum(stream[j + i] << i for i in range(8)) for j in range(0, len(stream), 8)]


def test_packed_bytes_by_hand() -> None:
    assert pack([1, -2, 7, -8, -1], 4).tolist() == [0xE1, 0x87, 0x0F]
    assert pack([1, 0, -1, 1, -1], 1).tolist() == [0b01110001, 0b11]
    assert pack([3, -4, -1], 3).tolist() == [0b11100011, 0b1]
    assert pack([-128, 127], 8).tolist() == [0x80, 0x7F]
    assert pack_signs([-1, 1, 1, 1, 1, 1, 1, -1, -1]).tolist() == [0x81, 0x01]


@given(st.data(), st.sampled_from(BITS), hnp.array_shapes(min_side=0, max_dims=3, max_side=7))
def test_pack_round_trip(data: st.DataObject, bits: int, shape: tuple[int, ...]) -> None:
    codes = data.draw(hnp.arrays(np.int8, shape, elements=st.integers(*code_range(bits))))
    packed = pack(codes, bits)
    assert packed.dtype == np.uint8
    assert packed.size == -(-codes.size * code_width(bits) // 8)
    assert packed.tolist() == by_definition(codes.reshape(-1).tolist(), bits)
    again = unpack(packed, bits, shape)
    assert again.dtype == np.int8
    np.testing.assert_array_equal(again, codes)


@given(hnp.arrays(np.int8, hnp.array_shapes(min_side=0, max_side=9), elements=st.sampled_from([-1, 1])))
def test_signs_round_trip(signs: np.ndarray) -> None:
    packed = pack_signs(signs)
    assert packed.size == -(-signs.size // 8)
    again = unpack_signs(packed, signs.size)
    assert again.dtype == np.int8
    np.testing.assert_array_equal(again.reshape(signs.shape), signs)


def test_packing_is_row_major_whatever_the_strides(rng: np.random.Generator) -> None:
    codes = rng.integers(-8, 8, (3, 5)).astype(np.int8)
    np.testing.assert_array_equal(pack(codes.T, 4), pack(codes.T.copy(), 4))
    np.testing.assert_array_equal(
        pack_signs(np.sign(codes * 2 + 1).T), pack_signs(np.sign(codes * 2 + 1).T.copy())
    )


@pytest.mark.parametrize(("codes", "bits"), [([8], 4), ([-9], 4), ([-2], 1), ([2], 1), ([2], 2), ([128], 8)])
def test_codes_out_of_range_are_not_packed(codes: list[int], bits: int) -> None:
    with pytest.raises(InputError, match=f"{bits}-bit codes lie in"):
        pack(codes, bits)


@pytest.mark.parametrize("bad", [0, 2, -3, np.nan])
def test_signs_are_one_or_minus_one(bad: float) -> None:
    with pytest.raises(InputError, match=r"must be \+1 or -1, got"):
        pack_signs([1, bad, -1])


def test_bad_bytes_are_refused() -> None:
    with pytest.raises(ModelFormatError, match=r"expected 3 packed bytes .* shape \(2,\)"):
        unpack(np.zeros(2, np.uint8), 4, (5,))
    with pytest.raises(ModelFormatError, match=r"expected 3 packed bytes .* int8"):
        unpack(np.zeros(3, np.int8), 4, (5,))
    with pytest.raises(ModelFormatError, match="padding after 20 packed bits"):
        unpack(np.array([0, 0, 0x10], np.uint8), 4, (5,))
    with pytest.raises(ModelFormatError, match="hold -2, the smallest code is -1"):
        unpack(np.array([0b10], np.uint8), 1, (1,))
    with pytest.raises(ModelFormatError, match="padding after 9 packed bits"):
        unpack_signs(np.array([0, 2], np.uint8), 9)
    with pytest.raises(ModelFormatError, match="expected 2 packed bytes"):
        unpack_signs(np.zeros(1, np.uint8), 9)


def test_rows_by_hand() -> None:
    matrix = [[127.0, -0.5, 1.5, 2.5], [0.0, 0.0, -0.0, 0.0], [-254.0, 3.0, 1.0, -1.0], [1e-45, 0, 0, 0]]
    codes, steps = quantize_rows(matrix)
    assert (codes.dtype, steps.dtype) == (np.int8, np.float32)
    np.testing.assert_array_equal(steps, [1, 1, 2, 1])
    np.testing.assert_array_equal(codes, [[127, 0, 2, 2], [0] * 4, [-127, 2, 0, 0], [0] * 4])
    np.testing.assert_array_equal(dequantize_rows(codes, steps)[2], [-254, 4, 0, 0])


@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
        elements=st.floats(-(2.0**99), 2.0**99, width=32),
    )
)
def test_rows_are_within_half_a_step_and_code_to_themselves(matrix: np.ndarray) -> None:
    codes, steps = quantize_rows(matrix)
    values = dequantize_rows(codes, steps)
    assert np.abs(codes).max() <= 127
    errors = np.abs(values.astype(np.float64) - matrix)
    assert (errors <= steps[:, None] * 0.5001).all()
    np.testing.assert_array_equal(quantize_rows(values)[0], codes)


def test_rows_must_be_finite() -> None:
    with pytest.raises(InputError, match="must be finite"):
        quantize_rows([[1.0, np.nan]])
