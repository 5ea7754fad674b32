"""The exported C of two models on emulated Cortex-M boards, beside a dense int8 network of the same size."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import hadamrnn_ext as hr
from hadamrnn_ext.data import tasks
from hadamrnn_ext.data.task import Task, calibration
from record import DeviceRecord
from session import Session

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
from boards.proof import dense_figures, model_figures
from boards.table import BOARDS, missing_tools

__all__ = ["run"]


def run(session: Session) -> None:
    if problem := missing_tools([BOARDS["m4"], BOARDS["m0"]]):
        if os.environ.get("HADAMRNN_CI"):
            raise SystemExit(problem)
        session.say(problem)
        return
    pmnist(session)
    copy(session)


def pmnist(session: Session) -> None:
    task = tasks.load("pmnist", _data_folder())
    images, _ = task.test.raw(slice(0, 5 if session.quick else 50))
    record(session, "pmnist_m4", "m4", hr.load("pmnist"), task, images)


def copy(session: Session) -> None:
    task = tasks.load("copy")
    tokens, _ = task.test.raw(slice(0, 2 if session.quick else 20))
    record(session, "copy_m0", "m0", hr.load("copy"), task, tokens)


def record(session: Session, id: str, board: str, floats: hr.Model, task: Task, x: Any) -> None:
    model = floats.quantize(calibration(task), state_bits=12, readout="integer")
    ours, equal = model_figures(model, x, BOARDS[board])
    peer = dense_figures(
        model, x[:1], BOARDS[board]
    )  # a million multiplications per step, the same for every input
    note = (
        f"flash {ours.flash_bytes:,} / {peer.flash_bytes:,} bytes, RAM {ours.ram_bytes:,} / {peer.ram_bytes:,} bytes; "
        f"{ours.logits.size:,} logits of {len(x)} sequences {'equal' if equal else 'NOT equal'} to Python's"
    )
    session.append(
        DeviceRecord(
            suite=session.suite,
            id=id,
            peer="dense_int8",
            ours_s=None,
            peer_s=None,
            ratio=peer.per_step / ours.per_step,
            isa=BOARDS[board].processor,
            threads="1 / 1",
            note=note,
            ours=f"{ours.per_step:,.0f} instructions",
            theirs=f"{peer.per_step:,.0f} instructions",
            flash=ours.flash_bytes,
            ram=ours.ram_bytes,
            instructions_per_step=ours.per_step,
            logits_equal=equal,
        )
    )


def _data_folder() -> Path | None:
    """The folder of data that the tests use too, or None for the place where the package looks."""
    beside = ROOT.parent / "shared" / "data"
    return beside if beside.is_dir() and "HADAMRNN_DATA" not in os.environ else None
