"""The rounding of an integer model (golden/integers.py), simulated in training; all gradients go straight through it.

Inside the recurrence a state is h / s_h, which are whole numbers of k bits; outside, it is h. So the table and the bias
of the input, the initial state and the thresholds of modrelu are divided by s_h, and the states are multiplied by it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..file.integer_card import IntegerCard, IntegerLayer
from ..integer.source import TABLE_BITS
from .engines import Recurrence
from .ste import straight_through


def features(x: Tensor, integer: IntegerCard) -> Tensor:
    """x (B, T, d) rounded to integers times the input scale; saturated values have no gradient."""
    assert integer.input is not None
    low, high = integer.input.range
    exact = torch.clamp(x / integer.input.scale, low, high)
    return straight_through(torch.round(exact), exact) * integer.input.scale


def rows(table: Tensor, layer: IntegerLayer | None = None) -> Tensor:
    """Rows (..., n) of a table as 8-bit codes with one step size per row, which is the multiplier in the input of ``layer``."""
    steps = table.detach().abs().amax(dim=-1, keepdim=True) / ((1 << TABLE_BITS - 1) - 1)
    steps = torch.where(steps == 0, torch.ones_like(steps), steps)
    exact = steps if layer is None else in_fractions(steps, layer)
    return straight_through(torch.round(table / steps) * exact, table)


def weights(u: Tensor, step: Tensor, layer: IntegerLayer) -> Tensor:
    """Weights u, which are codes times ``step``, as codes times the input multiplier M_x of ``layer``."""
    ratio = in_fractions(step, layer) / step
    return u * torch.where(step == 0, torch.ones_like(ratio), ratio)


def bias(b: Tensor, layer: IntegerLayer) -> Tensor:
    """The bias as the layer's integer beta times its unit (``in_fractions``)."""
    return straight_through(in_fractions(b, layer), b)


def in_fractions(h: Tensor, layer: IntegerLayer) -> Tensor:
    """h as a whole multiple of the unit of M_x and beta, which is 2^(s-F) units of the state."""
    unit = layer.state_scale * 2.0 ** (layer.input_shift - layer.fraction_bits)
    return torch.round(h / unit) * unit


def in_units(r: Recurrence, scale: float) -> Recurrence:
    """The recurrence r, rewritten for states in units of ``scale``."""
    _, table, bias, _ = r.inputs
    modrelu = r.modrelu
    if modrelu is not None:
        modrelu = straight_through(torch.round(modrelu / scale), modrelu / scale)
    return r._replace(
        inputs=r.inputs._replace(table=table / scale, bias=None if bias is None else bias / scale),
        h_0=None if r.h_0 is None else r.h_0 / scale,
        modrelu=modrelu,
    )
