"""A line on stderr that counts, where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable

__all__ = ["counter"]


def counter(what: str, total: int) -> Callable[[int], None]:
    """A function to be told how many of `total` are done."""

    def show(done: int) -> None:
        if sys.stderr.isatty():
            end = "\n" if done >= total else ""
            filled = 30 * done // max(total, 1)
            print(f"\r{what:>13} [{'#' * filled:<30}] {done}/{total}", end=end, file=sys.stderr, flush=True)

    return show
