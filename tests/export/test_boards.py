"""Exported C on emulated boards: every logit has the bits that Python gives; what it takes meets its targets."""

from __future__ import annotations

import os
import re
import sys

import numpy as np
import pytest

import hadamrnn_ext as hr
from boards import __main__ as command
from boards import bundled
from boards.proof import dense_figures, fit, model_figures
from boards.table import BOARDS, missing_tools
from hadamrnn_ext.data import copy
from hadamrnn_ext.file.pool import Pool
from hadamrnn_ext.file.preprocess import Normalization, Preprocess

KINDS = {
    "blocks": {"sizes": ((96, 32),), "input_size": 4, "output": "all"},
    "paley": {"sizes": ((48, 24),), "recurrence": "modrelu", "weight_bits": 5, "output_weight_bits": 8},
    "embedding": {"sizes": ((16, 4),), "input": "tokens", "input_size": 7, "embedding_size": 5},
    "layers": {"sizes": ((24, 12), (16, 16), (8, 1)), "output": "all", "recurrence": "relu"},
    "mean": {"sizes": ((64, 32),), "output": "mean"},
    "large": {"sizes": ((256, 32), (16, 8)), "input_size": 1},
    "sign layers": {"sizes": ((32, 32), (16, 16)), "recurrence": "sign"},
}


@pytest.fixture(params=BOARDS)
def board(request):
    return existing(request.param)


def existing(name):
    board = BOARDS[name]
    problem = missing_tools([board])
    if problem is not None and not os.environ.get("HADAMRNN_CI"):
        pytest.skip(problem)
    return board


