"""The C++ network of an integer model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from .. import _core
from ..file.card import Card
from ..file.integer_card import IntegerCard
from ..file.tensors import codes_name
from .bounds import narrow
from .steps import step

__all__ = ["integer_core"]


def integer_core(
    card: Card,
    integer: IntegerCard,
    parameters: Mapping[str, NDArray[Any]],
    layers: list[_core.Layer],
    kernel: str,
) -> _core.Model:
    """The network of these unpacked parameters over the geometry of ``layers``. Raises ValueError for the kernel."""
    constants = [
        _core.IntegerLayer(
            layer=layer,
            state_bits=c.state_bits,
            state_scale=c.state_scale,
            fraction_bits=c.fraction_bits,
            multiplier=c.multiplier,
            input_multiplier=c.input_multiplier or 0,
            input_shift=c.input_shift,
            narrow=narrow(step(card, parameters, i)),
            bias=parameters[f"layers.{i}.bias"],
            modrelu=parameters.get(f"layers.{i}.modrelu"),
        )
        for i, (layer, c) in enumerate(zip(layers, integer.layers, strict=True))
    ]
    low, high = (0, 0) if integer.input is None else integer.input.range
    return _core.integer_model(
        constants,
        codes=parameters[codes_name(card)],
        multipliers=parameters.get("table.multiplier"),
        input_scale=1.0 if integer.input is None else integer.input.scale,
        input_low=low,
        input_high=high,
        output_weight=parameters["output.codes" if integer.readout == "integer" else "output.weight"],
        output_bias=parameters["output.bias"],
        logit_scale=integer.logit_scale or 1.0,
        output=card.output,
        kernel=kernel,
    )
