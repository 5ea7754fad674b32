"""``hr.export.c``: a model as a C99 library, one .h and one .c, that needs no heap, no stdio and no libm."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

from ..card import Card
from ..disk import write
from ..errors import InputError
from ..model import Model
from . import clang_float, clang_integer
from .text import comment, identifier

__all__ = ["c"]


def c(
    model: Model,
    directory: str | os.PathLike[str],
    name: str = "model",
    transform: Literal["fwht", "popcount"] = "fwht",
) -> list[Path]:
    """Write a model as C99 source: ``name.h``, ``name.c``, an example, and what Arduino and PlatformIO read.

    The state lives in a struct of the caller's. Results are those of ``Model.infer`` to the bit: an integer model
    (``Model.quantize`` with readout="integer") gives the integers that ``card.integer.logit_scale`` multiplies and
    has no float in it; a float model gives the same float32, if the compiler neither contracts nor reorders
    (``-std=c99`` does neither). Input is what the network itself reads: scaled, normalized, permuted, quantized.

    Args:
        directory: made if it is missing; files of the same names are replaced.
        name: a C identifier that all names of the library begin with.
        transform: "fwht", the fast transform; or "popcount", for an integer model with blocks of a power of two: bit
            planes, which take less memory and in a deep model of signs less time (docs/microcontrollers.md). The
            same bits.

    Returns:
        The paths written.

    Raises:
        InputError: ``name`` is no identifier, the model is bidirectional, an integer model's readout is in float, or the transform is unknown
            or not for this model.
        OSError: a file cannot be written.
    """
    name = identifier(name)
    if transform not in clang_integer.LAYOUTS:
        raise InputError(
            f"transform is {ascii(transform)[:40]}; expected one of {', '.join(clang_integer.LAYOUTS)}"
        )
    card = model.card
    if card.bidirectional:
        raise InputError(
            "this model reads in both directions, and exported C step by step; expected another one"
        )
    if card.integer is not None:
        kind, state = clang_integer.input_type(card), clang_integer.state_fields(card, transform)
        body = clang_integer.source(model, name, transform)
    elif transform == "fwht":
        kind, state = clang_float.input_type(card), clang_float.state_fields(card)
        body = clang_float.source(model, name)
    else:
        raise InputError(f"transform={transform!r} is for integer models, which Model.quantize makes")
    files = {
        f"{name}.h": _header(model, name, kind, state),
        f"{name}.c": _source(card, name, body),
        f"examples/{name}/main.c": _example(card, name, kind),
        "library.properties": _arduino(name),
        "library.json": _platformio(name),
    }
    paths = []
    for path, text in files.items():
        target = Path(directory) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write(target, text.encode())
        paths.append(target)
    return paths


def _header(model: Model, name: str, kind: str, state: str) -> str:
    card, upper = model.card, name.upper()
    size = card.input_size if card.input == "features" else 1
    what = f"{size} features" if card.input == "features" else f"one token, 0 to {card.input_size - 1}"
    logit = "int32_t" if card.integer is not None else "float"
    when = "steps x " if card.output == "all" else ""
    return f"""/* {model!r}
 *
 * {_facts(card)} */
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

typedef {kind} {name}_input; /* a time step is {what} */
typedef {logit} {name}_logit;

typedef struct {{
{state}}} {name}_state;

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


def _facts(card: Card) -> str:
    """What a caller has to know about input, logits and labels."""
    facts = []
    if card.integer is not None:
        if card.integer.input is not None:
            low, high = card.integer.input.range
            facts.append(
                f"A feature x enters as x / {card.integer.input.scale!r}, rounded, in {low} .. {high}. NaN has no such "
                "integer: fill in what is missing, or leave out its step."
            )
        facts.append(f"Logits are integers times {card.integer.logit_scale!r}.")
    if card.preprocess.permutation is not None:
        facts.append("The time steps come in the permuted order of the model's card.")
    if card.preprocess.normalization is not None:
        facts.append("Features come normalized.")
    if card.output == "mean":
        facts.append("Logits are of the mean over all steps since init, fewer than 2^32.")
    if card.labels is not None:
        facts.append(f"Labels, in order: {comment(', '.join(card.labels))}.")
    return "\n * ".join(facts or ["Input is float, as the network reads it."])


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


def _example(card: Card, name: str, kind: str) -> str:
    upper = name.upper()
    logit, form = (
        ("int32_t", '"%ld\\n", (long)logits[k]')
        if card.integer is not None
        else ("float", '"%a\\n", (double)logits[k]')
    )
    return f"""/* Reads time steps of {kind} from stdin to its end and prints the logits of the sequence. */
#include <stdio.h>

#include "{name}.h"

int main(void) {{
    static {name}_state state;
    {name}_input x[{upper}_INPUT_SIZE];
    {logit} logits[{upper}_OUTPUT_SIZE];
    int k;
    {name}_init(&state);
    while (fread(x, sizeof x, 1, stdin) == 1) {name}_step(&state, x);
    {name}_logits(&state, logits);
    for (k = 0; k < {upper}_OUTPUT_SIZE; ++k) printf({form});
    return 0;
}}
"""


def _arduino(name: str) -> str:
    return f"""name={name}
version=1.0.0
author=hadamrnn_ext
maintainer=hadamrnn_ext
sentence=A recurrent network with binary orthogonal weights.
paragraph=Written by hadamrnn_ext from a trained model.
category=Data Processing
url=https://arxiv.org/abs/2502.00047
architectures=*
includes={name}.h
"""


def _platformio(name: str) -> str:
    facts = {
        "name": name,
        "version": "1.0.0",
        "description": "A recurrent network with binary orthogonal weights, written by hadamrnn_ext",
        "keywords": "machine learning, recurrent neural network",
        "frameworks": "*",
        "platforms": "*",
        "headers": f"{name}.h",
        "build": {"srcDir": ".", "includeDir": ".", "srcFilter": [f"+<{name}.c>"]},
    }
    return json.dumps(facts, indent=2) + "\n"
