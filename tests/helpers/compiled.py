"""Exported C, compiled by the host's compiler and asked after every step."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np

import hadamrnn_ext as hr

__all__ = ["COMPILER", "EVERY_STEP", "SANITIZERS", "STRICT", "build", "every_step"]

COMPILER = shutil.which("cc") or shutil.which("gcc")
STRICT = [
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-pedantic",
    "-Wconversion",
    "-Wdouble-promotion",
    "-Wshadow",
    "-O1",
]
SANITIZERS = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
EVERY_STEP = """
#include <stdio.h>
#include "net.h"
int main(void) {
    static net_state state;
    net_input x[NET_INPUT_SIZE];
    net_logit y[NET_OUTPUT_SIZE];
    net_init(&state);
    while (fread(x, sizeof x, 1, stdin) == 1) {
        net_step(&state, x);
        net_logits(&state, y);
        if (fwrite(y, sizeof y, 1, stdout) != 1) return 1;
    }
    return 0;
}
"""


def every_step(model, folder, x, **options):
    """The logits after every step of one sequence x (T, ..), (T, o) float32; ``options`` are those of ``build``."""
    return build(model, folder, **options)(x)


def build(model, folder, compiler=COMPILER, sanitized=True, **options):
    """The function ``every_step`` of a model, exported and compiled once; ``options`` go to ``export.c``."""
    hr.export.c(model, folder, "net", **options)
    (folder / "driver.c").write_text(EVERY_STEP)
    command = [compiler, *STRICT, *SANITIZERS * sanitized, "net.c", "driver.c", "-o", "driver"]
    subprocess.run(command, cwd=folder, check=True)
    kind = re.search(r"typedef (\w+) net_logit;", (folder / "net.h").read_text())[1]
    dtype = np.float32 if kind == "float" else kind.removesuffix("_t")
    scale = None if model.card.integer is None else model.card.integer.logit_scale

    def run(x):
        given = hr.export.c_input(model, x[None]).tobytes()
        printed = subprocess.run([folder / "driver"], input=given, stdout=subprocess.PIPE, check=True).stdout
        y = np.frombuffer(printed, dtype).reshape(len(x), model.card.output_size)
        return y if scale is None else y.astype(np.float32) * np.float32(scale)

    return run