def draw(rng, model, *shape):
    if model.card.input == "tokens":
        return rng.integers(0, model.card.input_size, shape).astype(np.int32)
    return rng.normal(size=(*shape, model.card.input_size)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_integer_models(rng, make_model, board, kind):
    floats = make_model(rng, **KINDS[kind])
    x = draw(rng, floats, 2, 30)
    figures, equal = model_figures(floats.quantize(x, readout="integer"), x, board)
    assert equal
    assert figures.data_bytes == 0  # tables lie in flash, and two sequences share nothing


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", ["blocks", "layers", "mean"])
def test_states_and_inputs_of_other_widths(rng, make_model, board, kind, bits):
    floats = make_model(rng, **KINDS[kind])
    x = draw(rng, floats, 2, 20)
    model = floats.quantize(x, state_bits=bits, input_bits=bits, readout="integer")
    _, equal = model_figures(model, 1.5 * x, board)  # states and inputs saturate
    assert equal


@pytest.mark.parametrize("sizes", [((64, 64), (64, 32)), ((24, 8), (16, 16)), ((8, 1), (32, 2))], ids=str)
@pytest.mark.parametrize("recurrence", ["sign", "relu"])
def test_popcount(rng, make_model, board, sizes, recurrence):
    """Bit planes: blocks of less than a word lie in either half of it."""
    floats = make_model(rng, sizes=sizes, recurrence=recurrence)
    x = draw(rng, floats, 2, 20)
    _, equal = model_figures(floats.quantize(x, readout="integer"), x, board, "popcount")
    assert equal


FORGETTING = {
    "pool": {
        "sizes": ((24, 12), (16, 16)),
        "decays": True,
        "input_activation": "clip",
        "differences": True,
        "pool": Pool(2),
    },
    "running pool": {"decays": True, "pool": Pool(1, time_constant=3), "output": "all"},
}


@pytest.mark.parametrize("kind", [*KINDS, *FORGETTING])
def test_float_models(rng, make_model, board, kind):
    model = make_model(rng, **{**KINDS, **FORGETTING}[kind])
    figures, equal = model_figures(model, draw(rng, model, 2, 10), board)
    assert equal
    assert figures.data_bytes == 0


@pytest.mark.parametrize("readout", ["integer", "float"])
@pytest.mark.parametrize("bits", [8, 12])
@pytest.mark.parametrize("kind", FORGETTING)
def test_integer_models_that_forget(rng, make_model, board, kind, bits, readout):
    fields = {**FORGETTING[kind], "sizes": ((48, 16),) if kind == "pool" else ((96, 96),)}
    floats = make_model(rng, **fields)
    x = draw(rng, floats, 2, 20)
    model = floats.quantize(x, bits, readout=readout)
    figures, equal = model_figures(model, 1.5 * x, board)  # states and inputs saturate
    assert equal
    assert figures.data_bytes == 0


@pytest.mark.parametrize("integer", [False, True])
def test_raw_values(rng, make_model, board, integer):
    """A board that is given sensor values prepares them itself; without float in an integer model."""
    normalization = Normalization((100.0, -3.5, 0.0), (7.3, 0.01, 40.0))
    floats = make_model(
        rng, sizes=((32, 16),), input_size=3, preprocess=Preprocess(normalization=normalization)
    )
    counts = np.rint(rng.normal(size=(2, 30, 3)) * [4000, 8, 20000] + [51200, -1792, 0])
    x = (counts / 512).astype(np.float32)
    model = floats.quantize(x, readout="integer") if integer else floats
    _, equal = model_figures(model, x, board, raw=True, resolution=1 / 512 if integer else None)
    assert equal


def test_sensors():
    """har2 at 12 bits: nine features per step, two units to a multiplication; sums of 32 bits, states of 16."""
    x = hr.zoo.samples("har2")[0][:1]
    for name, instructions in (("m4", 49_000), ("m0", 73_000)):
        ours, equal = model_figures(hr.load("har2-int12"), x, existing(name))
        assert equal
        assert ours.per_step <= instructions  # what it has been
        assert ours.flash_bytes <= 4_860
        assert ours.ram_bytes <= 3_550


def test_small_blocks_take_less(rng, make_model):
    """States of 12 bits in 16, and the sums of one block."""
    floats = make_model(rng, sizes=((256, 32),), input_size=1)
    x = draw(rng, floats, 1, 30)
    figures, equal = model_figures(floats.quantize(x, readout="integer"), x, existing("m4"))
    assert equal
    assert figures.state_bytes == 2 * 256
    assert figures.ram_bytes <= 2 * 256 + 4 * 32 + 100


def test_bit_planes_take_less(rng, make_model):
    """A third of the memory, and fewer instructions where both layers are signs."""
    floats = make_model(rng, sizes=((64, 64), (64, 32)), recurrence="sign")
    x = draw(rng, floats, 2, 30)
    model = floats.quantize(x, readout="integer")
    for name in ("m0", "m4"):
        lanes, _ = model_figures(model, x, existing(name))
        planes, _ = model_figures(model, x, existing(name), "popcount")
        assert planes.state_bytes * 8 == 2 * 2 * 64
        assert planes.per_step < lanes.per_step


def test_digits():
    """pmnist at 12 bits: a tenth of the instructions of a dense network, in 7 kB of flash and 3 kB of RAM."""
    images, _ = hr.zoo.samples("pmnist")
    images = images[:1].reshape(-1, 784, 1)
    model = hr.load("pmnist-int12")
    ours, equal = model_figures(model, images, existing("m4"))
    dense = dense_figures(model, images, existing("m4"))
    assert equal
    weights = [tensor.nbytes for name, tensor in model.tensors.items() if name != "layers.0.bias"]
    assert (
        ours.constant_bytes >= sum(weights) + 1024
    )  # they are in what was measured, and biases take a byte each
    assert ours.flash_bytes <= 6_560  # what it has been
    assert ours.ram_bytes <= 2_700
    assert ours.per_step <= 61_000
    assert ours.per_step <= dense.per_step / 10


def test_copy(rng, make_model):
    """The copy task's network at 12 bits, 1000 steps: 6 kB of flash and 2 kB of RAM."""
    floats = make_model(
        rng, sizes=((128, 128),), input="tokens", input_size=10, output_size=9, output="all", weight_bits=4
    )
    tokens, _ = copy.sequences(copy.symbols(2, 0), 1000)
    model = floats.quantize(tokens, state_bits=12, readout="integer")
    ours, equal = model_figures(model, tokens, existing("m0"))
    assert equal
    assert ours.flash_bytes <= 6_000
    assert ours.ram_bytes <= 2_000


def test_the_bundled_copy_model_stays_small():
    """On an M0+ as ever, and in the 2 kB of RAM of an ATmega328P."""
    tokens, _ = copy.sequences(copy.symbols(2, 0), 1000)
    model = hr.load("copy-int12")
    ours, equal = model_figures(model, tokens, existing("m0"))
    assert equal
    assert ours.flash_bytes <= 2_341  # what it has been
    assert ours.ram_bytes <= 612
    small, equal = model_figures(model, tokens[:1, :200], existing("atmega328p"))
    assert equal
    assert small.flash_bytes <= 4_000
    assert small.ram_bytes <= 1_000


@pytest.mark.parametrize(
    ("name", "per_product"), [("m4", (4, 7)), ("rv32imc", (4, 9)), ("atmega328p", (20, 100))]
)
def test_what_is_counted(rng, make_model, name, per_product):
    """The dense network's inner loop is n^2 multiplications; five instructions each on an M4, 80 cycles on an AVR."""
    floats = make_model(rng, sizes=((64, 64),), input_size=1)
    x = draw(rng, floats, 1, 20)
    dense = dense_figures(floats.quantize(x, readout="integer"), x, existing(name))
    least, most = per_product
    assert least <= dense.per_step / 64**2 <= most
    assert dense.constant_bytes == 64 * 64 + 64 + 3 * 64 + 4 * (64 + 3)
    assert dense.state_bytes == 2 * 64
    assert 0 < dense.stack_bytes < 200


def test_a_sequence_that_flash_cannot_hold(rng, make_model):
    floats = make_model(rng, sizes=((8, 8),))
    x = draw(rng, floats, 1, 10_000)
    model = floats.quantize(x, readout="integer")
    with pytest.raises(ValueError, match="a sequence has 20000 bytes; expected 16384 at most"):
        model_figures(model, x, existing("atmega328p"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["copy-int12", "--count", "1", "--dense"],
            ["cortex-m4 under qemu-system-arm", "dense int8", "instructions per step"],
        ),
        (["copy", "--float", "--count", "1", "--board", "mips"], ["mips32r2, big-endian", "flash, bytes"]),
        (
            ["copy-int12", "--count", "1", "--board", "atmega328p"],
            ["atmega328p under simavr", "cycles per step"],
        ),
    ],
    ids=str,
)
def test_the_command_of_the_documentation(monkeypatch, capsys, options, said):
    existing(options[-1] if "--board" in options else "m4")
    monkeypatch.setattr(sys, "argv", ["boards", *options])
    command.main()
    printed = capsys.readouterr().out
    assert "logits: 9000, all equal to those of Python" in printed
    for text in said:
        assert text in printed


