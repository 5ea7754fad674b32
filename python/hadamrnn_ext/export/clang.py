"""``hr.export.c``: a model as a C99 library, one .h and one .c, that needs no heap, no stdio and no libm."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

from .. import hadamard
from ..disk import write
from ..errors import InputError
from ..file.card import Card
from ..file.codes import code_width
from ..model import Model
from . import clang_float, clang_integer
from .arduino import library_json, library_properties
from .names import identifier
from .raw import Raw, raw_values
from .text import block_comment, comment, index_type, tables

__all__ = ["c"]


def c(
    model: Model,
    directory: str | os.PathLike[str],
    name: str = "model",
    transform: Literal["fwht", "popcount"] = "fwht",
    resolution: float | Sequence[float] | None = None,
) -> list[Path]:
    """Write a model as C99 source: ``name.h``, ``name.c``, an example, and what Arduino and PlatformIO read.

    The state lives in a struct of the caller's. Results are those of ``Model.infer`` to the bit: an integer model
    (``Model.quantize`` with readout="integer") gives the integers that ``card.integer.logit_scale`` multiplies and
    has no float in it; a float model gives the same float32, if the compiler is not told to reorder
    (``-ffast-math``). ``name_step`` reads what the network itself reads: scaled, normalized, permuted,
    quantized. ``name_prepare`` makes that of what sensors give, a time step at a time.

    Args:
        directory: made if it is missing; files of the same names are replaced.
        name: a C identifier that all names of the library begin with.
        transform: "fwht", the fast transform; or "popcount", for an integer model with blocks of a power of two: bit
            planes, which take less memory and in a deep model of signs less time (docs/microcontrollers.md). The
            same bits.
        resolution: of an integer model of features: the integer r that ``name_prepare`` reads stands for the value
            r * resolution, in the units of the training data. One number, or one for each feature: 1/16384 for an
            accelerometer with 16384 counts per g and a model that was trained on g. None takes 1 where a step of the
            model's input is at least 1, else a power of two that makes 16 to 32 integers of a step; ``name.h`` says
            which.

    Returns:
        The paths written.

    Raises:
        InputError: ``name`` is no identifier or taken, the model is bidirectional, an integer model's readout is in
            float, the transform is unknown or not for this model, or the resolution is not for this model or too coarse or
            fine for it.
        OSError: a file cannot be written.

    Example:
        >>> import hadamrnn_ext as hr
        >>> paths = hr.export.c(hr.load("har2-int12"), "har2_library", "har2", resolution=1 / 16384)
    """
    name = identifier(name)
    if transform not in clang_integer.LAYOUTS:
        raise InputError(
            f"transform is {ascii(transform)[:40]}; expected one of {', '.join(clang_integer.LAYOUTS)}"
        )
    if model.card.forgets:
        raise InputError(
            "this model has decays, an input activation, differences or a pool, which exported C does not have"
        )
    if model.card.bidirectional:
        raise InputError(
            "this model reads in both directions, and exported C step by step; expected another one"
        )
    card, raw = model.card, raw_values(model.card, resolution)
    if card.integer is not None:
        kind, state = clang_integer.input_type(card), clang_integer.state_fields(card, transform)
        local = clang_integer.local_bytes(card, transform)
        body = clang_integer.source(model, name, transform)
    elif transform == "fwht":
        kind, state = clang_float.input_type(card), clang_float.state_fields(card)
        local = clang_float.local_bytes(card)
        body = clang_float.source(model, name)
    else:
        raise InputError(f"transform={transform!r} is for integer models, which Model.quantize makes")
    if raw is not None:
        body = f"{body}\n{raw.source(name)}"
    macros, table_bytes = tables(body)
    files = {
        f"{name}.h": _header(model, name, kind, state, local, raw),
        f"{name}.c": _source(card, name, f"{macros}\n{index_type(_largest_index(card))}\n{body}"),
        f"examples/{name}/main.c": _example(card, name, raw),
        "library.properties": library_properties(name, table_bytes),
        "library.json": library_json(name, table_bytes),
    }
    paths = []
    for path, text in files.items():
        target = Path(directory) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write(target, text.encode())
        paths.append(target)
    return paths


def _header(model: Model, name: str, kind: str, state: str, local: int, raw: Raw | None) -> str:
    card, upper = model.card, name.upper()
    size = card.input_size if card.input == "features" else 1
    what = (
        f"{size} feature{'s' * (size > 1)}"
        if card.input == "features"
        else f"one token, 0 to {card.input_size - 1}"
    )
    logit = "int32_t" if card.integer is not None else "float"
    when = "steps x " if card.output == "all" else ""
    raw_type = "" if raw is None else f"typedef {raw.kind} {name}_raw; /* what {name}_prepare reads */\n"
    return f"""{block_comment(_summary(card), *_facts(card, name, raw))}
#ifndef {upper}_H
#define {upper}_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define {upper}_INPUT_SIZE {size}
#define {upper}_OUTPUT_SIZE {card.output_size}
#define {upper}_HIDDEN_SIZE {card.layers[-1].hidden_size}
#define {upper}_WEIGHT_BYTES {sum(tensor.nbytes for tensor in model.tensors.values())}
#define {upper}_STATE_BYTES sizeof({name}_state)
#define {upper}_LOCAL_BYTES {local} /* of arrays on the stack, beside registers and return addresses */

