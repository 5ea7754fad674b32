"""Checkpoints: everything a run needs to continue as if it had never stopped, in one file that is whole or absent."""

from __future__ import annotations

import io
import zipfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from ..disk import write
from ..errors import HadamRNNError

__all__ = ["CheckpointError", "Progress", "load", "save"]

FORMAT = 1


class CheckpointError(HadamRNNError):
    """A checkpoint cannot be read, or belongs to another run."""


@dataclass
class Progress:
    """How far a run has come.

    Sums are over the current epoch. `seconds` leaves out the time in which the run was stopped. The order of an epoch's
    examples is a function of seed and epoch, so `step` alone gives the place in it.
    """

    epoch: int = 0  # number of complete epochs
    step: int = 0  # number of steps done in the current epoch
    examples: int = 0
    loss_sum: float = 0.0
    flips: int = 0  # sign changes, summed over the steps
    seconds: float = 0.0
    total_seconds: float = 0.0  # of the complete epochs
    best_epoch: int = 0  # counted from 1; 0 means none yet
    best_scores: dict[str, float] = field(default_factory=dict)
    log_size: int = 0  # bytes


def save(path: Path, *, config: dict[str, Any], progress: Progress, state: dict[str, Any]) -> None:
    """Atomically writes `state` (state_dicts and tensors by name) with the configuration and the progress."""
    content = {"format": FORMAT, "config": config, "progress": asdict(progress), "state": state}
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write(path, buffer.getvalue())


def load(path: Path) -> tuple[dict[str, Any], Progress, dict[str, Any]]:
    """The configuration, progress and state of a checkpoint. Runs no code from the file (`weights_only`).

    Raises `CheckpointError` if the file is not a checkpoint, or is one of another format.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not check the checksums
            if (damaged := archive.testzip()) is not None:
                raise ValueError(f"the checksum of {damaged} does not match")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes surface as almost any exception of torch or pickle
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise CheckpointError(f"{path}: not a checkpoint, or a damaged one ({reason})") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        met = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise CheckpointError(f"{path}: checkpoint format {met}, expected {FORMAT}")
    known = {item.name for item in fields(Progress)}
    if content.keys() != {"format", "config", "progress", "state"} or content["progress"].keys() != known:
        raise CheckpointError(f"{path}: not the content of a checkpoint of format {FORMAT}")
    return content["config"], Progress(**content["progress"]), content["state"]
