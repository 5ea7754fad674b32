"""The cost of a call from Python whose own work is tiny: n = 128, nine channels, two time steps."""

from __future__ import annotations

import numpy as np

import hadamrnn_ext as hr
from record import Record
from session import Session
from timing import Candidate, measure
from workloads import sensors

__all__ = ["run"]

STREAMS = 1000
LONGER = 100  # further steps, which separate the time of a step from that of a call


def run(session: Session) -> None:
    step(session)
    short(session)
    streams(session)


def step(session: Session) -> None:
    """A step of a stream as users take it: a float32 array, normalized as in every model trained on one's own data."""
    normalized, plain = (sensors(1, 1, rule) for rule in (True, False))
    x = normalized.x[0, 0]
    ours, theirs = normalized.model.stream().step, plain.model.stream().step
    session.compare(
        "stream_step_normalized",
        "plain",
        [Candidate("normalized", lambda: ours(x))],
        [Candidate("without", lambda: theirs(x))],
        "ours against ours",
    )


def short(session: Session) -> None:
    """``infer`` and ``classify`` of two steps, compared with the time that the kernel takes for two steps."""
    work = sensors(1, 2 + LONGER, True)
    model, long, x = work.model, work.x[0], work.x[0, :2].copy()
    pair = measure(
        Candidate("two", lambda: model.infer(x)), Candidate("more", lambda: model.infer(long)), session.budget
    )
    kernel = 2 * (pair.peer - pair.ours) / LONGER
    note = f"ratio: microseconds over the kernel; kernel: 2 steps as {LONGER} more take them"
    _microseconds(session, "infer_short", pair.ours, kernel, note)
    call = Candidate("classify", lambda: model.classify(x))
    found = measure(call, call, session.budget)
    _microseconds(session, "classify_short", found.ours, 0, "ratio: microseconds")


def streams(session: Session) -> None:
    """One step of a thousand streams, and of as many sequences in one ``infer``, on one thread."""
    work = sensors(STREAMS, 1, True)
    many = work.model.streams(STREAMS)
    places = np.array([many.join() for _ in range(STREAMS)])
    x = work.x[:, 0].copy()
    session.compare(
        f"streams_{STREAMS}",
        "infer",
        [Candidate("Streams.step", lambda: many.step(x, places))],
        [Candidate("infer", lambda: work.model.infer(work.x, num_threads=1))],
        "ours against ours",
    )


def _microseconds(session: Session, id: str, seconds: float, kernel: float, note: str) -> None:
    over = 1e6 * (seconds - kernel)
    session.append(
        Record(session.suite, id, "kernel", seconds, kernel or None, over, hr.isa.active(), "1 / 1", note)
    )
