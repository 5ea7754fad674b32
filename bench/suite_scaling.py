"""How time grows with the hidden size, and shrinks with threads and with sequences side by side."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

import hadamrnn_ext as hr
from machine import cpus
from record import Record
from session import Session
from timing import Candidate
from workloads import pixels

__all__ = ["run"]

SIZES = [2**k for k in range(6, 15)]
LANES = [64, 128, 256, 512]


def run(session: Session) -> None:
    steps(session)
    lanes(session)
    threads(session)


def steps(session: Session) -> None:
    """t / (n log2 n) of one recurrence step should not depend on n."""
    program, budget = session.program(), session.budget
    seconds = {n: program.time(f"step_n{n}", seconds=budget.side * budget.rounds)[0].seconds for n in SIZES}
    rate = {n: seconds[n] / (n * math.log2(n)) for n in SIZES}
    lowest = min(rate.values())
    isa = hr.isa.active()
    for n in SIZES:
        note = f"{1e12 * rate[n]:.1f} ps an addition; ratio is against the best size"
        session.append(
            Record(
                session.suite, f"step_n{n}", "n_log2_n", seconds[n], None, rate[n] / lowest, isa, "1", note
            )
        )
    note = "ratio is max / min of t / (n log2 n)"
    worst = max(rate.values()) / lowest
    session.append(Record(session.suite, "step_n64_to_n16384", "n_log2_n", None, None, worst, isa, "1", note))


def lanes(session: Session) -> None:
    """A batch, whose sequences run side by side in the lanes of registers, compared with one after another."""
    for n in LANES:
        work = pixels(32, hidden_size=n)
        batch = Candidate("a batch", partial(work.model.infer, work.x, num_threads=1))
        single = Candidate("one by one", partial(one_by_one, work.model, work.x))
        session.compare(f"lanes_n{n}", "one_by_one", [batch], [single], "32 sequences of 784 pixels")


def one_by_one(model: hr.Model, x: NDArray[np.float32]) -> None:
    for sequence in x:
        model.infer(sequence, num_threads=1)


def threads(session: Session) -> None:
    """A batch on two threads compared with one."""
    if cpus() < 2:
        session.say("threads_2 is not measured: this process may use one CPU")
        return
    work = pixels(100)
    two = Candidate("two threads", lambda: work.model.infer(work.x, num_threads=2), 2)
    one = Candidate("one thread", lambda: work.model.infer(work.x, num_threads=1), 1)
    session.compare("threads_2", "threads_1", [two], [one], "batch of 100 pmnist sequences")
