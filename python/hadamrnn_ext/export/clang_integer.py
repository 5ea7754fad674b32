"""The C source of an integer model (golden/integers.py): integers of 32 and 64 bits, nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..file.card import Card
from ..file.codes import code_width, pack_signs
from ..file.integer_card import MEAN_BITS, IntegerCard
from ..integer.bounds import Step, largest_state, narrow
from ..integer.steps import step
from ..model import Model
from .lanes import Lanes
from .mean import clear_sum, sum_fields, sum_up
from .planes import Planes
from .text import array, bit, read_code

__all__ = ["LAYOUTS", "input_type", "local_bytes", "source", "state_fields"]

#: How a transform keeps the state.
LAYOUTS: dict[str, type[Lanes | Planes]] = {"fwht": Lanes, "popcount": Planes}
Layouts = list[Lanes | Planes]

# The shift of a negative number is the compiler's choice in C99; compilers make one instruction of this.
_SHIFT = """static int32_t shifted{bits}(int{bits}_t x, int bits) {{
    return (int32_t)(x < 0 ? ~(~x >> bits) : x >> bits);
}}
"""


def input_type(card: Card) -> str:
    """What one feature, or a token, is."""
    features = _integer(card).input
    if features is None:
        return "int32_t"
    if features.bits <= 8:
        return "int8_t" if features.signed else "uint8_t"
    return "int16_t" if features.signed or features.bits < 16 else "uint16_t"


def state_fields(card: Card, transform: str) -> str:
    """The members of the state struct."""
    states = "".join(
        f"    {layout.kind} z{i}[{layout.size}];\n" for i, layout in enumerate(_layouts(card, transform))
    )
    return states + (sum_fields(card, "int64_t") if card.output == "mean" else "")


def local_bytes(card: Card, transform: str) -> int:
    """Of the arrays that a function keeps on the stack."""
    return max(layout.local_bytes for layout in _layouts(card, transform))


def source(model: Model, name: str, transform: str) -> str:
    """Everything of the .c file below its includes.

    Raises:
        InputError: the readout is in float.
    """
    card, integer = model.card, _integer(model.card)
    if integer.readout != "integer":
        raise InputError("this model's readout is in float; expected readout='integer', see Model.quantize")
    parameters = model.parameters()
    assert card.weight_bits is not None
    assert card.output_weight_bits is not None
    layouts = _layouts(card, transform)
    layers = [_layer(model, parameters, i, layouts) for i in range(len(card.layers))]
    parts = [
        _SHIFT.format(bits=bits) for bits in (32, 64) if any(f"shifted{bits}(" in layer for layer in layers)
    ]
    parts += [
        read_code(bits)
        for bits in sorted({code_width(card.weight_bits), code_width(card.output_weight_bits)})
    ]
    parts += dict.fromkeys(function for layout in layouts for function in layout.functions())
    parts.append(_weights(model, parameters, layouts))
    parts += layers
    parts.append(_step(card, name, layouts))
    parts.append(_logits(card, name, layouts[-1]))
    return "\n".join(parts)


def _weights(model: Model, parameters: dict[str, NDArray[Any]], layouts: Layouts) -> str:
    codes = "input.codes" if model.card.input == "features" else "table.codes"
    parts = [array("uint8_t", "input_codes", _spare(model.tensors[codes]))]
    if model.card.input == "tokens":
        parts.append(array("int32_t", "token_multiplier", parameters["table.multiplier"]))
    for i, layer in enumerate(model.card.layers):
        parts.append(array("uint8_t", f"signs{i}", pack_signs(parameters[f"layers.{i}.signs"])))
        parts.append(array("int32_t", f"bias{i}", parameters[f"layers.{i}.bias"]))
        if layer.recurrence == "modrelu":
            parts.append(array("int32_t", f"threshold{i}", parameters[f"layers.{i}.modrelu"]))
        if i > 0:
            parts.append(layouts[i - 1].signs(f"input_signs{i}", parameters[f"layers.{i}.input_signs"]))
    parts.append(array("uint8_t", "output_codes", _spare(model.tensors["output.codes"])))
    parts.append(array("int32_t", "output_bias", parameters["output.bias"]))
    return "\n".join(parts)


def _layer(model: Model, parameters: dict[str, NDArray[Any]], i: int, layouts: Layouts) -> str:
    card = model.card
    layer, c, layout = card.layers[i], _integer(card).layers[i], layouts[i]
    facts = step(card, parameters, i)
    exact = narrow(facts)
    argument, prepare, product = _input(card, i, layouts, "int32_t" if exact else "int64_t")
    if c.state_bits == 1:
        activate = "r = r >= 0 ? 1 : -1;"
    else:
        limit = largest_state(c.state_bits)
        low = 0 if layer.recurrence == "relu" else -limit
        activate = ""
        if layer.recurrence == "modrelu":
            activate = f"""{{
            const int32_t magnitude = (r < 0 ? -r : r) + READ(int32_t, threshold{i} + i);
            r = magnitude > 0 && r != 0 ? (r < 0 ? -magnitude : magnitude) : 0;
        }}
        """
        activate += f"r = r < {low} ? {low} : r > {limit - 1} ? {limit - 1} : r;"
    return f"""static void layer{i}({layout.kind} *z, {argument}) {{
    place i;
{prepare}{layout.begin}    for (i = 0; i < {layer.hidden_size}u; ++i) {{
{product}        const int32_t sum_of_row = {layout.sum};
        const int32_t acc = {bit(f"signs{i}", "i")} ? -sum_of_row : sum_of_row;
        int32_t r = {_rounded(facts, f"READ(int32_t, bias{i} + i)", exact)};
        {activate}
        {layout.store}
    }}
{layout.end}}}
"""


def _rounded(step: Step, bias: str, exact: bool) -> str:
    """The state of a unit before its activation, in 32 bits where these are proven to be exact (bounds.py)."""
    f, s, m_h = step.fraction_bits, step.input_shift, step.multiplier
    if not exact:
        total = f"(int64_t)acc * {m_h} + (in + {bias}) * ((int64_t)1 << {s}) + ((int64_t)1 << {f - 1})"
        return f"shifted64({total}, {f})"
    inputs, j = f"in + {bias} + {1 << f - 1 - s}", m_h.bit_length() - 1
    if m_h == 1 << j:
        return f"shifted32(acc + shifted32({inputs}, {j - s}), {f - j})"
    return f"shifted32(shifted64((int64_t)acc * {m_h}, {s}) + {inputs}, {f - s})"


def _input(card: Card, i: int, layouts: Layouts, wide: str) -> tuple[str, str, str]:
    """The argument that layer i reads, what is done with it once, and the product `in` of unit i, a ``wide``."""
    multiplier = _integer(card).layers[i].input_multiplier
    if i > 0:
        below = layouts[i - 1]
        product = (
            below.product(f"input_signs{i}") + f"        const {wide} in = ({wide})sum * {multiplier};\n"
        )
        return f"const {below.kind} *below", below.below_begin, product
    assert card.weight_bits is not None
    code = f"code{code_width(card.weight_bits)}(input_codes, "
    kind, n, d = input_type(card), card.layers[0].hidden_size, card.input_size
    if card.input == "tokens":
        prepare = f"    const place row = (place)x[0] * {n}u;\n    const int32_t multiplier = READ(int32_t, token_multiplier + x[0]);\n"
        return (
            f"const {kind} *x",
            prepare,
            f"        const {wide} in = ({wide}){code}row + i) * multiplier;\n",
        )
    if d == 1:
        prepare = f"    const int32_t multiplier = (int32_t)x[0] * {multiplier};\n"
        return f"const {kind} *x", prepare, f"        const {wide} in = ({wide}){code}i) * multiplier;\n"
    product = f"""        int32_t sum = 0;
        place j;
        for (j = 0; j < {d}u; ++j) sum += (int32_t){code}i * {d}u + j) * x[j];
        const {wide} in = ({wide})sum * {multiplier};
