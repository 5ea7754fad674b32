"""SIGINT and SIGTERM as requests that the trainer checks for between steps, so that it can save its state first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["Interrupted", "Stop", "stop_signals"]


class Interrupted(KeyboardInterrupt):
    """The run was asked to stop, by Ctrl-C or by the signal `signum`. `checkpoint` holds its state, or is None.

    It is not an `Exception`, so that code which tries one thing after another, such as a search of scikit-learn, ends
    with it.

    Examples:
        >>> from hadamrnn_ext import train
        >>> str(train.Interrupted(2, "epoch 3", checkpoint=None))
        'stopped at epoch 3; nothing is kept'
    """

    def __init__(self, signum: int, place: str, checkpoint: Path | None) -> None:
        kept = "nothing is kept" if checkpoint is None else f"the same command goes on from {checkpoint}"
        super().__init__(f"stopped at {place}; {kept}")
        self.signum, self.place, self.checkpoint = signum, place, checkpoint


class Stop:
    """`received` is the signal that has arrived, or None."""

    received: int | None = None


@contextmanager
def stop_signals() -> Iterator[Stop]:
    """Inside the block, the first SIGINT or SIGTERM is only noted. A second one acts as it did before the block.

    Outside the main thread, where Python delivers no signals, this changes nothing.
    """
    stop = Stop()
    previous: dict[int, Any] = {}

    def restore() -> None:
        while previous:
            signal.signal(*previous.popitem())

    def receive(signum: int, frame: FrameType | None) -> None:
        stop.received = signum
        restore()

    if threading.current_thread() is threading.main_thread():
        for signum in (signal.SIGINT, signal.SIGTERM):
            previous[signum] = signal.signal(signum, receive)
    try:
        yield stop
    finally:
        restore()
