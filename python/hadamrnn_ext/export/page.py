"""What the page of a model asks for: a drawing, sound, a table of numbers, symbols or text, as its card says."""

from __future__ import annotations

import math
from typing import Any

from ..data import har, sounds
from ..errors import InputError
from ..file.card import Card

__all__ = ["page"]

_SIDE = 28  # of the images of MNIST and of data sets in its format
_HAR_RATE = 50  # steps per second


def page(card: Card) -> dict[str, Any]:
    """The kind of page, and what it has to know beside the rest of the card.

    Raises:
        InputError: the model reads pictures that are not square.
    """
    task = None if card.training is None else card.training.task
    if card.input == "tokens":
        kind = "symbols" if card.preprocess.vocabulary is None else "text"
        return {"kind": kind, "copy": task == "copy"}
    if card.preprocess.uint8_scale is not None and card.input_size == 1:
        return {"kind": "pixels", "side": _side(card)}
    endless = {"endless": card.pool is not None and card.pool.time_constant is not None}
    if (heard := sounds.hearing(card)) is not None:
        return {"kind": "sound", "rate": heard.rate, "steps": heard.steps, **endless}
    if task in har.TASKS:
        window = {"window": har.STEPS, "rate": _HAR_RATE, "gravity": 1, "channels": har.CHANNELS}
        return {"kind": "series", **endless, **window}
    named = card.data is not None and card.data.features is not None
    return {"kind": "series", **endless, **({"channels": card.data.features} if named and card.data else {})}


def _side(card: Card) -> int:
    """The width and height of the pictures, in pixels."""
    permutation = card.preprocess.permutation
    side = _SIDE if permutation is None else math.isqrt(permutation.size)
    if permutation is not None and side * side != permutation.size:
        raise InputError(
            f"the model permutes {permutation.size} pixels; expected a square number, for a page to draw on"
        )
    return side
