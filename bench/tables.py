"""Tables, and sections of pages that are made from measurements."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["END", "begin", "replaced", "row", "rule"]

END = "<!-- to here -->"


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def rule(columns: Sequence[str]) -> str:
    """The line under the header, one of "---" and "---:" (to the right) for each column."""
    return row(["---:" if column == ">" else "---" for column in columns])


def begin(maker: str) -> str:
    """The mark at which a section begins."""
    return f"<!-- made by {maker} -->"


def replaced(text: str, maker: str, section: str) -> str:
    """The page with this section in place of the one that ``maker`` made. Raises ValueError if the page has no place for it."""
    before, mark, rest = text.partition(begin(maker))
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"the page has no section between {begin(maker)} and {END}")
    return f"{before}{mark}\n{section}\n{END}{after}"
