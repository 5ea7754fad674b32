"""Training steps of the paper's presets, compared with the plain loop in torch, and the memory that they need."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

import hadamrnn_ext as hr
from hadamrnn_ext.nn import torch_on_one_thread
from machine import cpus
from record import Record
from session import Session
from timing import Candidate, samples
from training_steps import PRESETS, Step, make

__all__ = ["run"]

NOTES = {
    "imdb": "words drawn with frequency 1 / rank; gradient and Adam update of all 10,000 embeddings included"
}


def run(session: Session) -> None:
    for preset in PRESETS:
        ours, loop = make(preset, "auto"), make(preset, "loop")
        met, expected = ours(), loop()
        if not abs(met - expected) < 1e-3 * abs(expected):
            raise ValueError(f"{preset}: our loss is {met}, that of the loop {expected}")
        engine = ours.model.engine_for(len(ours.x))
        note = "; ".join(text for text in (f"engine {engine}", NOTES.get(preset)) if text)
        session.compare(
            f"train_{preset}", "loop", _on_core_threads(ours, session), _at_threads(loop, session), note
        )
    busy(session)
    if Path("/proc/self/clear_refs").exists():
        memory(session)
    else:
        session.say("memory is not measured: this system cannot reset the peak of a process")


def busy(session: Session) -> None:
    """A step of pmnist beside as many processes that never wait as there are CPUs, in turns with one beside none."""
    step = make("pmnist", "auto")
    ours = _on_core_threads(step, session)[-1]
    budget = replace(session.budget, side=max(session.budget.side, 0.5))  # many time slices of a scheduler
    alone: list[float] = []
    beside: list[float] = []
    for _ in range(budget.rounds):
        alone += samples(ours, budget)
        with _busy_processes(cpus()):
            beside += samples(ours, budget)
    note = f"{cpus()} busy processes; slowest step {1e3 * max(beside):.0f} ms; ratio is busy over idle"
    idle_s, busy_s = statistics.median(alone), statistics.median(beside)
    session.append(
        Record(
            session.suite,
            "train_pmnist_busy",
            "idle",
            busy_s,
            idle_s,
            busy_s / idle_s,
            hr.isa.active(),
            f"{ours.threads} / {ours.threads}",
            note,
        )
    )


@contextmanager
def _busy_processes(count: int) -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def memory(session: Session) -> None:
    """Peak bytes of one training step of the copy task, beyond torch, model, inputs and targets."""
    short, long = (_peak("native", steps, "reversible") for steps in (1000, 10_000))
    loop = _peak("loop", 1000, "stored")
    _bytes(session, "loop", short, loop, loop / short)
    _bytes(session, "t1000", long, short, long / short)


def _on_core_threads(step: Step, session: Session) -> list[Candidate]:
    """A step as the trainer takes it: the threads are those of the core, and torch's own operations take one."""

    def call(count: int) -> float:
        with torch_on_one_thread(count):
            return step()

    return [Candidate(f"{count} threads", partial(call, count), count) for count in session.threads]


def _at_threads(step: Step, session: Session) -> list[Candidate]:
    return [
        Candidate(f"{count} threads", step, count, partial(torch.set_num_threads, count))
        for count in session.threads
    ]


def _peak(engine: str, steps: int, memory: str) -> int:
    program = Path(__file__).with_name("training_peak.py")
    command = [sys.executable, str(program), engine, str(steps), memory]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _bytes(session: Session, peer: str, ours: int, theirs: int, ratio: float) -> None:
    sizes = [f"{size / 2**20:.3g} MiB" for size in (ours, theirs)]
    id, isa = "memory_copy_reversible", hr.isa.active()
    session.append(Record(session.suite, id, peer, None, None, ratio, isa, "all", "peak bytes", *sizes))
