"""A float model and its calibration -> an integer model's constants (golden_integer.py says what they mean)."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..card import Card
from ..errors import InputError
from .bounds import largest_state, layer_problem, readout_problem
from .card import MAX_FRACTION_BITS, IntegerCard, IntegerLayer
from .source import Source, input_source, weight_codes
from .tensors import codes_name, pack_integers

__all__ = ["Options", "convert"]

Array = NDArray[Any]
INT32 = 1 << 31


@dataclass(frozen=True)
class Options:
    """The arguments of ``Model.quantize`` that say what the integers look like. Raises InputError."""

    state_bits: int
    input_bits: int
    readout: Literal["float", "integer"]
    power_of_two: bool

    def __post_init__(self) -> None:
        for name, low in (("state_bits", 8), ("input_bits", 2)):
            bits = getattr(self, name)
            if isinstance(bits, bool) or not isinstance(bits, (int, np.integer)) or not low <= bits <= 16:
                raise InputError(f"{name} is {ascii(bits)[:40]}; expected an integer {low} .. 16")
        if self.readout not in ("float", "integer"):
            raise InputError(f"readout is {ascii(self.readout)[:40]}; expected 'float' or 'integer'")


def convert(
    card: Card,
    floats: dict[str, Array],
    packed: dict[str, Array],
    largest_input: float | None,
    largest_states: tuple[float, ...],
    options: Options,
) -> tuple[Card, dict[str, Array]]:
    """Card and packed tensors of the integer model.

    Args:
        card, floats, packed: of the float model: its parameters, and its tensors as the file holds them.
        largest_input, largest_states: magnitudes of the features (None for tokens) and of each layer's states.

    Raises:
        InputError: the sums of this model do not fit the integers of a step.
    """
    source = input_source(card, floats, packed, largest_input, options.input_bits, options.power_of_two)
    parameters: dict[str, Array] = {codes_name(card): source.codes}
    layers: list[IntegerLayer] = []
    for i, layer in enumerate(card.layers):
        steps = (
            source.steps
            if i == 0
            else np.array(layers[-1].state_scale / math.sqrt(card.layers[i - 1].hidden_size))
        )
        bits = 1 if layer.recurrence == "sign" else options.state_bits
        scale, ratios = _scale(bits, largest_states[i], steps, options.power_of_two)
        if layer.recurrence == "modrelu":
            threshold = np.rint(floats[f"layers.{i}.modrelu"].astype(np.float64) / scale)
            parameters[f"layers.{i}.modrelu"] = np.clip(threshold, 1 - INT32, INT32 - 1).astype(np.int32)
        for name in (f"layers.{i}.signs", f"layers.{i}.input_signs"):
            if name in floats:
                parameters[name] = floats[name]
        layers.append(
            _layer(card, source, layers, parameters, floats[f"layers.{i}.bias"], bits, scale, ratios)
        )
    output_bits, logit_scale = _readout(card, floats, packed, layers[-1], options, parameters)
    integer = IntegerCard(tuple(layers), source.input, options.readout, logit_scale)
    changes = {
        "embedding_size": None,
        "embedding_bits": None,
        "weight_bits": source.bits,
        "output_weight_bits": output_bits,
    }
    converted = dataclasses.replace(card, kind="integer", bias_bits=None, integer=integer, **changes)  # type: ignore[arg-type]
    return converted, pack_integers(converted, parameters)


def _scale(bits: int, largest: float, steps: Array, power_of_two: bool) -> tuple[float, Array]:
    """s_h, and the input's steps in units of it. s_h grows by less than 2 to make every one a power of two."""
    scale = 1.0 if bits == 1 else float(np.float32(largest / ((1 << bits - 1) - 1)))
    if scale < 1e-30:  # a state that is always zero
        scale = 1.0
    top = float(steps.max())
    if not power_of_two or bits == 1 or top == 0:
        return scale, steps / scale
    scale = float(np.float32(top * 2.0 ** -math.floor(math.log2(top / scale))))
    exponents = np.rint(np.log2(np.where(steps > 0, steps, top) / scale))
    return scale, np.where(steps > 0, 2.0**exponents, 0.0)


