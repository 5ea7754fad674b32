"""Training steps of the paper's presets, compared with the plain loop in torch, and the memory that they need."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import torch

import hadamrnn_ext as hr
from record import Record
from session import Session
from timing import Candidate
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
            f"train_{preset}", "loop", _at_threads(ours, session), _at_threads(loop, session), note
        )
    if Path("/proc/self/clear_refs").exists():
        memory(session)
    else:
        session.say("memory is not measured: this system cannot reset the peak of a process")


def memory(session: Session) -> None:
    """Peak bytes of one training step of the copy task, beyond torch, model, inputs and targets."""
    short, long = (_peak("native", steps, "reversible") for steps in (1000, 10_000))
    loop = _peak("loop", 1000, "stored")
    text = f"peak {short / 2**20:.1f} MiB, loop {loop / 2**20:.0f} MiB"
    _bytes(session, "memory_copy_reversible", "loop", loop / short, f"{text}; ratio is loop's over ours")
    text = f"peak {long / 2**20:.1f} MiB at T = 10,000, {short / 2**20:.1f} MiB at T = 1,000"
    _bytes(
        session,
        "memory_copy_reversible",
        "t1000",
        long / short,
        f"{text}; ratio is the first over the second",
    )


def _at_threads(step: Step, session: Session) -> list[Candidate]:
    return [
        Candidate(f"{count} threads", step, count, partial(torch.set_num_threads, count))
        for count in session.threads
    ]


def _peak(engine: str, steps: int, memory: str) -> int:
    program = Path(__file__).with_name("training_peak.py")
    command = [sys.executable, str(program), engine, str(steps), memory]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _bytes(session: Session, id: str, peer: str, ratio: float, note: str) -> None:
    session.append(Record(session.suite, id, peer, None, None, ratio, hr.isa.active(), "all", note))
