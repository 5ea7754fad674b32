"""The peer: a dense recurrent network in 8-bit integers, as such networks are usually written in C.

    h_t = clamp_8(round_shift(W h_(t-1) + U x_t + b, s)),   y = V relu(h) + c

with random weights: what it takes does not depend on them. Same functions as an exported model, same compiler flags.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hadamrnn_ext import disk
from hadamrnn_ext.export.tables import table_values
from hadamrnn_ext.export.template import render

__all__ = ["Dense"]

SHIFT = 14


@dataclass(frozen=True)
class Dense:
    """n hidden units, d features (or ``tokens`` of d kinds), o outputs; ``all_steps`` answers at every step."""

    n: int
    d: int
    o: int
    tokens: bool
    all_steps: bool
    input_type: str

    def weights(self) -> dict[str, NDArray[Any]]:
        rng = np.random.default_rng(0)
        input_shape = (self.d, self.n) if self.tokens else (self.n, self.d)
        shapes = {"recurrent": (self.n, self.n), "input": input_shape, "output": (self.o, self.n)}
        weights: dict[str, NDArray[Any]] = {
            name: rng.integers(-127, 128, shape).astype(np.int8) for name, shape in shapes.items()
        }
        biases = {"bias": self.n, "output_bias": self.o}
        return weights | {
            name: rng.integers(-(2**14), 2**14, size).astype(np.int32) for name, size in biases.items()
        }

    def logits(self, x: NDArray[Any]) -> NDArray[np.int64]:
        """(B, T, d) features or (B, T) tokens -> (B, T, o) or (B, o), in NumPy."""
        w = {name: weight.astype(np.int64) for name, weight in self.weights().items()}
        h = np.zeros((len(x), self.n), np.int64)
        steps = []
        for t in range(x.shape[1]):
            v = w["input"][x[:, t]] if self.tokens else x[:, t].astype(np.int64) @ w["input"].T
            acc = h @ w["recurrent"].T + v + w["bias"]
            h = np.clip((acc + (1 << SHIFT - 1)) >> SHIFT, -128, 127)
            steps.append(np.maximum(h, 0) @ w["output"].T + w["output_bias"])
        return np.stack(steps, axis=1) if self.all_steps else steps[-1]

    def write(self, directory: Path, name: str) -> None:
        """``name.h`` and ``name.c``."""
        disk.write(directory / f"{name}.h", self._header(name).encode())
        weights = self.weights()
        values = table_values(weights, max(w.size for w in weights.values()))
        tables = render("flash.c.in", values) + render("tables.c.in", values)
        text = f'#include "{name}.h"\n\n{tables}\n{self._functions(name)}'
        disk.write(directory / f"{name}.c", text.encode())

    def _header(self, name: str) -> str:
        return f"""#include <stdint.h>
#define {name.upper()}_INPUT_SIZE {1 if self.tokens else self.d}
#define {name.upper()}_OUTPUT_SIZE {self.o}
typedef {self.input_type} {name}_input;
typedef int32_t {name}_logit;
typedef struct {{ int8_t h[{self.n}], next[{self.n}]; }} {name}_state;
void {name}_init({name}_state *state);
void {name}_step({name}_state *state, const {name}_input *x);
void {name}_logits(const {name}_state *state, int32_t *logits);
void {name}_run({name}_state *state, const {name}_input *x, uint32_t steps, int32_t *logits);
"""

    def _functions(self, name: str) -> str:
        inputs = (
            f"acc += READ(int8_t, input + (place)x[0] * {self.n}u + i);"
            if self.tokens
            else f"for (j = 0; j < {self.d}u; ++j) acc += (int32_t)READ(int8_t, input + i * {self.d}u + j) * x[j];"
        )
        size = 1 if self.tokens else self.d
        logits = f"if (logits) {name}_logits(state, logits{f' + t * {self.o}u' if self.all_steps else ''});"
        return f"""void {name}_init({name}_state *state) {{
    place i;
    for (i = 0; i < {self.n}u; ++i) state->h[i] = 0;
}}

void {name}_step({name}_state *state, const {name}_input *x) {{
    place i, j;
    for (i = 0; i < {self.n}u; ++i) {{
        const int8_t *row = recurrent + i * {self.n}u;
        int32_t acc = READ(int32_t, bias + i);
        for (j = 0; j < {self.n}u; ++j) acc += READ(int8_t, row + j) * state->h[j];
        {inputs}
        acc = (acc + {1 << SHIFT - 1}) >> {SHIFT};
        state->next[i] = (int8_t)(acc < -128 ? -128 : acc > 127 ? 127 : acc);
    }}
    for (i = 0; i < {self.n}u; ++i) state->h[i] = state->next[i];
}}

void {name}_logits(const {name}_state *state, int32_t *logits) {{
    place k, i;
    for (k = 0; k < {self.o}u; ++k) {{
        int32_t sum = READ(int32_t, output_bias + k);
        for (i = 0; i < {self.n}u; ++i) {{
            if (state->h[i] > 0) sum += READ(int8_t, output + k * {self.n}u + i) * state->h[i];
        }}
        logits[k] = sum;
    }}
}}

void {name}_run({name}_state *state, const {name}_input *x, uint32_t steps, int32_t *logits) {{
    uint32_t t;
    for (t = 0; t < steps; ++t) {{
        {name}_step(state, x + t * {size}u);
        {logits if self.all_steps else ""}
    }}
    {"" if self.all_steps else logits}
}}
"""