def test_the_tables_of_the_documentation(monkeypatch, capsys):
    """Integer models alone, a row each; of those that are quick, on boards that hold both, one, and neither."""
    names = ["m4", "atmega328p", "mips"]
    for name in names:
        existing(name)
    monkeypatch.setattr(hr, "models", lambda: ["copy", "copy-int12", "har2-small-int12", "har2-int12"])
    monkeypatch.setattr(sys, "argv", ["boards.bundled", "--boards", *names])
    bundled.main()
    boards, flash, ram, steps = (
        [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
        for table in re.findall(r"(?:^\|.*\n)+", capsys.readouterr().out, re.MULTILINE)
    )
    assert boards[3] == ["atmega328p", "atmega328p", "ATmega328P", "32 KB", "2 KB"]
    for table in (flash, ram, steps):
        assert len({len(row) for row in table}) == 1
        assert table[0][-3:] == names
        assert [row[0] for row in table[2:]] == ["copy-int12", "har2-small-int12", "har2-int12"]
    assert flash[2][1:3] == ["128 / 128", "99.99 %"]
    assert all(re.fullmatch(r"\d,\d{3} B", cell) for row in flash[2:] for cell in row[3:])
    assert all(re.fullmatch(r"(\d,)?\d{3} B", cell) for row in ram[2:4] for cell in row[1:])
    needs = re.fullmatch(r"at least (\d,\d{3}) B: does not fit, (\d,\d{3}) B too many", ram[4][2])
    least, too_many = (int(number.replace(",", "")) for number in needs.groups())
    assert least == too_many + 2048
    assert (
        512 * (2 + 4) + 4 <= least <= 512 * (2 + 4) + 400
    )  # states, their sums, and a count; work on the stack
    assert [row[3] for row in steps[2:]] == ["not counted"] * 3
    assert all(re.fullmatch(r"[\d,]+", cell) for row in steps[2:4] for cell in row[1:3])
    assert steps[4][2] == "does not fit"


@pytest.mark.parametrize("name", ["atmega328p", "rv32imc", "mips", "lx106"])
@pytest.mark.parametrize("model", ["copy-int12", "har2-small-int12"])
def test_two_tasks_on_the_smallest_boards(name, model):
    """In the 32 KB of flash and 2 KB of RAM of an ATmega328P; activities as they are sampled, 50 times a second."""
    board = existing(name)
    x = hr.zoo.samples(model)[0]
    found = fit(hr.load(model), x[:1, :100], board)
    assert found.equal
    assert found.flash_bytes <= 5_000
    assert found.ram_bytes <= 1_720
    if board.counts == "cycles":
        assert found.figures.per_step <= 16e6 / 50


def test_the_table_has_integer_models_that_forget(monkeypatch, capsys, rng, make_model):
    existing("m4"), existing("m0")
    floats = make_model(rng, sizes=((32, 8),), decays=True, pool=Pool(1))
    model = floats.quantize(draw(rng, floats, 2, 20), 8)  # with a readout in floats, as `fit` makes it
    monkeypatch.setattr(hr, "models", lambda: ["walking", "walking-int8"])
    monkeypatch.setattr(hr, "load", lambda name: model if name.endswith("int8") else floats)
    monkeypatch.setattr(hr.zoo, "samples", lambda name: (draw(rng, floats, 2, 20), None))
    monkeypatch.setattr(sys, "argv", ["boards.bundled"])
    bundled.main()
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split("|")[1].strip() for row in rows] == ["walking-int8"]


def test_a_model_that_a_board_cannot_hold(monkeypatch, rng, make_model, tmp_path):
    existing("atmega328p")
    large = make_model(rng, sizes=((1024, 1024),), input="tokens", input_size=10, output="all")
    large.save(tmp_path / "large.safetensors")
    options = [str(tmp_path / "large.safetensors"), "--float", "--task", "copy", "--board", "atmega328p"]
    monkeypatch.setattr(sys, "argv", ["boards", *options, "--count", "1"])
    with pytest.raises(SystemExit, match="avr-gcc failed: is the memory of the atmega328p too small"):
        command.main()
