"""Integer models: the time of a step compared with our own float32 step, and exported C on microcontrollers."""

from __future__ import annotations

import device
from session import Session
from timing import Candidate
from workloads import pixels

__all__ = ["run"]

STEPS = 4096  # per sequence, so many that the call and the readout do not matter


def run(session: Session) -> None:
    for n in (64, 128, 256, 512, 1024):
        step(session, f"int_step_n{n}_k12", n, n, 12)
    step(session, "int_step_m32_k10", 512, 32, 10)
    device.run(session)


def step(session: Session, id: str, hidden_size: int, block_size: int, state_bits: int) -> None:
    """One input per step, including the quantization of that input."""
    work = pixels(1, STEPS, hidden_size, block_size)
    integers = work.model.quantize(work.x, state_bits=state_bits)
    ours = Candidate("integers", lambda: integers.infer(work.x))
    theirs = Candidate("float32", lambda: work.model.infer(work.x))
    note = f"{STEPS} steps, n = {hidden_size}, m = {block_size}"
    session.compare(id, "float32", [ours], [theirs], note)
