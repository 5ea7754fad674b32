"""Exported C, compiled by the host's compiler and asked for its logits; and kinds of models that it is tried with."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

import hadamrnn_ext as hr
from compiled import COMPILER
from hadamrnn_ext.file.pool import Pool

FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1"]

KINDS = {
    "one input": {"sizes": ((64, 64),), "input_size": 1},
    "blocks": {
        "sizes": ((48, 16),),
        "input_size": 4,
        "output": "all",
        "weight_bits": 1,
        "output_weight_bits": 3,
    },
    "paley": {"sizes": ((48, 24),), "recurrence": "modrelu", "weight_bits": 5, "output_weight_bits": 8},
    "one unit": {"sizes": ((1, 1),), "output_size": 1, "weight_bits": 2, "output_weight_bits": 6},
    "onehot": {"sizes": ((32, 32),), "input": "tokens", "input_size": 10, "output": "all"},
    "embedding": {
        "sizes": ((16, 4),),
        "input": "tokens",
        "input_size": 7,
        "embedding_size": 5,
        "recurrence": "relu",
        "weight_bits": 7,
    },
    "float weights": {"sizes": ((20, 20),), "weight_bits": None, "output_weight_bits": None},
    "mean": {"sizes": ((32, 32),), "output": "mean"},
    "mean of layers": {"sizes": ((24, 12), (16, 16)), "recurrence": "sign", "output": "mean"},
    "layers": {"sizes": ((24, 12), (16, 16), (8, 1)), "output": "all"},
    "sign layers": {"sizes": ((20, 20), (16, 16)), "recurrence": "sign"},
    "few biases": {"sizes": ((64, 64), (40, 8)), "bias_bits": 3},
    "codes in pairs": {"sizes": ((40, 8),), "input_size": 5, "output_weight_bits": 3, "output": "all"},
    "an even number of codes": {"sizes": ((24, 24),), "input_size": 6},
    "passes of four": {"sizes": ((256, 256),), "input_size": 1},
    "a pass of eight": {"sizes": ((512, 8), (16, 8)), "recurrence": "relu"},
    "passes of eight and four": {"sizes": ((384, 32),), "output": "all", "input_size": 3},
    "passes over a paley matrix": {"sizes": ((384, 384),), "output": "mean"},
    "layers of powers of two": {
        "sizes": ((40, 8), (64, 64), (96, 32)),
        "output": "all",
        "recurrence": "relu",
    },
    "sign layers of powers of two": {"sizes": ((96, 32), (24, 4), (128, 128)), "recurrence": "sign"},
    "modrelu layers": {"sizes": ((12, 12), (40, 20)), "recurrence": "modrelu", "output": "all"},
}

#: Networks that forget, every part of them alone and with others.
FORGETTING = {
    "decays": {"sizes": ((48, 16),), "decays": True},
    "decays of layers": {
        "sizes": ((24, 12), (32, 8)),
        "decays": True,
        "recurrence": "modrelu",
        "output": "all",
        "pool": Pool(1),
    },
    "relu of inputs": {"sizes": ((20, 20),), "input_activation": "relu", "output": "mean"},
    "clip of embedded tokens": {
        "input": "tokens",
        "input_size": 9,
        "embedding_size": 3,
        "input_activation": "clip",
        "decays": True,
    },
    "clip of tokens": {"input": "tokens", "input_size": 9, "input_activation": "clip", "output": "all"},
    "differences": {"sizes": ((32, 8),), "input_size": 1, "differences": True},
    "differences of floats": {
        "differences": True,
        "weight_bits": None,
        "recurrence": "relu",
        "output": "all",
    },
    "excess": {"sizes": ((40, 20),), "pool": Pool(3, share=False), "output_weight_bits": None},
    "share": {"sizes": ((24, 24),), "pool": Pool(2, excess=False), "output": "all"},
    "running means": {"sizes": ((16, 8),), "pool": Pool(2, time_constant=4), "output": "all", "decays": True},
    "running shares": {"pool": Pool(1, excess=False, time_constant=1), "output_weight_bits": 6},
    "all of it": {
        "sizes": ((96, 12),),
        "input_size": 3,
        "decays": True,
        "input_activation": "clip",
        "differences": True,
        "pool": Pool(3, time_constant=15),
        "output": "all",
    },
    "all of it over the whole sequence": {
        "sizes": ((64, 8), (24, 24)),
        "input_size": 3,
        "recurrence": "relu",
        "decays": True,
        "input_activation": "relu",
        "differences": True,
        "pool": Pool(2),
    },
}

DRIVER = """
#include <stdio.h>
#include "net.h"
static net_state state;
int main(void) {
    static net_input x[BATCH * STEPS * NET_INPUT_SIZE];
    static net_logit y[(STEPS + 1) * NET_OUTPUT_SIZE];
    const size_t count = ALL ? STEPS * NET_OUTPUT_SIZE : NET_OUTPUT_SIZE;
    unsigned i;
    if (fread(x, sizeof x, 1, stdin) != 1) return 1;
    for (i = 0; i < BATCH; ++i) {
        net_init(&state);
        net_run(&state, x + i * STEPS * NET_INPUT_SIZE, 3, y);
        net_run(&state, x + (i * STEPS + 3) * NET_INPUT_SIZE, STEPS - 3, ALL ? y + 3 * NET_OUTPUT_SIZE : y);
        if (fwrite(y, sizeof y[0], count, stdout) != count) return 1;
        net_logits(&state, y);
        if (fwrite(y, sizeof y[0], NET_OUTPUT_SIZE, stdout) != NET_OUTPUT_SIZE) return 1;
    }
    return 0;
}
"""

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")


def draw(rng, model, *shape):
    if model.card.input == "tokens":
        return rng.integers(0, model.card.input_size, shape).astype(np.int32)
    return rng.normal(size=(*shape, model.card.input_size)).astype(np.float32)


def run_c(model, folder, x, dtype, transform="fwht"):
    """What the exported library gives for x (B, T, ..): all logits that run gives, and those of the end."""
    hr.export.c(model, folder, "net", transform)
    (folder / "driver.c").write_text(DRIVER)
    batch, steps = x.shape[:2]
    all_steps = model.card.output == "all"
    sizes = [f"-DBATCH={batch}u", f"-DSTEPS={steps}u", f"-DALL={int(all_steps)}"]
    program = folder / "program"
    command = [COMPILER, *FLAGS, *sizes, "-I", folder, folder / "net.c", folder / "driver.c", "-o", program]
    subprocess.run(list(map(str, command)), check=True)
    output = subprocess.run([str(program)], input=x.tobytes(), stdout=subprocess.PIPE, check=True).stdout
    rows = np.frombuffer(output, dtype).reshape(batch, -1, model.card.output_size)
    return (rows[:, :-1] if all_steps else rows[:, 0]), rows[:, -1]