def _layer(
    card: Card,
    source: Source,
    below: list[IntegerLayer],
    parameters: dict[str, Array],
    bias: Array,
    bits: int,
    scale: float,
    ratios: Array,
) -> IntegerLayer:
    """The constants with the largest F whose sums provably fit; writes the layer's bias, and the table's multipliers."""
    i = len(below)
    block_size = card.layers[i].block_size
    units = bias.astype(np.float64) / scale
    sums = _largest_sums(card, source, below)
    largest_input = source.input.range[1] if i == 0 and source.input is not None else 1
    problem: str | None = None
    for fraction_bits in range(MAX_FRACTION_BITS, 0, -1):
        shift = _shift(max(float(ratios.max()) * largest_input, float(np.abs(units).max())), fraction_bits)
        if shift >= fraction_bits:
            continue
        unit = 2.0 ** (fraction_bits - shift)
        multipliers = np.rint(ratios * unit).astype(np.int64)
        beta = np.rint(units * unit).astype(np.int64)
        if bits == 1:  # the threshold of sign is 0, and a step rounds to the nearest integer first
            beta -= 1 << fraction_bits - 1 - shift
        multiplier = round(2.0**fraction_bits / math.sqrt(block_size))
        problem = layer_problem(
            block_size=block_size,
            state_bits=bits,
            fraction_bits=fraction_bits,
            multiplier=multiplier,
            input_shift=shift,
            sums=sums,
            multipliers=multipliers[:, None] if multipliers.ndim else multipliers,
            largest_input=largest_input,
            bias=beta,
            modrelu=parameters.get(f"layers.{i}.modrelu"),
        )
        if problem is None and np.abs(beta).max() < INT32:
            parameters[f"layers.{i}.bias"] = beta.astype(np.int32)
            if multipliers.ndim:
                parameters["table.multiplier"] = multipliers.astype(np.int32)
            one = None if multipliers.ndim else int(multipliers)
            return IntegerLayer(bits, scale, fraction_bits, multiplier, one, shift)
    raise InputError(
        f"layer {i} cannot be written in integers of {bits} bits: {problem or 'its input is far above its states'}; "
        "fewer bits, or a calibration that shows the model's usual input, may help"
    )


def _shift(largest: float, fraction_bits: int) -> int:
    """The smallest shift s that leaves largest 2^(F-s), and a bit of room, in 31 bits."""
    if largest == 0:
        return 0
    return max(0, math.frexp(largest)[1] + fraction_bits - 30)


def _largest_sums(card: Card, source: Source, below: list[IntegerLayer]) -> Array:
    """What the input multiplier meets at most, as ``tensors.input_sums`` takes it from a file."""
    i = len(below)
    if i > 0:
        n = card.layers[i - 1].hidden_size
        return np.full(card.layers[i].hidden_size, n * largest_state(below[-1].state_bits), np.int64)
    codes = np.abs(source.codes.astype(np.int64))
    return codes if source.input is None else codes.sum(axis=1) * source.input.range[1]


def _readout(
    card: Card,
    floats: dict[str, Array],
    packed: dict[str, Array],
    layer: IntegerLayer,
    options: Options,
    parameters: dict[str, Array],
) -> tuple[int | None, float | None]:
    """Weight bits and logit scale; writes the readout's parameters."""
    if options.readout == "float":
        for name in ("output.codes", "output.scale", "output.weight"):
            if name in packed:
                parameters[name] = packed[name]
        if card.output_weight_bits is not None:
            parameters["output.codes"], _, _ = weight_codes("output", card.output_weight_bits, floats, packed)
        parameters["output.bias"] = floats["output.bias"]
        return card.output_weight_bits, None
    codes, bits, step = weight_codes("output", card.output_weight_bits, floats, packed)
    scale = float(np.float32(layer.state_scale * step))
    bias = np.rint(floats["output.bias"].astype(np.float64) / scale)
    if problem := readout_problem(codes, np.clip(bias, -INT32, INT32), layer.state_bits):
        raise InputError(f"the readout cannot be in integers: {problem}")
    parameters["output.codes"], parameters["output.bias"] = codes, bias.astype(np.int32)
    return bits, scale
