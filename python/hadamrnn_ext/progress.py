"""How far long work is: what is told of it, and the bar that shows it on a terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Progress", "bar", "silent"]

#: Told what is counted, how many of them are done, and how many there are.
Progress = Callable[[str, int, int], object]


def silent(what: str, done: int, total: int) -> None:
    """Shows nothing."""


def bar(*, transient: bool = False) -> Any:
    """A `rich.progress.Progress` on stderr; `transient`: it leaves nothing behind. Raises ImportError without rich."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=transient)
