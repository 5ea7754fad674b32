"""What says on stderr that work goes on: a bar on a terminal, elsewhere a line every some seconds."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

__all__ = ["counter", "waiting"]

SECONDS = 10.0  # between two lines where nobody watches
PATIENCE = 3.0  # until somebody who watches is told
WIDTH = 30  # of a bar, at most


def counter(what: str, total: int) -> Callable[[int], None]:
    """A function to be told how many of `total` are done."""
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
def waiting(what: str) -> Iterator[None]:
    """While entered, tells every some seconds how long `what`, of which no part can be counted, has taken so far."""
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
