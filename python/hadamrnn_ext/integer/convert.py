"""Turns a float model and its calibration into an integer model. golden/integers.py says what its constants mean."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..file.card import Card
from ..file.integer_card import IntegerCard, IntegerLayer
from ..file.storage import Coded
from ..file.tensors import codes_name, pack_parameters
from .block_convert import check_blocks, convert_blocks
from .bounds import largest_sums, readout_problem
from .constants import RealLayer, constants
from .source import bytes_enter, input_source, weight_codes

__all__ = ["Options", "convert"]

Array = NDArray[Any]
INT32 = 1 << 31


@dataclass(frozen=True)
class Options:
    """The arguments of ``Model.quantize`` that determine the integers. Raises InputError for a value out of range."""

    state_bits: int
    input_bits: int | None
    readout: Literal["float", "integer"]
    power_of_two: bool

    def __post_init__(self) -> None:
        for name, low in (("state_bits", 8), ("input_bits", 2)):
            bits = getattr(self, name)
            if bits is None and name == "input_bits":
                continue
            if isinstance(bits, bool) or not isinstance(bits, (int, np.integer)) or not low <= bits <= 16:
                raise InputError(f"{name} is {ascii(bits)[:40]}; expected an integer {low} .. 16")
        if self.readout not in ("float", "integer"):
            raise InputError(f"readout is {ascii(self.readout)[:40]}; expected 'float' or 'integer'")

    def feature_bits(self, card: Card) -> int:
        """The bits of a feature. By default 8, or 12 where 8 would add more noise than the states, which have over 12."""
        if self.input_bits is not None:
            return self.input_bits
        return 8 if bytes_enter(card) or self.state_bits <= 12 else 12


def convert(
    card: Card,
    floats: dict[str, Array],
    packed: dict[str, Array],
    largest_input: float | None,
    largest_states: tuple[float, ...],
    options: Options,
) -> tuple[Card, dict[str, Array]]:
    """The card and the packed tensors of the integer model.

    Args:
        card, floats, packed: the float model's card, its parameters, and its tensors as the file holds them.
        largest_input, largest_states: the largest magnitudes of the features (None for tokens) and of each layer's states, or
            of each block's where the network forgets.

    Raises:
        InputError: the sums of one step do not fit the integers.
    """
    if card.forgets:
        check_blocks(card)
        if options.power_of_two:
            raise InputError("power_of_two is not for models that forget, whose input multipliers are small")
        return convert_blocks(
            card,
            floats,
            packed,
            largest_input,
            largest_states,
            options.state_bits,
            options.feature_bits(card),
            options.readout,
        )
    source = input_source(
        card, floats, packed, largest_input, options.feature_bits(card), options.power_of_two
    )
    parameters: dict[str, Array | Coded] = {codes_name(card): source.codes}
    layers: list[IntegerLayer] = []
    for i, layer in enumerate(card.layers):
        steps = source.steps
        if i > 0:
            steps = np.array(layers[-1].state_scale / math.sqrt(card.layers[i - 1].hidden_size))
        bits = 1 if layer.recurrence == "sign" else options.state_bits
        scale, steps = _scale(bits, largest_states[i], steps, options.power_of_two)
        signs = (f"layers.{i}.signs", f"layers.{i}.input_signs")
        parameters |= {name: floats[name] for name in signs if name in floats}
        modrelu = floats[f"layers.{i}.modrelu"] if layer.recurrence == "modrelu" else None
        real = RealLayer(
            block_size=layer.block_size,
            state_bits=bits,
            steps=steps,
            sums=largest_sums(card, i, source.codes, source.input, layers),
            largest_input=source.input.range[1] if i == 0 and source.input is not None else 1,
            bias=floats[f"layers.{i}.bias"].astype(np.float64),
            modrelu=None if modrelu is None else modrelu.astype(np.float64),
        )
        try:
            scale, step = constants(real, scale)
        except InputError as error:
            raise InputError(f"layer {i} {error}") from None
        parameters[f"layers.{i}.bias"] = step.bias.astype(np.int32)
        if step.modrelu is not None:
            parameters[f"layers.{i}.modrelu"] = step.modrelu
        one = None if step.multipliers.ndim else int(step.multipliers)
        if one is None:
            parameters["table.multiplier"] = step.multipliers[:, 0].astype(np.int32)
        layers.append(IntegerLayer(bits, scale, step.fraction_bits, step.multiplier, one, step.input_shift))
    output_bits, logit_scale = _readout(card, floats, packed, layers[-1], options, parameters)
    integer = IntegerCard(tuple(layers), source.input, options.readout, logit_scale)
    converted = dataclasses.replace(
        card,
        kind="integer",
        integer=integer,
        weight_bits=source.bits,
        output_weight_bits=output_bits,
        bias_bits=None,
        embedding_size=None,
        embedding_bits=None,
    )
    return converted, pack_parameters(converted, parameters)


def _scale(bits: int, largest: float, steps: Array, power_of_two: bool) -> tuple[float, Array]:
    """s_h and the steps of the input. With ``power_of_two``, s_h grows by a factor below 2 so that each step is s_h 2^j."""
    scale = 1.0 if bits == 1 else float(np.float32(largest / ((1 << bits - 1) - 1)))
    top = float(steps.max())
    if not power_of_two or bits == 1 or top == 0:
        return scale, steps
    scale = float(np.float32(top * 2.0 ** -math.floor(math.log2(top / scale))))
    exponents = np.rint(np.log2(np.where(steps > 0, steps, top) / scale))
    return scale, np.where(steps > 0, 2.0**exponents, 0.0) * scale


def _readout(
    card: Card,
    floats: dict[str, Array],
    packed: dict[str, Array],
    layer: IntegerLayer,
    options: Options,
    parameters: dict[str, Array | Coded],
) -> tuple[int | None, float | None]:
    """The weight bits and the logit scale of the readout, whose tensors are added to ``parameters``."""
    if options.readout == "float":
        parameters["output.weight"] = floats["output.weight"]
        if card.output_weight_bits is not None:
            codes, _, _ = weight_codes("output", card.output_weight_bits, floats, packed)
            parameters["output.weight"] = Coded(codes, packed["output.scale"])
        parameters["output.bias"] = floats["output.bias"]
        return card.output_weight_bits, None
    codes, bits, step = weight_codes("output", card.output_weight_bits, floats, packed)
    state_bits, state_scale = layer.readout(card.output)
    scale = float(np.float32(state_scale * step))
    bias = np.rint(floats["output.bias"].astype(np.float64) / scale)
    if problem := readout_problem(codes, np.clip(bias, -INT32, INT32), state_bits):
        raise InputError(f"the readout cannot be in integers: {problem}")
    parameters["output.codes"], parameters["output.bias"] = codes, bias.astype(np.int32)
    return bits, scale
