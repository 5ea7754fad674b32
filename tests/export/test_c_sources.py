"""The sources of exported C: what they contain, what they leave out, and how small they keep it."""

from __future__ import annotations

import json
import re
import subprocess

import numpy as np
import pytest

import hadamrnn_ext as hr
from arduino_rules import FIELDS
from compiled import COMPILER
from exported import FLAGS, KINDS, draw, needs_compiler, run_c
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.export.arduino import ARCHITECTURES
from hadamrnn_ext.file.preprocess import Preprocess

pytestmark = needs_compiler


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
