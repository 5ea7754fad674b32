"""The C source of a float model: the operations of golden/floats.py in their order, constants to the bit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import hadamard
from ..file.card import Card
from ..file.codes import code_range, code_width, pack_signs
from ..model import Model
from .mean import clear_sum, sum_fields, sum_up
from .text import array, bit, read_code, real
from .transform import function, transform

__all__ = ["input_type", "local_bytes", "source", "state_fields"]


_TWO_ROUNDINGS = """/* A product and a sum are two operations, each of which rounds; compilers make one of them where they can. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif
"""


def input_type(card: Card) -> str:
    """What one feature, or a token, is."""
    return "float" if card.input == "features" else "int32_t"


def state_fields(card: Card) -> str:
    """The members of the state struct."""
    states = "".join(f"    float h{i}[{layer.hidden_size}];\n" for i, layer in enumerate(card.layers))
    return states + (sum_fields(card, "float") if card.output == "mean" else "")


def local_bytes(card: Card) -> int:
    """Of the arrays that a function keeps on the stack: the partial sums of a logit, or what a base matrix makes."""
    return 4 * max(16, *(hadamard.factor(layer.block_size)[0] for layer in card.layers))


def source(model: Model, name: str) -> str:
    """Everything of the .c file below its includes."""
    card, parameters = model.card, model.parameters()
    widths = {code_width(bits) for bits in (card.weight_bits, card.output_weight_bits) if bits is not None}
    parts = [_TWO_ROUNDINGS, *(read_code(width) for width in sorted(widths))]
    parts += [transform(m, "float") for m in dict.fromkeys(layer.block_size for layer in card.layers)]
    parts.append(_matrix(model, "input", card.weight_bits, parameters["input.weight"]))
    parts.append(_matrix(model, "output", card.output_weight_bits, parameters["output.weight"]))
    parts.append(_constants(card, parameters))
    parts += [_layer(card, i) for i in range(len(card.layers))]
    parts.append(_interface(card, name))
    return "\n".join(parts)


def _matrix(model: Model, name: str, bits: int | None, weight: NDArray[Any]) -> str:
    """The constants of U or V and a function that gives entry number i."""
    if bits is None:
        constants, entry = array("float", f"{name}_weights", weight), f"READ(float, {name}_weights + i)"
    else:
        packed = np.append(model.tensors[f"{name}.codes"], np.uint8(0))
        constants = array("uint8_t", f"{name}_codes", packed)
        step = np.float32(model.tensors[f"{name}.scale"][0]) / np.float32(-code_range(bits)[0])
        entry = f"(float)code{code_width(bits)}({name}_codes, i) * {real(step)}"
    return f"{constants}\nstatic float {name}_weight(place i) {{ return {entry}; }}\n"


def _constants(card: Card, parameters: dict[str, NDArray[Any]]) -> str:
    parts = [array("float", "output_bias", parameters["output.bias"])]
    if card.embedding_size is not None:
        parts.append(array("float", "embedding", parameters["embedding.weight"]))
    for i, layer in enumerate(card.layers):
        parts.append(array("uint8_t", f"signs{i}", pack_signs(parameters[f"layers.{i}.signs"])))
        parts.append(array("float", f"bias{i}", parameters[f"layers.{i}.bias"]))
        if layer.recurrence == "modrelu":
            parts.append(array("float", f"modrelu{i}", parameters[f"layers.{i}.modrelu"]))
        if i > 0:
            below = parameters[f"layers.{i}.input_signs"]
            parts.append(array("uint8_t", f"input_signs{i}", pack_signs(below.reshape(-1))))
    return "\n".join(parts)


def _layer(card: Card, i: int) -> str:
    layer = card.layers[i]
    scale = np.float32(1 / math.sqrt(layer.block_size))
    argument = "const float *below" if i > 0 else f"const {input_type(card)} *x"
    activate = {  # NaN, with which no comparison is true, stays what it is
        "linear": "h[i] = z;",
        "relu": "h[i] = z <= 0.0f ? 0.0f : z;",
        "sign": "h[i] = z >= 0.0f ? 1.0f : z < 0.0f ? -1.0f : z;",
        "modrelu": f"""{{
            const float magnitude = (z < 0.0f ? -z : z) + READ(float, modrelu{i} + i);
            h[i] = magnitude <= 0.0f || z == 0.0f ? 0.0f : z < 0.0f ? -magnitude : magnitude;
        }}""",
    }[layer.recurrence]
    return f"""static void layer{i}(float *h, {argument}) {{
    place i;
    {function(layer.block_size, "float")}(h, {layer.hidden_size}u);
    for (i = 0; i < {layer.hidden_size}u; ++i) {{
        const float su = {bit(f"signs{i}", "i")} ? {real(-scale)} : {real(scale)};
        float v, product, z;
{_input(card, i)}        product = su * h[i];
        z = product + v;
        {activate}
    }}
}}
"""


def _input(card: Card, i: int) -> str:
    """v = U x + b, or B relu(h) / sqrt(n) + b, of unit i, an operation a line."""
    if i > 0:
        below = card.layers[i - 1]
        n = below.hidden_size
        scale = real(np.float32(1 / math.sqrt(n)))
        body = f"""            const place entry = i * {n}u + j;
            if (!(below[j] <= 0.0f)) sum = sum + ({bit(f"input_signs{i}", "entry")} ? -below[j] : below[j]);
"""
        return f"        float sum = 0.0f;\n{_in_storage_order(n, below.block_size, body)}        v = {scale} * sum;\n        v = v + READ(float, bias{i} + i);\n"
    width = card.input_width
    if card.input == "tokens" and card.embedding_size is None:
        return f"        v = input_weight(i * {width}u + (place)x[0]) + READ(float, bias0 + i);\n"
    row, value = "", "x[{}]"
    if card.embedding_size is not None:
        row = f"        const float *const row = embedding + (place)x[0] * {width}u;\n"
        value = "READ(float, row + {})"
    return f"""{row}        place j;
        v = input_weight(i * {width}u) * {value.format(0)};
        for (j = 1; j < {width}u; ++j) {{
            const float term = input_weight(i * {width}u + j) * {value.format("j")};
            v = v + term;
        }}
        v = v + READ(float, bias0 + i);
"""


def _in_storage_order(n: int, block_size: int, body: str) -> str:
    """A loop over the units j in the order that sums run in: golden.storage_order."""
    r, _ = hadamard.factor(block_size)
    return f"""        place row, column;
        for (row = 0; row < {r}u; ++row) for (column = 0; column < {n // r}u; ++column) {{
            const place j = column * {r}u + row;
{body}        }}
"""


def _interface(card: Card, name: str) -> str:
    last, n = len(card.layers) - 1, card.layers[-1].hidden_size
    calls = "".join(
        f"    layer{i}(state->h{i}, {'x' if i == 0 else f'state->h{i - 1}'});\n"
        for i in range(len(card.layers))
    )
    zeros = "".join(
        f"    for (i = 0; i < {layer.hidden_size}u; ++i) state->h{i}[i] = 0.0f;\n"
        for i, layer in enumerate(card.layers)
    )
    count, read = "", f"state->h{last}[j] <= 0.0f ? 0.0f : state->h{last}[j]"
    if card.output == "mean":
        count = "    const float count = state->steps > 0 ? (float)state->steps : 1.0f;\n"
        read = "state->sum[j] / count"
        calls += sum_up(card, f"state->h{last}[i]", "float", "!(unit <= 0.0f)")
        zeros += clear_sum(card)
    body = f"""            const float h = {read};
            const float term = h * output_weight(k * {n}u + j);
            partial[column % 16u] = partial[column % 16u] + term;
"""
    return f"""void {name}_init({name}_state *state) {{
    place i;
{zeros}}}

void {name}_step({name}_state *state, const {name}_input *x) {{
{calls}}}

void {name}_logits(const {name}_state *state, {name}_logit *logits) {{
    place k, i, half;
{count}    for (k = 0; k < {card.output_size}u; ++k) {{
        float partial[16];
        for (i = 0; i < 16u; ++i) partial[i] = 0.0f;
{_in_storage_order(n, card.layers[-1].block_size, body)}        for (half = 8; half > 0; half /= 2u) {{
            for (i = 0; i < half; ++i) partial[i] = partial[i] + partial[i + half];
        }}
        logits[k] = partial[0] + READ(float, output_bias + k);
    }}
}}
"""
