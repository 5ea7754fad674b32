"""Exported C, compiled by the host's compiler: every logit has the bits that Python gives."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

import hadamrnn_ext as hr
from arduino_rules import FIELDS
from compiled import EVERY_STEP
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.export.arduino import ARCHITECTURES
from hadamrnn_ext.file.pool import Pool
from hadamrnn_ext.file.preprocess import Preprocess
from hadamrnn_ext.golden import integers as golden_integer

COMPILER = shutil.which("cc") or shutil.which("gcc")
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

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")


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


def integers(model, net, x):
    """x as the integers that exported code reads."""
    if model.card.input == "tokens":
        return x
    features = model.card.integer.input
    kind = (np.int8 if features.signed else np.uint8) if features.bits <= 8 else np.int16
    return golden_integer.quantize_input(net, x).astype(kind)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("kind", KINDS)
def test_integer_models(rng, make_model, integer_network, tmp_path, kind, bits):
    floats = make_model(rng, **KINDS[kind])
    x = draw(rng, floats, 2, 30)
    model = floats.quantize(
        x[:, :11], state_bits=bits, input_bits=bits if bits < 16 else 8, readout="integer"
    )
    net = integer_network(model)
    codes = integers(model, net, x)
    np.testing.assert_array_equal(hr.export.c_input(model, x), codes, strict=True)
    y, end = run_c(model, tmp_path, codes, np.int32)
    states = golden_integer.hidden(net, x)[-1]
    mean = net.output == "mean"
    read = golden_integer.mean(net, states, np.full(len(x), 30)) if mean else states[:, -1]
    np.testing.assert_array_equal(end, golden_integer.integer_logits(net, read))
    scale = np.float32(model.card.integer.logit_scale)
    np.testing.assert_array_equal(y.astype(np.float32) * scale, model.infer(x), strict=True)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("kind", KINDS)
def test_popcount(rng, make_model, tmp_path, kind, bits):
    """Bit planes give what the fast transform gives."""
    floats = make_model(rng, **KINDS[kind])
    x = draw(rng, floats, 2, 30)
    model = floats.quantize(x[:, :11], state_bits=bits, readout="integer")
    if any(hr.hadamard.construction(layer.block_size) != "sylvester" for layer in floats.card.layers):
        with pytest.raises(InputError, match="transform='popcount' with blocks of order "):
            hr.export.c(model, tmp_path, "net", "popcount")
        assert not list(tmp_path.iterdir())
        return
    codes = hr.export.c_input(model, x)
    y, end = run_c(model, tmp_path / "planes", codes, np.int32, "popcount")
    expected, expected_end = run_c(model, tmp_path / "lanes", codes, np.int32)
    np.testing.assert_array_equal(y, expected, strict=True)
    np.testing.assert_array_equal(end, expected_end, strict=True)


@pytest.mark.parametrize("kind", [*KINDS, *FORGETTING])
def test_float_models(rng, make_model, tmp_path, kind):
    model = make_model(rng, **{**KINDS, **FORGETTING}[kind])
    x = draw(rng, model, 2, 30)
    np.testing.assert_array_equal(hr.export.c_input(model, x), x, strict=True)
    y, end = run_c(model, tmp_path, x, np.float32)
    expected = model.infer(x)
    np.testing.assert_array_equal(y.view(np.uint32), expected.view(np.uint32), strict=True)
    last = expected[:, -1] if model.card.output == "all" else expected
    np.testing.assert_array_equal(end.view(np.uint32), last.view(np.uint32), strict=True)


@pytest.mark.parametrize("recurrence", ["linear", "relu", "modrelu", "sign"])
@pytest.mark.parametrize(
    ("sizes", "output"), [(((20, 20),), "all"), (((24, 8), (12, 12)), "last"), (((16, 16),), "mean")]
)
def test_what_is_not_finite(rng, make_model, tmp_path, sizes, output, recurrence):
    """NaN, infinities and states that overflow leave NaN where Model.infer has it."""
    model = make_model(rng, sizes=sizes, output=output, recurrence=recurrence, weight_bits=None)
    x = draw(rng, model, 5, 30)
    x[0, 20, 1], x[1, 29] = np.nan, np.inf
    x[2, 10], x[3, 10], x[3, 11] = 1e38, 3e38, -3e38
    y, _ = run_c(model, tmp_path, x, np.float32)
    expected = model.infer(x, check_finite=False)
    assert np.isnan(expected[0, 20:] if output == "all" else expected[0]).all()
    np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))
    bits = [np.where(np.isnan(logits), np.float32(0), logits).view(np.uint32) for logits in (y, expected)]
    np.testing.assert_array_equal(*bits, strict=True)


@pytest.mark.parametrize("kind", FORGETTING)
def test_an_answer_after_every_step(rng, make_model, tmp_path, kind):
    """A stream that is never reset, asked as it goes; pools of either kind, and a card that says "last"."""
    model = make_model(rng, **FORGETTING[kind])
    x = draw(rng, model, 1, 30)
    hr.export.c(model, tmp_path, "net")
    (tmp_path / "driver.c").write_text(EVERY_STEP)
    command = [COMPILER, *FLAGS, "net.c", "driver.c", "-o", "driver"]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "driver"], input=x.tobytes(), stdout=subprocess.PIPE, check=True)
    y = np.frombuffer(done.stdout, np.uint32).reshape(30, -1)
    for t in (1, 2, 13, 30):
        expected = model.infer(x[:, :t])
        expected = expected[0, -1] if model.card.output == "all" else expected[0]
        np.testing.assert_array_equal(y[t - 1], expected.view(np.uint32), strict=True)


@pytest.mark.parametrize("phi", [None, "relu", "clip"])
@pytest.mark.parametrize("pool", [Pool(2), Pool(1, excess=False, time_constant=3)], ids=str)
def test_what_is_not_finite_in_a_network_that_forgets(rng, make_model, tmp_path, pool, phi):
    """NaN passes thresholds, activations and differences; the step after infinity, and what a clip makes of it."""
    fields = {"input_activation": phi, "pool": pool, "decays": True, "differences": True, "output": "all"}
    model = make_model(rng, sizes=((24, 12),), weight_bits=None, **fields)
    x = draw(rng, model, 5, 30)
    x[0, 20, 1], x[1, 19], x[2, 0, 0] = np.nan, np.inf, -np.inf
    x[3, 10], x[4, 10], x[4, 11] = 1e38, 3e38, -3e38
    y, _ = run_c(model, tmp_path, x, np.float32)
    expected = model.infer(x, check_finite=False)
    assert np.isnan(expected[0, 20:]).all()
    assert np.isfinite(expected[:2, :19]).all()
    np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))
    bits = [np.where(np.isnan(logits), np.float32(0), logits).view(np.uint32) for logits in (y, expected)]
    np.testing.assert_array_equal(*bits, strict=True)


def test_a_fitted_model_answers_on_raw_values(tmp_path):
    """What hr.fit makes, with its normalization: name_prepare, name_step, name_logits as Model.infer."""
    rng = np.random.default_rng(5)
    labels = np.arange(60) % 3
    phase = rng.uniform(0, 6, (60, 1))
    x = np.sin(np.arange(50) * (0.2 + 0.15 * labels)[:, None] + phase)[:, :, None]
    x = np.concatenate([20 + 3 * x, 0.01 * rng.normal(size=x.shape)], axis=2).astype(np.float32)
    model = hr.fit(x, labels, hidden_size=64).model
    assert model.card.forgets
    hr.export.c(model, tmp_path, "net")
    command = [COMPILER, *FLAGS, "-I.", "net.c", "examples/net/main.c", "-o", "example"]
    subprocess.run(command, cwd=tmp_path, check=True)
    for row in x[:6]:
        raw = hr.export.c_raw(model, row[None])
        done = subprocess.run([tmp_path / "example"], input=raw.tobytes(), stdout=subprocess.PIPE, check=True)
        logits = np.array([float.fromhex(word) for word in done.stdout.decode().split()], np.float32)
        np.testing.assert_array_equal(logits.view(np.uint32), model.infer(row).view(np.uint32))


def test_real_digits(tmp_path, integer_network):
    """The bundled pmnist model at 12 bits reads the bundled digits as bytes."""
    floats = hr.load("pmnist")
    images, labels = hr.zoo.samples("pmnist")
    images, labels = images[:20].reshape(-1, 784, 1), labels[:20]
    model = floats.quantize(images, readout="integer")
    order = model.card.preprocess.permutation.indices()
    codes = hr.export.c_input(model, images)
    np.testing.assert_array_equal(codes, images[:, order], strict=True)
    y, _ = run_c(model, tmp_path, codes, np.int32)
    expected = model.infer(images)
    np.testing.assert_array_equal(y.astype(np.float32) * np.float32(model.card.integer.logit_scale), expected)
    assert (y.argmax(axis=1) == floats.infer(images).argmax(axis=1)).mean() >= 0.95
    assert "typedef uint8_t net_input;" in (tmp_path / "net.h").read_text()


def test_an_integer_model_has_neither_float_nor_heap_nor_stdio(rng, make_model, tmp_path):
    floats = make_model(rng, **KINDS["modrelu layers"])
    hr.export.c(floats.quantize(draw(rng, floats, 2, 9), readout="integer"), tmp_path, "net")
    text = (tmp_path / "net.c").read_text()
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    assert not re.search(
        r"\b(float|double|malloc|calloc|free|printf)\b|math\.h|stdio\.h|stdlib\.h|\d\.\d", code
    )
    assert "float" not in (tmp_path / "net.h").read_text()
    subprocess.run(
        [COMPILER, *FLAGS, "-ffreestanding", "-c", "net.c", "-o", "net.o"], cwd=tmp_path, check=True
    )
    names = subprocess.run(
        ["nm", "-u", "net.o"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert not set(re.findall(r"U (\w+)", names)) - {
        "memset",
        "memcpy",
        "__stack_chk_fail",
        "_GLOBAL_OFFSET_TABLE_",
    }


def test_small_states_take_16_bits(rng, make_model, tmp_path):
    floats = make_model(rng, sizes=((64, 32),), input_size=1)
    x = draw(rng, floats, 2, 9)
    hr.export.c(floats.quantize(x, state_bits=10, readout="integer"), tmp_path / "ten", "net")
    hr.export.c(floats.quantize(x, state_bits=12, readout="integer"), tmp_path / "twelve", "net")
    assert "int16_t z0[64];" in (tmp_path / "ten" / "net.h").read_text()
    assert "int32_t z0[64];" in (tmp_path / "twelve" / "net.h").read_text()


@pytest.mark.parametrize("bits", [12, 16])
def test_states_of_small_blocks_take_16_bits(rng, make_model, tmp_path, bits):
    """Their sums, of 32 bits, are those of one block at a time: of both layers here, which saturate at 16 bits too."""
    floats = make_model(rng, sizes=((64, 16), (96, 24)), output="all")
    x = draw(rng, floats, 2, 30)
    model = floats.quantize(x[:, :5] / 4, state_bits=bits, readout="integer")
    y, _ = run_c(model, tmp_path, hr.export.c_input(model, x), np.int32)
    scale = np.float32(model.card.integer.logit_scale)
    np.testing.assert_array_equal(y.astype(np.float32) * scale, model.infer(x), strict=True)
    header = (tmp_path / "net.h").read_text()
    assert "int16_t z0[64];" in header
    assert "int16_t z1[96];" in header
    assert "#define NET_LOCAL_BYTES 144 " in header  # sums of 24 units, and 12 of its base matrix


def test_inputs_at_their_limits(rng, make_model, tmp_path):
    """The largest inputs of 16 bits times the largest codes, of an odd number of features."""
    model = make_model(rng, sizes=((16, 8),), input_size=7)
    x = draw(rng, model, 2, 20)
    model = model.quantize(x, input_bits=16, readout="integer")
    x = np.sign(x) * np.abs(x).max()
    x[1] = np.abs(x[1])
    codes = hr.export.c_input(model, x)
    assert codes.min() == -32767
    assert codes.max() == 32767
    y, _ = run_c(model, tmp_path, codes, np.int32)
    scale = np.float32(model.card.integer.logit_scale)
    np.testing.assert_array_equal(y.astype(np.float32) * scale, model.infer(x), strict=True)


def test_few_biases_take_a_byte_each(rng, make_model, tmp_path):
    """Where there are few different ones, as of a model that was trained with few bits for them; none of them changes."""
    floats = make_model(rng, sizes=((64, 64),), bias_bits=3)
    model = floats.quantize(draw(rng, floats, 2, 9), readout="integer")
    for each, kind in ((floats, "float"), (model, "int32_t")):
        hr.export.c(each, tmp_path, "net")
        text = (tmp_path / "net.c").read_text()
        different = len(np.unique(each.parameters()["layers.0.bias"]))
        assert different <= 8
        assert f"static const {kind} bias0_values[{different}] IN_FLASH" in text
        assert "static const uint8_t bias0[64] IN_FLASH" in text
    hr.export.c(make_model(rng, sizes=((64, 64),)), tmp_path, "net")
    assert "static const float bias0[64] IN_FLASH" in (tmp_path / "net.c").read_text()


def test_states_of_signs_from_training_to_c(tmp_path):
    """Trained with one bit a unit; XNOR-popcount then runs the recurrence, in C too."""
    torch = pytest.importorskip("torch")
    from hadamrnn_ext import nn

    torch.manual_seed(1)
    trained = nn.SequenceModel(3, 64, 3, 16, recurrence="sign", weight_bits=4)
    x = torch.randn(1000, 8, 3)
    labels = x[:, -3:].sum(1).argmax(1)  # of the last steps: states of one bit forget
    optimizer = torch.optim.Adam(trained.parameters(), 1e-2)
    for i in range(150):
        batch = torch.arange(100) + i % 8 * 100
        optimizer.zero_grad()
        trained.loss(x[batch], labels[batch]).backward()
        optimizer.step()
    x, labels = x.numpy(), labels.numpy()
    test = slice(800, None)
    model = trained.to_native().quantize(x[:800], readout="integer")
    assert model.card.integer.layers[0].state_bits == 1
    assert (model.infer(x[test]).argmax(1) == labels[test]).mean() > 0.7
    xnor = hr.Model(model.card, model.tensors, "xnor").infer(x[test])
    np.testing.assert_array_equal(xnor, model.infer(x[test]))
    codes = hr.export.c_input(model, x[test])
    for transform in ("fwht", "popcount"):
        _, logits = run_c(model, tmp_path / transform, codes, np.int32, transform)
        scale = np.float32(model.card.integer.logit_scale)
        np.testing.assert_array_equal(logits.astype(np.float32) * scale, xnor)


def test_the_example_reads_bytes(rng, make_model, tmp_path):
    floats = make_model(rng, sizes=((16, 16),), input_size=1, preprocess=Preprocess(uint8_scale=1 / 255))
    pixels = rng.integers(0, 256, (1, 40, 1), dtype=np.uint8)
    model = floats.quantize(pixels, readout="integer")
    paths = hr.export.c(model, tmp_path / "library", "net")
    assert sorted(str(path.relative_to(tmp_path / "library")) for path in paths) == [
        "CMakeLists.txt",
        "examples/net/main.c",
        "examples/serial/serial.ino",
        "idf_component.yml",
        "library.json",
        "library.properties",
        "net.c",
        "net.h",
        "zephyr/CMakeLists.txt",
        "zephyr/module.yml",
    ]
    command = [COMPILER, *FLAGS, "-I.", "net.c", "examples/net/main.c", "-o", "example"]
    subprocess.run(command, cwd=tmp_path / "library", check=True)
    printed = subprocess.run(
        [str(tmp_path / "library" / "example")], input=pixels.tobytes(), stdout=subprocess.PIPE, check=True
    ).stdout
    logits = np.array(printed.split(), np.float32) * np.float32(model.card.integer.logit_scale)
    np.testing.assert_array_equal(logits, model.infer(pixels)[0])


def test_arduino_and_platformio_find_what_they_need(rng, make_model, tmp_path):
    """library.properties as the Arduino library specification wants it, library.json as PlatformIO does."""
    hr.export.c(make_model(rng), tmp_path, "net")
    properties = dict(
        line.split("=", 1) for line in (tmp_path / "library.properties").read_text().splitlines()
    )
    assert set(FIELDS) <= set(properties)
    assert all(properties.values())
    assert properties["category"] == "Data Processing"  # one of the specification's list
    assert properties["architectures"] == ",".join(ARCHITECTURES)
    assert re.fullmatch(r"\d+\.\d+\.\d+", properties["version"])
    assert (tmp_path / properties["includes"]).is_file()
    assert (tmp_path / f"{properties['name']}.c").is_file()  # sources lie beside the properties
    facts = json.loads((tmp_path / "library.json").read_text())
    assert facts["name"] == "net"
    assert facts["version"] == properties["version"]
    assert (tmp_path / facts["headers"]).is_file()
    assert facts["build"]["srcFilter"] == ["+<net.c>"]  # the example has a main of its own
    assert facts["platforms"] == sorted(set(ARCHITECTURES.values()))


def test_labels_cannot_leave_their_comment(rng, make_model, tmp_path):
    labels = ("*/ int evil;", "two\n#error", "\\")
    hr.export.c(make_model(rng, labels=labels), tmp_path, "net")
    text = (tmp_path / "net.h").read_text()
    assert "Labels, in order: ?? int evil?, two??error, ?." in text
    subprocess.run([COMPILER, *FLAGS, "-c", "net.c", "-o", "net.o"], cwd=tmp_path, check=True)


def test_a_float_readout_is_refused(rng, make_model, tmp_path):
    floats = make_model(rng)
    with pytest.raises(InputError, match="readout is in float; expected readout='integer'"):
        hr.export.c(floats.quantize(draw(rng, floats, 1, 5)), tmp_path)


def test_the_same_model_gives_the_same_bytes_on_every_machine(rng, make_model, tmp_path):
    """Neither the kernel nor the instruction set that ran here, no date and no path."""
    model = make_model(rng, sizes=((16, 16),), recurrence="sign")
    written = []
    for kernel in ("fwht", "dense", "masked_add"):
        here = tmp_path / kernel
        paths = hr.export.c(hr.Model(model.card, model.tensors, kernel), here, "net")
        written.append({path.relative_to(here): path.read_bytes() for path in paths})
    assert written[0] == written[1] == written[2]
    text = b"".join(written[0].values()).decode()
    assert model.isa not in text
    assert "dense" not in text
    assert str(tmp_path) not in text
    assert not re.search(r"\b20[2-9]\d\b", text.replace("2502.00047", ""))


@pytest.mark.parametrize(("integer", "transform"), [(False, "fwht"), (True, "fwht"), (True, "popcount")])
def test_streams_side_by_side_share_nothing(rng, make_model, tmp_path, integer, transform):
    """Their steps may alternate; and no table can be written to."""
    floats = make_model(rng, sizes=((24, 8), (16, 16)), recurrence="relu", output="mean")
    x = draw(rng, floats, 2, 20)
    model = floats.quantize(x, readout="integer") if integer else floats
    hr.export.c(model, tmp_path, "net", transform)
    (tmp_path / "driver.c").write_text(SIDE_BY_SIDE)
    command = [COMPILER, *FLAGS, "net.c", "driver.c", "-o", "driver"]
    subprocess.run(command, cwd=tmp_path, check=True)
    given = hr.export.c_input(model, x).tobytes()
    printed = subprocess.run([tmp_path / "driver"], input=given, stdout=subprocess.PIPE, check=True).stdout
    y = np.frombuffer(printed, np.int32 if integer else np.float32).reshape(2, -1)
    if integer:
        y = y.astype(np.float32) * np.float32(model.card.integer.logit_scale)
    np.testing.assert_array_equal(y, model.infer(x), strict=True)
    subprocess.run([COMPILER, *FLAGS, "-c", "net.c", "-o", "net.o"], cwd=tmp_path, check=True)
    symbols = subprocess.run(["nm", "net.o"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert not re.findall(r"^\S+ [bBdDcC] .*", symbols, re.MULTILINE)


SIDE_BY_SIDE = """
#include <stdio.h>
#include "net.h"
static net_state states[2];
int main(void) {
    static net_input x[2][20 * NET_INPUT_SIZE];
    static net_logit y[2][NET_OUTPUT_SIZE];
    unsigned t;
    if (fread(x, sizeof x, 1, stdin) != 1) return 1;
    net_init(&states[1]);
    net_init(&states[0]);
    for (t = 0; t < 20; ++t) {
        net_step(&states[0], x[0] + t * NET_INPUT_SIZE);
        net_logits(&states[t % 2], y[0]);
        net_step(&states[1], x[1] + t * NET_INPUT_SIZE);
    }
    net_logits(&states[0], y[0]);
    net_logits(&states[1], y[1]);
    return fwrite(y, sizeof y, 1, stdout) != 1;
}
"""
