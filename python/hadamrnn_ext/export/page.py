"""What the page of a model asks for: a drawing, sound, a table of numbers, symbols or text, as its card says."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

from ..data import har, sounds
from ..errors import InputError
from ..file.card import Card

__all__ = ["KINDS", "Kind", "page_of"]

Kind = Literal["pixels", "sound", "series", "symbols", "text"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_SIDE = 28  # of the images of MNIST and of data sets in its format
_HAR_RATE = 50


def page_of(card: Card, kind: Kind | None = None) -> dict[str, Any]:
    """The kind of page, and what it has to know beside the card; ``card.js`` holds it.

    Args:
        kind: None is the kind that the card tells of.

    Raises:
        InputError: the model does not read what this kind of page gives.
    """
    told = _told(card)
    if kind is None or kind == told["kind"]:
        return told
    if kind not in KINDS:
        raise InputError(f"page is {ascii(kind)[:40]}; expected one of {', '.join(KINDS)}")
    fits = {
        "series": card.input == "features",
        "symbols": card.input == "tokens",
        "pixels": card.input == "features" and card.input_size == 1,
    }
    if not fits.get(kind, False):
        raise InputError(
            f"page={kind!r}, and the model reads {card.input_size} {card.input}, which is {told['kind']}"
        )
    return _pixels(card) if kind == "pixels" else {"kind": kind}


def _told(card: Card) -> dict[str, Any]:
    task = None if card.training is None else card.training.task
    if card.input == "tokens":
        return {"kind": "symbols" if card.preprocess.vocabulary is None else "text"}
    if card.input_size == 1 and card.preprocess.uint8_scale is not None:
        return _pixels(card)
    if (heard := sounds.hearing(card)) is not None:
        return {"kind": "sound", "rate": heard.rate, "steps": heard.steps}
    if task in har.TASKS:
        return {
            "kind": "series",
            "window": har.STEPS,
            "rate": _HAR_RATE,
            "unit": "g",
            "channels": har.CHANNELS,
        }
    named = {"channels": card.data.features} if card.data is not None and card.data.features else {}
    return {"kind": "series", **named}


def _pixels(card: Card) -> dict[str, Any]:
    """A square picture, of as many pixels as the model permutes."""
    permutation = card.preprocess.permutation
    side = _SIDE if permutation is None else math.isqrt(permutation.size)
    if permutation is not None and side * side != permutation.size:
        raise InputError(
            f"the model reads {permutation.size} pixels; expected a square number for a page that draws"
        )
    return {"kind": "pixels", "side": side}
