"""Signs of progress on stderr: a bar on a terminal, and elsewhere a line every few seconds."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from ..progress import Progress, bar

__all__ = ["counter", "stages", "waiting"]

SECONDS = 10.0  # between two lines where stderr is not a terminal
PATIENCE = 3.0  # until the first line on a terminal
WIDTH = 30  # of a bar in characters, at most


def counter(what: str, total: int) -> Callable[[int], None]:
    """A function that shows how many of `total` are done, each time it is called with their number."""
    watched, told = sys.stderr.isatty(), time.monotonic()

    def show(done: int) -> None:
        nonlocal told
        if watched:
            count = f" {done:>{len(str(total))}}/{total}"
            room = min(WIDTH, shutil.get_terminal_size().columns - len(f"{what:>13} []{count}") - 1)
            bar = f" [{'#' * (room * done // max(total, 1)):<{room}}]" if room > 0 else ""
            end = "\n" if done >= total else ""
            print(f"\r{what:>13}{bar}{count}", end=end, file=sys.stderr, flush=True)
        elif done < total and time.monotonic() - told >= SECONDS:
            told = time.monotonic()
            print(f"{what} {done}/{total}", file=sys.stderr, flush=True)

    if watched and total:
        show(0)
    return show


@contextmanager
def stages() -> Iterator[Progress]:
    """Inside the block, the function shows how far the parts of some work are, by the name of each.

    They are bars of rich on a terminal, if it is installed, which go when all is done; otherwise a `counter` each.
    """
    with ExitStack() as stack:
        shown, parts = None, dict[str, Any]()
        if sys.stderr.isatty():
            with suppress(ImportError):
                shown = stack.enter_context(bar(transient=True))

        def show(what: str, done: int, total: int) -> None:
            if what not in parts:
                parts[what] = counter(what, total) if shown is None else shown.add_task(what, total=total)
            if shown is None:
                parts[what](done)
            else:
                shown.update(parts[what], completed=done)

        yield show


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Inside the block, prints every few seconds how long `what` has taken.

    It is for work whose parts cannot be counted.
    """
    over = threading.Event()
    begun = time.monotonic()

    def tell() -> None:
        pause = PATIENCE if sys.stderr.isatty() else SECONDS
        while not over.wait(pause):
            with suppress(OSError):
                print(f"{what}, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
            pause = SECONDS

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
