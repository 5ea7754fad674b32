"""Peers: what a user of NumPy would run instead."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from timing import Call, Candidate
from workloads import Workload

__all__ = ["blas_threads", "loop", "matrix_vector"]


@lru_cache(maxsize=1)
def _pools() -> ThreadpoolController:
    return ThreadpoolController()


def blas_threads(count: int) -> Call:
    """Sets the number of threads of NumPy's BLAS when it is called."""
    return lambda: _pools().limit(limits=count, user_api="blas")


def loop(work: Workload, threads: list[int]) -> list[Candidate]:
    """A single sequence with one matrix-vector product per step."""
    dense, x, keep = work.dense, work.x[0], work.model.card.output == "all"
    table = dense.u.T + dense.b
    u, b = dense.u.T.copy(), dense.b

    def run() -> NDArray[np.float32]:
        v = table[x] if x.ndim == 1 else x @ u + b
        h = np.zeros_like(b)
        states = np.empty_like(v)
        for t, row in enumerate(v):
            h = dense.w @ h + row
            if keep:
                states[t] = h
        y: NDArray[np.float32] = np.maximum(states if keep else h, 0) @ dense.v.T + dense.c
        return y

    work.check("NumPy", run())
    return _candidates(run, threads)


def matrix_vector(n: int, threads: list[int]) -> list[Candidate]:
    """A float32 matrix-vector product of order n, which replaces a binary or ternary product without special kernels."""
    rng = np.random.default_rng(3)
    matrix = rng.choice(np.array([-1, 1], np.float32), (n, n))
    x = rng.random(n, np.float32)
    return _candidates(lambda: matrix @ x, threads)


def _candidates(call: Callable[[], object], threads: list[int]) -> list[Candidate]:
    return [Candidate("NumPy", call, count, blas_threads(count)) for count in threads]