{raw_type}typedef {kind} {name}_input; /* a time step is {what} */
typedef {logit} {name}_logit;

typedef struct {{
{state}}} {name}_state;
{"" if raw is None else chr(10) + raw.header(name)}
/* Begins a sequence. */
void {name}_init({name}_state *state);

/* Reads one time step, {upper}_INPUT_SIZE values. */
void {name}_step({name}_state *state, const {name}_input *x);

/* The {upper}_OUTPUT_SIZE logits of the sequence so far. */
void {name}_logits(const {name}_state *state, {name}_logit *logits);

/* Reads `steps` time steps; `logits` receives {when}{upper}_OUTPUT_SIZE values, or is null. */
void {name}_run({name}_state *state, const {name}_input *x, uint32_t steps, {name}_logit *logits);

#ifdef __cplusplus
}}
#endif

#endif
"""


def _summary(card: Card) -> str:
    """The network in a line; nothing of the machine that writes it."""
    layers = ", ".join(
        f"{layer.hidden_size} units in blocks of {layer.block_size}, {layer.recurrence}"
        for layer in card.layers
    )
    if card.integer is not None:
        layers += f", {card.integer.layers[0].state_bits}-bit state"
    weights = "float32" if card.weight_bits is None else f"{card.weight_bits}-bit"
    return f"A recurrent network of {layers}; {weights} input weights; output {card.output!r}. Written by hadamrnn_ext."


def _facts(card: Card, name: str, raw: Raw | None) -> list[str]:
    """What a caller has to know about input, logits and labels."""
    facts = []
    if raw is not None:
        facts.append(f"{name}_step reads what {name}_prepare makes of the values that sensors give.")
    elif card.integer is not None and card.integer.input is not None:
        facts.append(f"A byte b enters as it is, and stands for b * {card.integer.input.scale!r}.")
    if card.integer is not None:
        if card.integer.input is not None:
            facts.append("NaN has no integer: fill in what is missing, or leave out its step.")
        facts.append(f"Logits are integers times {card.integer.logit_scale!r}.")
    if card.preprocess.permutation is not None:
        facts.append("The time steps come in the permuted order of the model's card.")
    if card.output == "mean":
        facts.append("Logits are of the mean over all steps since init, fewer than 2^32.")
    if card.labels is not None:
        facts.append(f"Labels, in order: {comment(', '.join(card.labels))}.")
    return facts or ["Input is float, as the network reads it."]


def _source(card: Card, name: str, body: str) -> str:
    upper = name.upper()
    run = (
        f"        if (logits) {name}_logits(state, logits + t * {upper}_OUTPUT_SIZE);\n"
        if card.output == "all"
        else ""
    )
    last = f"    if (logits) {name}_logits(state, logits);\n" if card.output != "all" else ""
    return f"""#include "{name}.h"

{body}
void {name}_run({name}_state *state, const {name}_input *x, uint32_t steps, {name}_logit *logits) {{
    uint32_t t;
    for (t = 0; t < steps; ++t) {{
        {name}_step(state, x + t * {upper}_INPUT_SIZE);
{run}    }}
{last}}}
"""


def _largest_index(card: Card) -> int:
    """Of an entry of a matrix, or of a bit of a matrix whose codes lie across bytes."""
    sizes = [layer.hidden_size for layer in card.layers]
    input_bits, output_bits = (
        1 if bits is None or 8 % code_width(bits) == 0 else code_width(bits)
        for bits in (card.weight_bits, card.output_weight_bits)
    )
    largest = [sizes[0] * card.input_width * input_bits, sizes[-1] * card.output_size * output_bits]
    largest += [hadamard.factor(layer.block_size)[0] ** 2 for layer in card.layers]
    largest += [below * size for below, size in pairwise(sizes)]
    if card.embedding_size is not None:
        largest.append(card.input_size * card.embedding_size)
    return max(largest)


def _example(card: Card, name: str, raw: Raw | None) -> str:
    upper = name.upper()
    logit, form = (
        ("int32_t", '"%ld\\n", (long)logits[k]')
        if card.integer is not None
        else ("float", '"%a\\n", (double)logits[k]')
    )
    what, read = (
        f"{name}_input",
        f"    return fread(x, sizeof x[0], {upper}_INPUT_SIZE, stdin) == {upper}_INPUT_SIZE;\n",
    )
    if raw is not None:
        what = f"{name}_raw (compiled with -DPREPARED: of {what})"
        read = f"""#ifdef PREPARED
{read}#else
    {name}_raw raw[{upper}_INPUT_SIZE];
    if (fread(raw, sizeof raw, 1, stdin) != 1) return 0;
    {name}_prepare(raw, x);
    return 1;
#endif
"""
    about = f"Reads time steps of {what} from stdin to its end and prints the logits of the sequence."
    return f"""{block_comment(about)}
#include <stdio.h>

#include "{name}.h"

static int read_step({name}_input *x) {{
{read}}}

int main(void) {{
    static {name}_state state;
    {name}_input x[{upper}_INPUT_SIZE];
    {logit} logits[{upper}_OUTPUT_SIZE];
    int k;
    {name}_init(&state);
    while (read_step(x)) {name}_step(&state, x);
    {name}_logits(&state, logits);
    for (k = 0; k < {upper}_OUTPUT_SIZE; ++k) printf({form});
    return 0;
}}
"""
