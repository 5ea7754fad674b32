"""Exported C is clean for every compiler and processor that the project names, as C99, as C++, and as Arduino has it."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.export.arduino import ARCHITECTURES
from hadamrnn_ext.file.pool import Pool
from hadamrnn_ext.file.preprocess import Normalization, Preprocess

STRICT = [
    "-Wall",
    "-Wextra",
    "-Werror",
    "-pedantic",
    "-Wconversion",
    "-Wdouble-promotion",
    "-Wshadow",
    "-Wcast-qual",
    "-Wundef",
    "-Wvla",
    "-Os",
]
C99, CXX = ["-std=c99", "-Wstrict-prototypes", "-Wmissing-prototypes"], ["-x", "c++", "-std=c++17"]
GNU = ["-std=gnu11"]  # as Arduino has it
ARM = ["arm-none-eabi-gcc", "-mthumb", "-ffreestanding"]
RISC_V = ["riscv64-unknown-elf-gcc", *C99, "-ffreestanding"]

COMPILERS = {
    "gcc": ["gcc", *C99],
    "g++": ["g++", *CXX],
    "clang": ["clang", *C99],
    "clang++": ["clang++", *CXX],
    "msp430": [
        "clang",
        *C99,
        "--target=msp430",
        "-ffreestanding",
    ],  # int has 16 bits, and flash no instructions
    "atmega328p": ["avr-gcc", *C99, "-mmcu=atmega328p"],
    "atmega32u4": ["avr-gcc", *GNU, "-mmcu=atmega32u4"],
    "atmega2560": ["avr-gcc", *GNU, "-mmcu=atmega2560"],
    "atmega2560, C++": ["avr-g++", "-x", "c++", "-std=gnu++11", "-mmcu=atmega2560"],
    "cortex-m0": [*ARM, *C99, "-mcpu=cortex-m0"],
    "cortex-m0plus": [*ARM, *GNU, "-mcpu=cortex-m0plus"],
    "cortex-m3": [*ARM, *GNU, "-mcpu=cortex-m3"],
    "cortex-m4": [*ARM, *GNU, "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
    "rv32imc": [*RISC_V, "-march=rv32imc", "-mabi=ilp32"],
    "rv32imac": [*RISC_V, "-march=rv32imac", "-mabi=ilp32"],
    "rv32ec": [*RISC_V, "-march=rv32ec", "-mabi=ilp32e"],
    "rv64gc": [*RISC_V, "-march=rv64gc", "-mabi=lp64d"],
    "lx106": ["xtensa-lx106-elf-gcc", *GNU, "-ffreestanding"],
    "mips": ["mips-linux-gnu-gcc", *C99],
}

#: The processors of the boards of Arduino's architectures.
ARDUINO = {
    "avr": ("atmega328p", "atmega32u4", "atmega2560"),
    "esp32": (
        "rv32imc",
        "lx106",
    ),  # there is no compiler for its LX6 and LX7, which have all that an LX106 has
    "esp8266": ("lx106",),
    "mbed_nano": ("cortex-m4",),
    "mbed_rp2040": ("cortex-m0plus",),
    "nrf52": ("cortex-m4",),
    "renesas_uno": ("cortex-m4",),
    "rp2040": ("cortex-m0plus",),
    "sam": ("cortex-m3",),
    "samd": ("cortex-m0plus", "cortex-m4"),
}

KINDS = {
    "features": {"sizes": ((64, 64),), "input_size": 1},
    "paley": {"sizes": ((48, 24),), "recurrence": "modrelu", "weight_bits": 5, "output_weight_bits": 8},
    "one_unit": {"sizes": ((1, 1),), "output_size": 1, "weight_bits": 2, "output_weight_bits": 6},
    "onehot": {"sizes": ((32, 32),), "input": "tokens", "input_size": 10, "output": "all"},
    "embedding": {"sizes": ((16, 4),), "input": "tokens", "input_size": 7, "embedding_size": 5},
    "floats": {"sizes": ((20, 20),), "weight_bits": None, "output_weight_bits": None},
    "large": {"sizes": ((512, 32), (256, 64))},
    "large_paley": {"sizes": ((384, 384),)},
    "mean": {"sizes": ((32, 32),), "output": "mean", "recurrence": "relu"},
    "layers": {"sizes": ((40, 8), (64, 64), (96, 32)), "output": "all"},
    "sign_layers": {"sizes": ((24, 8), (16, 16)), "recurrence": "sign", "output": "mean"},
    "normalized": {"preprocess": Preprocess(normalization=Normalization((1.0, -2.0), (3.0, 0.01)))},
    "pixels": {"input_size": 1, "preprocess": Preprocess(uint8_scale=1 / 255)},
    "normalized_pixels": {
        "preprocess": Preprocess(uint8_scale=1 / 255, normalization=Normalization((0.5, 0.4), (0.2, 0.3)))
    },
}
#: Networks that forget, as float models and with integer states.
FORGETTING = {
    "pool": {
        "sizes": ((24, 12), (16, 16)),
        "decays": True,
        "input_activation": "clip",
        "differences": True,
        "pool": Pool(2),
        "preprocess": Preprocess(normalization=Normalization((1.0, -2.0), (3.0, 0.01))),
    },
    "running_pool": {
        "input": "tokens",
        "input_size": 10,
        "input_activation": "relu",
        "pool": Pool(1, excess=False, time_constant=3),
        "output": "all",
    },
}


@pytest.fixture(scope="module")
def sources(make_model, tmp_path_factory):
    """Every kind of model as a library of its own: in floats, integers, bit planes; of 8, 12 and 16 bits."""
    folder, rng = tmp_path_factory.mktemp("libraries"), np.random.default_rng(20250203)
    models = []
    for kind, bits in zip(KINDS, itertools.cycle((8, 12, 16))):
        floats = make_model(rng, **KINDS[kind])
        model = floats.quantize(sample(rng, floats), state_bits=bits, readout="integer")
        models += [(floats, f"{kind}_float", "fwht"), (model, f"{kind}_{bits}", "fwht")]
        if all(hr.hadamard.construction(layer.block_size) == "sylvester" for layer in floats.card.layers):
            models.append((model, f"{kind}_planes", "popcount"))
    for kind, fields in FORGETTING.items():
        models.append((make_model(rng, **fields), f"{kind}_float", "fwht"))
        floats = make_model(
            rng, **{**fields, "sizes": ((64, 64),)}
        )  # one layer, as integer models that forget have
        for bits, readout in ((8, "integer"), (12, "integer"), (8, "float")):
            model = floats.quantize(sample(rng, floats), bits, readout=readout)
            models.append((model, f"{kind}_{bits}_{readout}", "fwht"))
    for model, name, transform in models:
        hr.export.c(model, folder, name, transform)
    return [folder / f"{name}.c" for _, name, _ in models]


def sample(rng, model):
    if model.card.input == "tokens":
        return rng.integers(0, model.card.input_size, (2, 10)).astype(np.int32)
    if model.card.preprocess.uint8_scale is not None:
        return rng.integers(0, 256, (2, 10, model.card.input_size)).astype(np.uint8)
    return rng.normal(size=(2, 10, model.card.input_size)).astype(np.float32)


def compile_all(command, sources, folder, result="-c"):
    """Without a single warning."""
    if shutil.which(command[0]) is None and not os.environ.get("HADAMRNN_CI"):
        pytest.skip(f"there is no {command[0]}")
    done = subprocess.run(
        [*command, *STRICT, result, *map(str, sources)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("compiler", COMPILERS)
def test_no_warnings(sources, tmp_path, compiler):
    compile_all(COMPILERS[compiler], sources, tmp_path)


@pytest.mark.parametrize("prepared", [[], ["-DPREPARED"]], ids=str)
def test_examples(sources, tmp_path, prepared):
    folder = sources[0].parent
    for source in sources:
        example = folder / "examples" / source.stem / "main.c"
        (tmp_path / source.name).write_text(example.read_text())
    copies = sorted(tmp_path.iterdir())
    compile_all([*COMPILERS["gcc"], *prepared, "-I", str(folder)], copies, tmp_path)


@pytest.mark.parametrize(
    "command",
    [COMPILERS["cortex-m4"], ["clang", *GNU, "--target=aarch64-none-elf", "-ffreestanding"]],
    ids=str,
)
def test_products_and_sums_are_never_one_operation(sources, tmp_path, command):
    """Which compilers make of them on a processor that has it: other bits than those of `Model.infer`."""
    (tmp_path / "f.c").write_text(
        "float f(float, float, float);\nfloat f(float a, float b, float c) { return a * b + c; }\n"
    )
    floats = [source for source in sources if source.stem.endswith("_float")]
    compile_all(command, [*floats, tmp_path / "f.c"], tmp_path, "-S")
    fused = {
        path.stem: bool(re.search(r"\bv?fn?m(a|add|sub)\b", path.read_text()))
        for path in tmp_path.glob("*.s")
    }
    assert fused.pop("f")  # this compiler does it
    assert fused == dict.fromkeys((source.stem for source in floats), False)


def test_what_the_library_claims_is_what_was_compiled(rng, make_model, tmp_path):
    assert set(ARCHITECTURES) == set(ARDUINO)
    assert {name for names in ARDUINO.values() for name in names} <= set(COMPILERS)
    hr.export.c(make_model(rng), tmp_path, "net")
    line = f"architectures={','.join(sorted(ARDUINO))}\n"
    assert line in (tmp_path / "library.properties").read_text()


def test_tables_that_an_avr_cannot_reach(rng, make_model, tmp_path):
    """Pointers of 16 bits end at 64 kB: an error of the compiler, and no claim."""
    hr.export.c(
        make_model(rng, sizes=((128, 128),), input="tokens", input_size=1000, weight_bits=4), tmp_path, "net"
    )
    assert "architectures=esp32," in (tmp_path / "library.properties").read_text()
    assert "atmelavr" not in (tmp_path / "library.json").read_text()
    assert '#error "the tables take ' in (tmp_path / "net.c").read_text()
    compile_all(COMPILERS["cortex-m0"], [tmp_path / "net.c"], tmp_path)
    if shutil.which("avr-gcc") is not None:
        done = subprocess.run(
            [*COMPILERS["atmega2560, C++"], "-c", "net.c"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        assert "bytes, and an AVR reads 65536 at most" in done.stderr


def test_a_program_in_cpp_links_a_library_in_c(rng, make_model, tmp_path):
    if (shutil.which("g++") is None or shutil.which("gcc") is None) and not os.environ.get("HADAMRNN_CI"):
        pytest.skip("there is no gcc or no g++")
    hr.export.c(make_model(rng), tmp_path, "net")
    (tmp_path / "main.cpp").write_text("""
#include "net.h"
int main() {
    static net_state state;
    const net_input x[NET_INPUT_SIZE] = {};
    net_logit logits[NET_OUTPUT_SIZE];
    net_init(&state);
    net_run(&state, x, 1, logits);
}
""")
    subprocess.run(["gcc", "-std=c99", "-c", "net.c"], cwd=tmp_path, check=True)
    subprocess.run(["g++", "-std=c++17", "main.cpp", "net.o", "-o", "main"], cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "main"], check=True)
