"""Sections of pages that are made: tables, between a mark that names their maker and one that ends them."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["replaced", "table"]

END = "<!-- to here -->"


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Markdown of rows, of which the first is the header."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (rows[0], ("---",) * len(rows[0]), *rows[1:]))


def replaced(text: str, maker: str, *parts: str) -> str:
    """The page with these parts in place of what `maker` made. Raises ValueError if the page has no place for them."""
    begin = f"<!-- made by {maker} -->"
    before, mark, rest = text.partition(begin)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"the page has no section between {begin} and {END}")
    return before + "\n\n".join((begin, *parts, END)) + after