"""
    return f"const {kind} *x", "", product


def _step(card: Card, name: str, layouts: Layouts) -> str:
    calls = "".join(
        f"    layer{i}(state->z{i}, {'x' if i == 0 else f'state->z{i - 1}'});\n"
        for i in range(len(card.layers))
    )
    zeros = "".join(
        f"    for (i = 0; i < {layout.size}u; ++i) state->z{i}[i] = 0;\n" for i, layout in enumerate(layouts)
    )
    if card.output == "mean":
        calls += sum_up(card, layouts[-1].unit(f"state->z{len(card.layers) - 1}"), "int32_t", "unit > 0")
        zeros += clear_sum(card)
    return f"""void {name}_init({name}_state *state) {{
    place i;
{zeros}}}

void {name}_step({name}_state *state, const {name}_input *x) {{
{calls}}}
"""


def _logits(card: Card, name: str, layout: Lanes | Planes) -> str:
    last, n = len(card.layers) - 1, card.layers[-1].hidden_size
    assert card.output_weight_bits is not None
    code = f"code{code_width(card.output_weight_bits)}(output_codes, k * {n}u + i)"
    count, z = "", layout.unit(f"state->z{last}")
    if card.output == "mean":
        finer = 1 << MEAN_BITS - _integer(card).layers[-1].state_bits
        count = "    const int64_t count = state->steps > 0 ? state->steps : 1;\n"
        z = f"(int32_t)((state->sum[i] * {finer} + count / 2) / count)"
    return f"""void {name}_logits(const {name}_state *state, {name}_logit *logits) {{
    place k, i;
{count}    for (k = 0; k < {card.output_size}u; ++k) logits[k] = READ(int32_t, output_bias + k);
    for (i = 0; i < {n}u; ++i) {{
        const int32_t z = {z};
        if (z <= 0) continue;
        for (k = 0; k < {card.output_size}u; ++k) logits[k] += (int32_t){code} * z;
    }}
}}
"""


def _spare(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A code may lie across two bytes, and the last one then reads one byte too many."""
    return np.append(packed, np.uint8(0))


def _layouts(card: Card, transform: str) -> Layouts:
    pairs = zip(card.layers, _integer(card).layers, strict=True)
    return [LAYOUTS[transform](layer, constants.state_bits) for layer, constants in pairs]


def _integer(card: Card) -> IntegerCard:
    assert card.integer is not None
    return card.integer
