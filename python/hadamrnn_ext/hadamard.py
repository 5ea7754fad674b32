"""Hadamard matrices, constructed by formulas, and the fast transforms that they define.

A Hadamard matrix of order m has entries +1 and -1 and satisfies H H^T = m I. Here every order is

    m = r * 2^k,    H_m = H_(2^k) (x) H_r     ((x): Kronecker product)

where the 2^k part is in natural Sylvester order and r is the smallest *base order* for which one of these formulas gives
H_r:

* r = 1: Sylvester alone, every power of two;
* Paley I (r - 1 = q prime, q = 3 mod 4): skew, H + H^T = 2 I;
* Paley II (r / 2 - 1 = q prime, q = 1 mod 4): symmetric;
* Williamson (r = 4 t): four symmetric circulants of order t, from a seed of four numbers.

A small r matters, since the 2^k part takes k additions per element and the H_r part takes r - 1. For r > 1 the matrix is in
general not symmetric, so the transpose is another transform.

Sources: R. Paley, On orthogonal matrices, J. Math. Phys. 12 (1933); J. Williamson, Hadamard's determinant
theorem and the sum of four squares, Duke Math. J. 11 (1944).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core, isa
from .buffers import check_writable
from .errors import HadamardOrderError, InputError, ShapeError

__all__ = ["construction", "core_matrix", "factor", "golden_transform", "matrix", "orders", "transform"]

Signs = NDArray[np.int8]
_FLOATS = frozenset({np.dtype(np.float32), np.dtype(np.float64)})

# Williamson seeds, t -> (A, B, C, D): each number holds the first (t + 1) / 2 entries of a symmetric first row, the most
# significant bit first; a set bit means -1. Only orders 4 t that neither Paley formula gives are listed.
# t = 47 and 59 (orders 188, 236) have no such quadruple: Holzmann, Kharaghani and Tayfeh-Rezaie, Williamson
# matrices up to order 59, Des. Codes Cryptogr. 46 (2008).
_WILLIAMSON = {
    13: (11, 38, 44, 62),
    23: (314, 1380, 445, 540),
    25: (1238, 3874, 990, 2005),
    29: (233, 1814, 10714, 4570),
    39: (110515, 60661, 104283, 469986),
    43: (1884809, 923343, 341259, 532146),
    61: (370036959, 703704864, 661239995, 661239995),
    85: (1262130268180, 3135916242923, 3678573640368, 3678573640368),
}

# The orders 4 t below 2000 for which no Hadamard matrix is known (Dokovic, Golubitsky and Kotsireas, Some new
# orders of Hadamard and skew-Hadamard matrices, J. Combin. Des. 22, 2014).
_UNKNOWN = frozenset({668, 716, 892, 1132, 1244, 1388, 1436, 1676, 1772, 1916, 1948, 1964})
_SURVEYED = 2000


def matrix(m: int) -> Signs:
    """The Hadamard matrix of order ``m``, (m, m) int8 of +1 and -1: H H^T = m I.

    Raises HadamardOrderError if there is no such matrix, or none that this module constructs.

    Examples:
        >>> hr.hadamard.matrix(4)
        array([[ 1,  1,  1,  1],
               [ 1, -1,  1, -1],
               [ 1,  1, -1, -1],
               [ 1, -1, -1,  1]], dtype=int8)
    """
    r, k = factor(m)
    return np.kron(_sylvester(k), core_matrix(r))


def transform(x: ArrayLike, transpose: bool = False, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """``H x`` (or ``H^T x``) along the last axis of ``x``, whose length is the order m. The result is not normalized.

    Floats are added in a defined order, so the result has the same bits everywhere: first the stages h = 1, 2, .., 2^(k-1)
    of the fast transform, each ``(x_a, x_(a+h)) -> (x_a + x_(a+h), x_a - x_(a+h))``, then the r terms of a row of H_r one by
    one. float16 is widened to float32. Integers are exact: those of fewer than 32 bits are widened to int32 and uint32 to
    int64, and a transform that could overflow is refused.

    It takes k + r - 1 additions per element. For float32 and float64, the C++ core computes it on one thread.

    out: the array for the result, C-contiguous and writeable, with its shape and dtype. It may be ``x`` itself, which halves
    the memory that passes through the cache.

    Raises ShapeError, InputError or HadamardOrderError, and IsaError for a wrong HADAMRNN_ISA.

    Examples:
        >>> hr.hadamard.transform([1.0, 2.0, 3.0, 4.0])
        array([10., -2., -4.,  0.])
    """
    if type(x) is not np.ndarray or x.dtype not in _FLOATS or x.ndim == 0:
        x = _real(x)
        if x.dtype not in _FLOATS:
            result = golden_transform(x, transpose)
            if out is None:
                return result
            np.copyto(_output(out, result, x), result)
            return out
    m = x.shape[-1]
    recurrence = _recurrence(m)
    result = np.empty(x.shape, x.dtype) if out is None else _output(out, x, x)
    rows, results = (x, result) if x.ndim == 2 else (x.reshape(-1, m), result.reshape(-1, m))
    try:
        recurrence.transform(rows, results, transpose, 1)
    except TypeError:  # strided or unaligned; checking this first would take as long as a small transform
        recurrence.transform(np.array(rows, order="C"), results, transpose, 1)
    except ValueError:
        isa.active()  # an instruction set that cannot run is an IsaError
        raise
    return result


def golden_transform(x: NDArray[Any], transpose: bool = False) -> NDArray[Any]:
    """The definition of ``transform`` in NumPy: the additions of its docstring, in the same order, for any type.

    Examples:
        >>> x = np.arange(12)
        >>> np.array_equal(hr.hadamard.golden_transform(x), hr.hadamard.matrix(12) @ x)
        True
    """
    *batch, m = x.shape
    r, k = factor(m)
    if m > 1 and x.dtype.kind == "i" and x.size:
        largest = max(int(x.max()), -int(x.min()))
        if m * largest > np.iinfo(x.dtype).max:
            raise InputError(f"order {m} times the largest magnitude, {largest}, does not fit {x.dtype}")
    y = x.reshape(*batch, 2**k, r).copy()
    for h in (2**stage for stage in range(k)):
        pairs = y.reshape(*batch, 2**k // (2 * h), 2, h, r)
        first, second = pairs[..., 0, :, :], pairs[..., 1, :, :]
        y = np.stack([first + second, first - second], axis=-3).reshape(*batch, 2**k, r)
    if r > 1:
        core = (core_matrix(r).T if transpose else core_matrix(r)).astype(x.dtype)
        total = y[..., :1] * core[:, 0]
        for b in range(1, r):
            total = total + y[..., b : b + 1] * core[:, b]
        y = total
    return y.reshape(x.shape)


def orders(max: int) -> list[int]:
    """All orders up to and including ``max`` that this module constructs, in ascending order.

    Examples:
        >>> hr.hadamard.orders(20)
        [1, 2, 4, 8, 12, 16, 20]
    """
    return [m for m in range(1, operator.index(max) + 1) if _factor(m) is not None]


def construction(m: int) -> str:
    """The construction of the matrix of order ``m``: "sylvester", "paley1(12)" or "sylvester(8) x paley1(12)".

    Examples:
        >>> hr.hadamard.construction(96)
        'sylvester(8) x paley1(12)'
    """
    r, k = factor(m)
    if r == 1:
        return "sylvester"
    base = f"{_base(r)}({r})"
    return f"sylvester({2**k}) x {base}" if k else base


def factor(m: int) -> tuple[int, int]:
    """``(r, k)`` with m = r * 2^k and the smallest possible base order r, which is 1 for a power of two.

    Raises a HadamardOrderError that gives the reason and the nearest orders if there is no such r.

    Examples:
        >>> hr.hadamard.factor(96)
        (12, 3)
    """
    m = operator.index(m)
    found = _factor(m)
    if found is None:
        raise HadamardOrderError(_why_not(m))
    return found


@lru_cache(maxsize=64)
def core_matrix(r: int) -> Signs:
    """H_r for a base order r: (r, r) int8, read-only. Raises HadamardOrderError for another r.

    Examples:
        >>> hr.hadamard.core_matrix(12).shape
        (12, 12)
    """
    name = _base(r)
    if name is None:
        raise HadamardOrderError(f"{r} is not a base order: no Paley or Williamson formula here gives it")
    core = _FORMULAS[name](r)
    core.setflags(write=False)
    return core


@lru_cache(maxsize=64)
def _recurrence(m: int) -> _core.Recurrence:
    """The C++ core of the transform of order ``m``."""
    core = core_matrix(factor(m)[0])
    return _core.Recurrence(hidden_size=m, block_size=m, core=core, recurrence="linear")


def _factor(m: int) -> tuple[int, int] | None:
    if m < 1:
        return None
    twos = (m & -m).bit_length() - 1
    odd = m >> twos
    if odd == 1:
        return 1, twos
    return next(((odd << j, twos - j) for j in range(2, twos + 1) if _base(odd << j)), None)


def _base(r: int) -> str | None:
    """The name of the preferred formula for the base order ``r``, or None."""
    if r == 1:
        return "sylvester"
    if r % 4 or r < 12:
        return None
    if _is_prime(r - 1):
        return "paley1"  # r - 1 = 3 mod 4, since 4 divides r
    if r % 8 == 4 and _is_prime(r // 2 - 1):
        return "paley2"
    return "williamson" if r // 4 in _WILLIAMSON else None


def _sylvester(k: int) -> Signs:
    h = np.ones((1, 1), np.int8)
    for _ in range(k):
        h = np.block([[h, h], [h, -h]])
    return h


def _paley1(r: int) -> Signs:
    h = np.eye(r, dtype=np.int8)
    h[0, 1:], h[1:, 0] = 1, -1
    h[1:, 1:] += _jacobsthal(r - 1)
    return h


def _paley2(r: int) -> Signs:
    size = r // 2
    conference = np.zeros((size, size), np.int8)
    conference[0, 1:] = conference[1:, 0] = 1
    conference[1:, 1:] = _jacobsthal(size - 1)
    identity = np.eye(size, dtype=np.int8)
    plus, diagonal = np.array([[1, 1], [1, -1]], np.int8), np.array([[1, -1], [-1, -1]], np.int8)
    return np.kron(conference, plus) + np.kron(identity, diagonal)


def _williamson(r: int) -> Signs:
    t = r // 4
    a, b, c, d = (_symmetric_circulant(t, seed) for seed in _WILLIAMSON[t])
    return np.block([[a, b, c, d], [-b, a, -d, c], [-c, d, a, -b], [-d, -c, b, a]])


_FORMULAS: dict[str, Callable[[int], Signs]] = {
    "sylvester": lambda r: _sylvester(0),
    "paley1": _paley1,
    "paley2": _paley2,
    "williamson": _williamson,
}


def _symmetric_circulant(t: int, seed: int) -> Signs:
    half = [-1 if seed >> bit & 1 else 1 for bit in reversed(range((t + 1) // 2))]
    row = np.array(half + half[:0:-1], np.int8)
    return row[_differences(t)]


def _jacobsthal(q: int) -> Signs:
    """Q[i, j] = chi(j - i) with the Legendre symbol chi modulo a prime ``q``: 0 for 0, +1 for squares, else -1."""
    chi = np.full(q, -1, np.int8)
    chi[np.arange(1, q, dtype=np.int64) ** 2 % q] = 1
    chi[0] = 0
    return chi[_differences(q)]


def _differences(n: int) -> NDArray[np.int64]:
    return (np.arange(n)[None, :] - np.arange(n)[:, None]) % n


def _is_prime(n: int) -> bool:
    return n > 1 and all(n % p for p in range(2, math.isqrt(n) + 1))


def _why_not(m: int) -> str:
    if m < 1:
        return f"a Hadamard order is a positive integer, got {m}"
    below = next(n for n in range(m - 1, 0, -1) if _factor(n))
    above = next(n for n in range(m + 1, 2 * m + 1) if _factor(n))
    if m % 4:
        why = f"there is no Hadamard matrix of order {m}: orders are 1, 2 and multiples of 4"
    elif m in _UNKNOWN:
        why = f"no Hadamard matrix of order {m} is known"
    elif m < _SURVEYED:
        why = f"a Hadamard matrix of order {m} exists, but none of the formulas here gives it"
    else:
        why = f"none of the formulas here gives a Hadamard matrix of order {m}"
    return f"{why}; the nearest orders are {below} and {above}"


def _output(out: object, like: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
    """``out``, if a result such as ``like`` can be written into it."""
    if not isinstance(out, np.ndarray) or out.dtype != like.dtype or out.shape != like.shape:
        met = f"{out.shape} {out.dtype}" if isinstance(out, np.ndarray) else f"a {type(out).__name__}"
        raise InputError(f"out is {met}; expected {like.shape} {like.dtype}, since nothing is cast into it")
    check_writable(out)
    if out is not x and np.may_share_memory(out, x):
        raise InputError("out overlaps x in memory; expected x itself, or memory of its own")
    return out


def _real(x: ArrayLike) -> NDArray[Any]:
    """``x`` as an array of floats or signed integers that the transform accepts. Raises InputError or ShapeError."""
    try:
        array = np.asarray(x)
    except ValueError as ragged:
        raise ShapeError(f"expected an array of real numbers: {ragged}") from None
    if array.dtype.kind not in "fiub" or array.dtype == np.uint64:
        raise InputError(f"expected real numbers (float, or integer up to int64), got dtype {array.dtype}")
    if array.ndim < 1:
        raise ShapeError("expected an array with at least one axis, got a single number")
    if array.dtype == np.uint32:
        return array.astype(np.int64)
    if array.dtype.kind in "iub" and array.dtype.itemsize < 4:
        return array.astype(np.int32)
    return array.astype(np.float32) if array.dtype == np.float16 else array
