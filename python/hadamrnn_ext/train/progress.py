"""What a run shows while it works: a bar if rich is installed and stderr is a terminal, and otherwise lines."""

from __future__ import annotations

import sys
import time
from typing import Any, Protocol

from ..progress import bar

__all__ = ["Reporter", "Silent", "reporter"]

REFRESH = 0.1  # seconds; an update of the bar costs more than a check of the clock
QUIET = 10.0  # seconds without a line after which a step within a long epoch gets one


class Reporter(Protocol):
    def start(self, name: str, steps: int, epochs: int) -> None: ...
    def step(self, epoch: int, step: int, loss: float) -> None: ...
    def epoch(self, record: dict[str, Any]) -> None: ...
    def note(self, text: str) -> None: ...
    def close(self) -> None: ...


def reporter(every: float = 0.0) -> Reporter:
    """A reporter that suits stderr. It reports the last epoch, and others at most once in `every` seconds.

    Examples:
        >>> from hadamrnn_ext import train
        >>> shown = train.reporter(every=10)
        >>> shown.start("smnist-1", steps=100, epochs=3)
        >>> shown.close()
    """
    if sys.stderr.isatty():
        try:
            return _Bar(every)
        except ImportError:
            pass
    return _Lines(every)


def line(record: dict[str, Any], epochs: int) -> str:
    """An epoch's record as a line for people."""
    scores = "  ".join(
        f"{name.replace('_', ' ')} {record[name]:.4f}" for name in record if name.startswith("val_")
    )
    return (
        f"epoch {record['epoch']:>3}/{epochs}  loss {record['loss']:.4f}  {scores}  flips {record['flips']}  "
        f"lr {record['lr']:.2e}  {record['seconds']:.1f} s" + ("  *" if record["best"] else "")
    )


class Silent:
    """Shows nothing."""

    def start(self, name: str, steps: int, epochs: int) -> None: ...
    def step(self, epoch: int, step: int, loss: float) -> None: ...
    def epoch(self, record: dict[str, Any]) -> None: ...
    def note(self, text: str) -> None: ...
    def close(self) -> None: ...


class _Lines(Silent):
    """Prints a line per epoch and, where an epoch takes long, lines about its steps."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._name, self._steps, self._epochs = "", 0, 0
        self._told = 0.0  # when the last line was printed

    def start(self, name: str, steps: int, epochs: int) -> None:
        self._name, self._steps, self._epochs = name, steps, epochs
        self._told = time.monotonic()

    def step(self, epoch: int, step: int, loss: float) -> None:
        if (now := time.monotonic()) - self._told >= max(QUIET, self._every):
            self._told = now
            self.note(f"epoch {epoch + 1:>3}/{self._epochs}  step {step}/{self._steps}  loss {loss:.4f}")

    def epoch(self, record: dict[str, Any]) -> None:
        now = time.monotonic()
        if record["epoch"] >= self._epochs or now - self._told >= self._every:
            self._told = now
            self.note(line(record, self._epochs))

    def note(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


class _Bar(_Lines):
    """Shows the lines of the epochs above a bar that counts all steps."""

    def __init__(self, every: float) -> None:
        super().__init__(every)
        self._bar = bar()
        self._task = self._bar.add_task("", total=None)
        self._shown = 0.0

    def start(self, name: str, steps: int, epochs: int) -> None:
        super().start(name, steps, epochs)
        self._bar.update(self._task, description=name, total=steps * epochs)
        self._bar.start()

    def step(self, epoch: int, step: int, loss: float) -> None:
        now = time.monotonic()
        if now - self._shown >= REFRESH:
            self._shown = now
            text = f"{self._name} epoch {epoch + 1}/{self._epochs} loss {loss:.4f}"
            self._bar.update(self._task, completed=epoch * self._steps + step, description=text)

    def epoch(self, record: dict[str, Any]) -> None:
        self._bar.update(self._task, completed=record["epoch"] * self._steps)
        super().epoch(record)

    def note(self, text: str) -> None:
        self._bar.console.print(text, highlight=False, markup=False)

    def close(self) -> None:
        self._bar.stop()
