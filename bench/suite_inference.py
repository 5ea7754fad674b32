"""Whole models on a sequence, a batch and a stream, compared with what a user could run instead."""

from __future__ import annotations

import numpy_peers
import onnx_peer
import torch_peers
from machine import cpus
from session import Session
from timing import Candidate
from workloads import Workload, copy_task, pixels

__all__ = ["run"]


def run(session: Session) -> None:
    pixel_by_pixel(session)
    copying(session)
    streaming(session)
    batches(session)


def pixel_by_pixel(session: Session) -> None:
    """Permuted MNIST, one sequence."""
    work, threads = pixels(1), session.threads
    ours = [Candidate("infer", lambda: work.model.infer(work.x))]
    session.compare("pmnist_b1", "torch_loop", ours, torch_peers.loop(work, threads))
    session.compare("pmnist_b1", "onnxruntime", ours, onnx_peer.rnn(work, threads))
    session.compare("pmnist_b1", "torch_lstm", ours, torch_peers.lstm(work, threads), "another network")
    session.compare("pmnist_b1", "numpy", ours, numpy_peers.loop(work, threads))
    if session.quick:
        session.say("pmnist_b1/torch_compile is measured without --quick: it compiles for a minute")
    else:
        note = f"chunks of {torch_peers.CHUNK} steps"
        session.compare("pmnist_b1", "torch_compile", ours, torch_peers.compiled_loop(work, threads), note)


def copying(session: Session) -> None:
    """The copy task, one sequence, logits at every step."""
    work, threads = copy_task(), session.threads
    ours = [Candidate("infer", lambda: work.model.infer(work.x))]
    session.compare("copy_b1", "torch_loop", ours, torch_peers.loop(work, threads))
    session.compare("copy_b1", "numpy", ours, numpy_peers.loop(work, threads))


def streaming(session: Session) -> None:
    """One step from Python, with its logits."""
    work = copy_task()
    step = work.model.stream().step
    ours = [Candidate("step", lambda: step(3))]
    session.compare("stream_step", "torch_step", ours, torch_peers.step(work, session.threads))


def batches(session: Session) -> None:
    """Permuted MNIST, a hundred sequences: the recurrence, and the unrolled product."""
    work = pixels(100)
    session.compare("pmnist_b100", "torch_loop", recurrence(work), torch_peers.loop(work, session.threads))
    unrolled = work.model.unroll(work.x.shape[1])
    work.check("unroll", unrolled.infer(work.x))
    ours = [
        Candidate("unroll", lambda: unrolled.infer(work.x), count, numpy_peers.blas_threads(count))
        for count in session.threads
    ]
    session.compare("pmnist_b100", "torch_unrolled", ours, torch_peers.unrolled(work, session.threads))


def recurrence(work: Workload) -> list[Candidate]:
    """``infer`` on all threads."""
    return [Candidate("infer", lambda: work.model.infer(work.x, num_threads=cpus()), cpus())]
