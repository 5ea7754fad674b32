"""The values for what an exported library says of classes: their number, their names, and what ``name_classify`` reads."""

from __future__ import annotations

from typing import Any

from ..file.card import Card
from .raw import Raw

__all__ = ["classes", "given"]


def classes(card: Card) -> dict[str, Any]:
    one_logit = card.output_size == 1
    return {
        "one_logit": one_logit,
        "classes": 2 if one_logit else card.output_size,
        "no_class": "" if card.integer is not None else "; -1 if a logit is NaN",
        "label_strings": [{"label": _escaped(label)} for label in card.labels or ()],
    }


def given(raw: Raw | None, input_kind: str) -> dict[str, str]:
    """What the library is given, ``name_raw`` or ``name_input``, and how C reads such a number from a text."""
    kind = input_kind if raw is None else raw.kind
    return {
        "given": "input" if raw is None else "raw",
        "target": "x" if raw is None else "raw",
        "number": "atof" if kind == "float" else "atol",
    }


def _escaped(text: str) -> str:
    """A text within quotes in C: UTF-8, where bytes that are not plain letters are three octal digits."""
    return "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode()
    )
