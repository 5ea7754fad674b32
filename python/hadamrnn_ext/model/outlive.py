"""A warning when a sequence becomes far longer than those that a model was trained on, and the model does not forget."""

from __future__ import annotations

import warnings

from ..file.card import Card

__all__ = ["FACTOR", "limit", "warn"]

#: How many times as long as the longest sequence of the training a sequence may become before its stream warns.
FACTOR = 4


def limit(card: Card) -> int | None:
    """How many steps a sequence may have before there is a warning; None if there never is one."""
    return None if card.endless or card.trained_steps is None else FACTOR * card.trained_steps


def warn(card: Card, stacklevel: int) -> None:
    """Says what is wrong and what to do; ``stacklevel`` as in ``warnings.warn``, counted from the caller."""
    what = "what it answers from is a mean over all steps" if card.decays else "its state does not forget"
    warnings.warn(
        f"a sequence has more than {FACTOR} times the {card.trained_steps} steps that this model was trained on, and {what}, "
        "so answers become useless; reset where a sequence ends, use Model.windows, or train a model that forgets",
        stacklevel=stacklevel + 1,
    )
