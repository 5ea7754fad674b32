"""Single kernels: the transform from Python, binary and ternary products from C++, and the cycles of all of them."""

from __future__ import annotations

import statistics
from functools import partial

import fht_cpu
import numpy as np

import hadamrnn_ext as hr
import numpy_peers
import work
from record import Record
from session import Session
from timing import Candidate, best, samples

__all__ = ["run"]

BATCH = 16384  # elements of a batch of rows: 64 kB


def run(session: Session) -> None:
    for n in (64, 128, 256, 512, 1024, 2048, 4096, 8192):
        transform(session, n)
    products(session)
    cycles(session)


def transform(session: Session, n: int) -> None:
    """The public call compared with that of fht_cpu, both in place, which is fastest."""
    x = np.random.default_rng(4).random((BATCH // n, n), np.float32)
    np.testing.assert_allclose(fht_cpu.fht(x, inplace=False), hr.hadamard.transform(x), rtol=1e-3, atol=1e-3)
    zeros = np.zeros_like(x)  # a transform in place of anything else would soon overflow
    theirs = [
        Candidate("in place", partial(fht_cpu.fht, zeros, num_threads=count), count)
        for count in session.threads
    ]
    ours = [Candidate("transform in place", lambda: hr.hadamard.transform(zeros, out=zeros))]
    session.compare(f"fwht_f32_n{n}", "fht_cpu", ours, theirs)


def products(session: Session) -> None:
    """Binary and ternary matrix-vector products, including the packing of activations, compared with float32 BLAS."""
    program, budget = session.program(), session.budget
    for id, n in (("xnor_n512_k1", 512), ("xnor_n512_k12", 512), ("masked_add_n1024_d16", 1024)):
        peer = best(numpy_peers.matrix_vector(n, session.threads), budget)
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(budget.rounds):
            (timing,) = program.time(id, seconds=budget.side)
            ours.append(timing.seconds)
            theirs += samples(peer, budget)
        session.add(
            id,
            "numpy",
            statistics.median(ours),
            statistics.median(theirs),
            f"1 / {peer.threads}",
            "ours in C++",
        )


def cycles(session: Session) -> None:
    """Clock cycles of one product, transform or step in C++ alone, which README.md compares with the bounds."""
    for timing in session.program().time(seconds=session.budget.side):
        note = (
            f"ratio is clock cycles; {work.of(timing.id).rates(timing.cycles)}" if timing.cycles else "in C++"
        )
        session.append(
            Record(
                session.suite, timing.id, "cycles", timing.seconds, None, timing.cycles, timing.isa, "1", note
            )
        )
