"""Hadamard matrices: orthogonal at every order, named by construction, and the transform they define."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadamrnn_ext import hadamard
from hadamrnn_ext.errors import HadamardOrderError, InputError, ShapeError

# Orders that show every formula, with and without a power of two before it.
MIXED = [1, 2, 4, 8, 64, 12, 20, 24, 28, 36, 40, 48, 52, 92, 96, 100, 116, 156, 184]

FEW = [1, 2, 8, 12, 24, 28, 36, 40, 52]


@pytest.mark.parametrize("m", [*hadamard.orders(256), 264, 312, 340, 384, 500, 512, 768, 1000, 1024])
def test_rows_are_orthogonal(m: int) -> None:
    h = hadamard.matrix(m)
    assert h.dtype == np.int8
    assert h.shape == (m, m)
    assert set(np.unique(h)) <= {-1, 1}
    wide = h.astype(np.float64)
    np.testing.assert_array_equal(wide @ wide.T, m * np.eye(m))


# The multiples of 4 up to 256 that no formula here gives.
MISSING = {188, 236}


def test_which_orders_there_are() -> None:
    multiples = set(range(4, 257, 4))
    assert hadamard.orders(256) == sorted({1, 2} | multiples - MISSING)
    assert hadamard.orders(1) == [1]
    assert hadamard.orders(0) == []


def test_natural_sylvester_order() -> None:
    h = np.ones((1, 1))
    for k in range(8):
        np.testing.assert_array_equal(hadamard.matrix(2**k), h)
        h = np.block([[h, h], [h, -h]])


@pytest.mark.parametrize("m", [12, 20, 44, 60, 84])
def test_paley1_is_skew(m: int) -> None:
    assert hadamard.construction(m) == f"paley1({m})"
    h = hadamard.matrix(m).astype(int)
    np.testing.assert_array_equal(h + h.T, 2 * np.eye(m))


@pytest.mark.parametrize("m", [28, 36, 76])
def test_paley2_is_symmetric(m: int) -> None:
    assert hadamard.construction(m) == f"paley2({m})"
    np.testing.assert_array_equal(hadamard.matrix(m), hadamard.matrix(m).T)


@pytest.mark.parametrize("m", [52, 92, 100, 116, 156, 172, 244, 340])
def test_williamson_is_neither(m: int) -> None:
    assert hadamard.construction(m) == f"williamson({m})"
    h = hadamard.matrix(m).astype(int)
    assert (h != h.T).any()
    assert (h + h.T != 2 * np.eye(m)).any()


@pytest.mark.parametrize(
    ("m", "r", "k", "name"),
    [
        (1, 1, 0, "sylvester"),
        (2, 1, 1, "sylvester"),
        (512, 1, 9, "sylvester"),
        (12, 12, 0, "paley1(12)"),
        (24, 12, 1, "sylvester(2) x paley1(12)"),  # also paley1(24): the smaller base wins
        (96, 12, 3, "sylvester(8) x paley1(12)"),
        (448, 28, 4, "sylvester(16) x paley2(28)"),
        (184, 92, 1, "sylvester(2) x williamson(92)"),
        (752, 752, 0, "paley1(752)"),  # 188 and 376 are not to be had
    ],
)
def test_smallest_base_order(m: int, r: int, k: int, name: str) -> None:
    assert hadamard.factor(m) == (r, k)
    assert hadamard.construction(m) == name
    core, sylvester = hadamard.core_matrix(r), hadamard.matrix(2**k)
    np.testing.assert_array_equal(hadamard.matrix(m), np.kron(sylvester, core))


def test_core_matrix_is_shared_and_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        hadamard.core_matrix(12)[0, 0] = 0
    hadamard.matrix(12)[0, 0] = 0
    assert hadamard.matrix(12)[0, 0] == 1


@pytest.mark.parametrize(
    ("m", "text"),
    [
        (0, "positive integer, got 0"),
        (-4, "positive integer, got -4"),
        (6, "no Hadamard matrix of order 6: .* nearest orders are 4 and 8"),
        (188, "order 188 exists, but none of the formulas here .* 184 and 192"),
        (668, "no Hadamard matrix of order 668 is known"),
        (2008, "none of the formulas here gives .* 2008; the nearest orders are"),
    ],
)
def test_orders_that_are_refused(m: int, text: str) -> None:
    for call in (hadamard.matrix, hadamard.construction, hadamard.factor):
        with pytest.raises(HadamardOrderError, match=text):
            call(m)


def test_orders_are_integers() -> None:
    numpy_integer: Any = np.int64(24)
    assert hadamard.factor(numpy_integer) == (12, 1)
    not_an_integer: Any = 12.0
    with pytest.raises(TypeError):
        hadamard.factor(not_an_integer)
    with pytest.raises(HadamardOrderError, match="8 is not a base order"):
        hadamard.core_matrix(8)


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("m", MIXED)
def test_transform_is_the_matrix_product(rng: np.random.Generator, m: int, transpose: bool) -> None:
    x = rng.integers(-1000, 1000, (3, 2, m))
    h = hadamard.matrix(m).astype(np.int64)
    expected = x @ (h if transpose else h.T)
    exact = hadamard.transform(x, transpose)
    assert exact.dtype == np.int64
    np.testing.assert_array_equal(exact, expected)
    for dtype in (np.float32, np.float64, np.int32):  # sums below 2^24 are exact in float32 too
        result = hadamard.transform(x.astype(dtype), transpose=transpose)
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("m", MIXED)
def test_transpose_undoes_the_transform(rng: np.random.Generator, m: int) -> None:
    x = rng.integers(-1000, 1000, (5, m))
    np.testing.assert_array_equal(hadamard.transform(hadamard.transform(x), transpose=True), m * x)


def one_by_one(x: np.ndarray, transpose: bool) -> list[np.float32]:
    """The defined order of additions, written as scalar loops over a list."""
    r, k = hadamard.factor(len(x))
    core = hadamard.core_matrix(r).T if transpose else hadamard.core_matrix(r)
    y = list(x)
    for h in [2**stage for stage in range(k)]:
        for a in range(2**k):
            if a // h % 2 == 0:
                for b in range(r):
                    i, j = a * r + b, (a + h) * r + b
                    y[i], y[j] = y[i] + y[j], y[i] - y[j]
    if r == 1:
        return y
    out = []
    for a in range(2**k):
        for b in range(r):
            total = y[a * r] if core[b, 0] > 0 else -y[a * r]
            for c in range(1, r):
                total = total + y[a * r + c] if core[b, c] > 0 else total - y[a * r + c]
            out.append(total)
    return out


@pytest.mark.parametrize("transform", [hadamard.transform, hadamard.golden_transform])
@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("m", FEW)
def test_float_bits_follow_the_defined_order(
    rng: np.random.Generator, m: int, transpose: bool, transform: Callable[..., np.ndarray]
) -> None:
    special = np.array([0.0, -0.0, 1e-45, -1e-39, 1e30, -1e30, 1.0], np.float32)
    for x in (rng.normal(size=m).astype(np.float32), rng.choice(special, m)):
        expected = np.array(one_by_one(x, transpose), np.float32)
        bits = transform(x, transpose).view(np.uint32)
        np.testing.assert_array_equal(bits, expected.view(np.uint32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("m", [*MIXED, 1024, 8192])
def test_the_core_gives_the_golden_bits(rng: np.random.Generator, m: int, dtype: type) -> None:
    x: np.ndarray = rng.normal(size=(2, 3, m)).astype(dtype)
    for transpose in (False, True):
        bits = hadamard.transform(x, transpose).view(np.uint8)
        np.testing.assert_array_equal(bits, hadamard.golden_transform(x, transpose).view(np.uint8))


@given(st.sampled_from(FEW), st.integers(0, 2**32 - 1))
def test_transform_keeps_the_norm(m: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(2, m))
    norms = np.linalg.norm(hadamard.transform(x), axis=-1)
    np.testing.assert_allclose(norms, np.sqrt(m) * np.linalg.norm(x, axis=-1), rtol=1e-12)


@pytest.mark.parametrize(
    ("given_type", "result_type"),
    [
        (np.bool_, np.int32),
        (np.int8, np.int32),
        (np.uint8, np.int32),
        (np.int16, np.int32),
        (np.uint16, np.int32),
        (np.uint32, np.int64),
        (np.float16, np.float32),
    ],
)
def test_narrow_types_are_widened(given_type: type, result_type: type) -> None:
    if given_type in (np.bool_, np.float16):
        low, high = 0, 1
    else:
        low, high = np.iinfo(given_type).min, np.iinfo(given_type).max
    x: np.ndarray = np.array([low, high] * 256).astype(given_type)
    result = hadamard.transform(x)
    assert result.dtype == result_type
    np.testing.assert_array_equal(result[:2], [256 * (int(low) + int(high)), 256 * (int(low) - int(high))])
    assert not result[2:].any()


def test_integers_that_could_overflow_are_refused() -> None:
    x = np.array([2**30, 0], np.int32)
    with pytest.raises(InputError, match="1073741824, does not fit int32"):
        hadamard.transform(x)
    np.testing.assert_array_equal(hadamard.transform(x // 2), [2**29, 2**29])
    np.testing.assert_array_equal(hadamard.transform(x.astype(np.int64)), [2**30, 2**30])
    with pytest.raises(InputError, match="int64"):
        hadamard.transform([-(2**63), 0])
    assert hadamard.transform([-(2**63)])[0] == -(2**63)


@pytest.mark.parametrize(
    ("x", "error", "text"),
    [
        (np.ones(4, complex), InputError, "complex128"),
        (np.ones(4, object), InputError, "object"),
        (np.ones(4, np.uint64), InputError, "uint64"),
        (["a", "b"], InputError, "<U1"),
        ([[1, 2], [3]], ShapeError, "real numbers"),
        (1.0, ShapeError, "at least one axis"),
        (np.ones((2, 6)), HadamardOrderError, "order 6"),
        (np.ones((2, 0)), HadamardOrderError, "got 0"),
    ],
)
def test_bad_input_is_refused(x: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        hadamard.transform(x)


def test_views_lists_and_empty_batches(rng: np.random.Generator) -> None:
    x = rng.integers(0, 9, (12, 10))
    for view in (x.T, x[::3, ::5].T, x[::-1].T):
        np.testing.assert_array_equal(hadamard.transform(view), hadamard.transform(view.tolist()))
    assert hadamard.transform(np.ones((0, 12))).shape == (0, 12)


def test_float_views_of_any_layout(rng: np.random.Generator) -> None:
    x = rng.normal(size=(12, 20)).astype(np.float32)
    unaligned = np.frombuffer(b" " + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(x.shape)
    assert not unaligned.flags.aligned
    read_only = x.copy()
    read_only.flags.writeable = False
    for view in (x.T, x[:, ::5], x[::-1, ::5], x.astype(">f4"), unaligned, read_only):
        expected = hadamard.golden_transform(np.array(view, np.float32))
        np.testing.assert_array_equal(hadamard.transform(view), expected)


def test_the_result_is_never_the_input() -> None:
    for dtype in (np.float32, np.float64, np.int64):
        x = np.ones((3, 1), dtype)
        hadamard.transform(x)[:] = 2
        assert (x == 1).all()


@pytest.mark.parametrize("shape", [(12,), (3, 64), (2, 5, 24), (1, 4096)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_transform_into_out(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> None:
    x = rng.integers(-9, 9, shape).astype(dtype)
    expected, out = hadamard.transform(x, True), np.empty(shape, dtype)
    assert hadamard.transform(x, True, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert hadamard.transform(x, True, out=x) is x
    np.testing.assert_array_equal(x, expected)
    strided = np.repeat(expected, 2, axis=-1)[..., ::2]
    assert hadamard.transform(strided, out=out) is out
    np.testing.assert_array_equal(out, hadamard.transform(expected))


def test_out_that_cannot_be_written_is_refused() -> None:
    x = np.ones((4, 8), np.float32)
    read_only = np.empty_like(x)
    read_only.flags.writeable = False
    memory = np.ones(40, np.float32)
    for out, text in [
        ([0.0], "out is a list"),
        (np.empty((4, 8)), r"out is \(4, 8\) float64; expected \(4, 8\) float32"),
        (np.empty((8, 4), np.float32), r"out is \(8, 4\)"),
        (np.empty((4, 16), np.float32)[:, ::2], "C-contiguous"),
        (read_only, "writeable"),
    ]:
        with pytest.raises(InputError, match=text):
            hadamard.transform(x, out=out)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="overlaps"):
        hadamard.transform(memory[:32].reshape(4, 8), out=memory[8:].reshape(4, 8))
    strided = np.ones((4, 16), np.float32)[:, ::2]
    with pytest.raises(InputError, match="C-contiguous"):
        hadamard.transform(strided, out=strided)
