"""C source of what the output "mean" keeps: the sum of the rectified states of the last layer, and the number of steps."""

from __future__ import annotations

from ..file.card import Card

__all__ = ["clear_sum", "sum_fields", "sum_up"]


def sum_fields(card: Card, kind: str) -> str:
    """Members of the state struct."""
    return f"    {kind} sum[{card.layers[-1].hidden_size}];\n    uint32_t steps;\n"


def clear_sum(card: Card) -> str:
    """For a new sequence; with an index i at hand."""
    n = card.layers[-1].hidden_size
    return f"    for (i = 0; i < {n}u; ++i) state->sum[i] = 0;\n    state->steps = 0;\n"


def sum_up(card: Card, unit: str, kind: str, counts: str) -> str:
    """For the end of a step: adds ``unit`` i of the state, of type ``kind``, if the condition ``counts`` holds for it."""
    return f"""    {{
        place i;
        for (i = 0; i < {card.layers[-1].hidden_size}u; ++i) {{
            const {kind} unit = {unit};
            if ({counts}) state->sum[i] = state->sum[i] + unit;
        }}
        ++state->steps;
    }}
"""
