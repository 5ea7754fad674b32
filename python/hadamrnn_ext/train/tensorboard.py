"""The epochs of a run for TensorBoard, where it is installed: the records of the log, under the names of the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .progress import Silent

__all__ = ["TensorBoard"]

#: Charts that show several curves, and what is of no use as a curve.
SIGNS = ("flips", "flipped")
RATES = ("lr", "sign_lr")
LEFT_OUT = ("event", "epoch", "best")


class TensorBoard(Silent):
    """A reporter that writes event files to `directory`. Raises ImportError where tensorboard is not installed."""

    def __init__(self, directory: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ImportError("TensorBoard logs need tensorboard: pip install tensorboard") from error
        self._make, self._directory = SummaryWriter, directory
        self._writer: Any = None

    def epoch(self, record: dict[str, Any]) -> None:
        if self._writer is None:
            # What a killed or restarted run wrote of this epoch and later is void.
            self._writer = self._make(str(self._directory), purge_step=record["epoch"])
        for name, value in record.items():
            if name not in LEFT_OUT:
                self._writer.add_scalar(_tag(name), value, record["epoch"])
        self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _tag(name: str) -> str:
    """loss -> loss/train, val_accuracy -> accuracy/validation: what belongs together is in one section."""
    if name.startswith("val_"):
        return f"{name.removeprefix('val_')}/validation"
    if name in SIGNS:
        return f"signs/{name}"
    if name in RATES:
        return f"rate/{name}"
    return f"{name}/train"
