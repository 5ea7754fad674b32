"""Integer models of networks that forget: the core against golden/forgetting.py, their constants, files and streams."""

from __future__ import annotations

import dataclasses
import itertools
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hadamrnn_ext as hr
from drawn import forgetting_model
from hadamrnn_ext import isa
from hadamrnn_ext.errors import InputError, ModelFormatError
from hadamrnn_ext.file.card import Card, LayerCard
from hadamrnn_ext.file.pool import Pool
from hadamrnn_ext.file.preprocess import Preprocess
from hadamrnn_ext.golden import floats as golden
from hadamrnn_ext.golden import forgetting
from hadamrnn_ext.integer.block_bounds import bias, block_step, problem, short

BATCH, STEPS = 3, 37
LENGTHS = np.array([STEPS, 1, 20])
POOLS = (
    None,
    Pool(1),
    Pool(3),
    Pool(2, share=False, time_constant=3),
    Pool(2, excess=False),
    Pool(1, time_constant=1),
)


@pytest.fixture(autouse=True)
def restore_isa():
    active = isa.active()
    yield
    isa.use(active)


def make(
    rng: np.random.Generator, n: int = 64, m: int = 16, recurrence: str = "linear", **fields: Any
) -> hr.Model:
    return forgetting_model(rng, **{"layers": (LayerCard(n, m, recurrence),), **fields})


def draw(rng: np.random.Generator, card: Card, *shape: int) -> np.ndarray[Any, Any]:
    shape = shape or (BATCH, STEPS)
    if card.input == "tokens":
        return rng.integers(0, card.input_size, shape)
    return rng.normal(size=(*shape, card.input_size)).astype(np.float32)


def network(model: hr.Model) -> forgetting.Network:
    """What golden/forgetting.py computes for a model."""
    card, p = model.card, model.parameters()
    integer, m = card.integer, card.layers[0].block_size
    assert integer is not None
    assert integer.blocks is not None

    def units(name: str) -> Any:
        value = p.get(f"layers.0.{name}")
        return None if value is None else np.repeat(value.astype(np.int64), m)

    def integers(name: str) -> Any:
        return p[name].astype(np.int64) if name in p else None

    layer = forgetting.Layer(
        m,
        p["layers.0.signs"].astype(np.int64),
        integer.blocks.state_bits,
        integer.blocks.fraction_bits,
        integer.blocks.product_shift,
        units("multiplier"),
        np.repeat(p["layers.0.state_scale"], m),
        units("input_shift"),
        card.layers[0].recurrence,  # type: ignore[arg-type]
    )
    return forgetting.Network(
        layer,
        p["output.codes" if integer.readout == "integer" else "output.weight"],
        p["output.bias"],
        None if integer.logit_scale is None else np.float32(integer.logit_scale),
        integers("input.codes"),
        units("input_multiplier"),
        bias(card, p),
        units("input_bound"),
        card.input_activation == "relu",
        bool(card.differences),
        None if integer.input is None else np.float32(integer.input.scale),
        (0, 0) if integer.input is None else integer.input.range,
        integers("table.codes"),
        integers("table.multiplier"),
        card.pool
        and golden.Pool(p["pool.thresholds"], card.pool.excess, card.pool.share, card.pool.time_constant),
        card.output,
    )


def is_short(model: hr.Model) -> bool:
    return short(block_step(model.card, model.parameters()))


def same(a: Any, b: Any) -> None:
    np.testing.assert_array_equal(np.asarray(a).view(np.uint32), np.asarray(b).view(np.uint32))


SHAPES = ((24, 8), (64, 16), (40, 20), (96, 8), (256, 128), (256, 256), (3, 1))
FEATURES = [
    {
        "n": n,
        "m": m,
        "input_size": d,
        "input_activation": phi,
        "differences": change,
        "pool": pool,
        "output": output,
    }
    for (n, m), d, phi, change, pool, output in itertools.product(
        SHAPES, (1, 3), (None, "relu", "clip"), (None, True), POOLS, ("last", "all", "mean")
    )
    if not (pool and output == "mean")
]
TOKENS = [
    {
        "n": n,
        "m": m,
        "input": "tokens",
        "input_size": 7,
        "embedding_size": e,
        "input_activation": phi,
        "pool": pool,
    }
    for (n, m), e, phi, pool in itertools.product(SHAPES, (None, 4), (None, "relu", "clip"), POOLS)
]


@pytest.mark.parametrize("name", isa.available())
def test_the_core_gives_the_bits_of_the_golden_model(rng, name):
    isa.use(name)
    narrow = 0
    for i, fields in enumerate(FEATURES[::19] + TOKENS[::11]):
        bits = (8, 12, 16, 8, 9)[i % 5]
        floats = make(
            rng,
            recurrence=("linear", "relu")[i % 2],
            weight_bits=(4, 8, 1, None)[i % 4],
            bias_bits=(None, 1, 8, 3)[i % 4],
            **fields,
        )
        x = draw(rng, floats.card)
        model = floats.quantize(x[:, :20], bits, readout=("float", "integer")[i // 2 % 2])  # type: ignore[arg-type]
        same(model.infer(x, LENGTHS), forgetting.forward(network(model), x, LENGTHS))
        narrow += is_short(model)
    assert narrow >= 10


@pytest.mark.parametrize("kernel", ["fwht", "masked_add", "xnor"])
@pytest.mark.parametrize("m", [16, 12])
def test_every_kernel_gives_the_same_bits(rng, kernel, m):
    floats = make(rng, 4 * m if m == 16 else 24, m, pool=Pool(2), differences=True)
    x = draw(rng, floats.card)
    model = floats.quantize(x, 8)
    assert is_short(model) == (m == 16)
    again = hr.Model(model.card, model.tensors, kernel)
    assert again.kernel == kernel
    same(again.infer(x), forgetting.forward(network(model), x))


@pytest.mark.parametrize("name", isa.available())
@pytest.mark.parametrize("m", [8, 16, 64, 128, 256])
def test_lanes_of_16_bits_at_their_limits(rng, name, m):
    """States that saturate all the time, at every width of a row, on the way to the largest sums that there are."""
    isa.use(name)
    for n in (m * 4, m * 5 if m >= 32 else m * 12, m * 8):
        floats = make(rng, n, m, pool=Pool(2), input_size=5)
        model = floats.quantize(0.05 * draw(rng, floats.card, 4, 9), 8)
        assert is_short(model) == (n % 32 == 0)
        x = rng.choice(np.float32([1e3, -1e3, 0.1]), (4, 300, 5), p=(0.49, 0.49, 0.02))
        net = network(model)
        assert model.card.integer.blocks.limit == np.abs(forgetting.hidden(net, x)).max() == 127
        same(model.infer(x), forgetting.forward(net, x))


@pytest.mark.parametrize(("bits", "most"), [(8, 128), (9, 128), (12, 16), (16, 0)])
def test_which_steps_fit_lanes_of_16_bits(rng, bits, most):
    for m in (8, 16, 32, 64, 128, 256):
        model = make(rng, 256, m, input_activation="clip").quantize(rng.normal(size=(3, 50, 2)), bits)
        assert is_short(model) == (m <= max(most, 256 if bits == 8 else 0)), m
        assert problem(block_step(model.card, model.parameters())) is None


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("output", ["last", "all"])
@pytest.mark.parametrize("bits", [8, 12])
def test_a_stream_gives_what_the_whole_sequence_gives(rng, pool, output, bits):
    floats = make(rng, differences=True, input_activation="clip", pool=pool, output=output)
    x = draw(rng, floats.card)
    model = floats.quantize(x, bits)
    stream, whole = model.stream(BATCH), model.infer(x)
    for t in range(STEPS):
        if t == 11:  # saved, loaded elsewhere, and gone on from there
            saved = stream.save()
            stream = model.stream(BATCH)
            stream.load(saved)
        y = stream.step(x[:, t])
        if output == "all":
            same(y, whole[:, t])
    if output == "last":
        same(y, whole)
    z = forgetting.hidden(network(model), x)[:, -1]
    same(stream.state[0], z.astype(np.float32) * network(model).layer.scale)


def test_streams_join_and_leave(rng):
    floats = make(rng, differences=True, pool=Pool(2))
    x = draw(rng, floats.card)
    model = floats.quantize(x, 8)
    streams = model.streams()
    a, b = streams.join(), streams.join()
    for t in range(5):
        streams.step(x[:1, t], [a])
    for t in range(STEPS):
        y = streams.step(x[1:2, t], [b])
    same(y, model.infer(x[1:2]))


def test_a_state_that_cannot_be_is_refused(rng):
    floats = make(rng, differences=True, pool=Pool(1))
    model = floats.quantize(draw(rng, floats.card), 8)
    stream = model.stream()
    stream.step([1.0, 2.0])
    h, sums, last = stream.state
    with pytest.raises(InputError, match=r"whole numbers of -127 \.\. 127"):
        stream.state = [h, sums, last + np.array([0.5, 0, 0])]
    with pytest.raises(InputError, match=r"whole numbers of -127 \.\. 127"):
        stream.state = [h, sums, np.array([128.0, 0, 1])]
    for place, too_much in ((0, 255.0), (64, 2.0), (3, 0.5)):
        wrong = sums.copy()
        wrong[place] = too_much
        with pytest.raises(InputError, match="holds a sum"):
            stream.state = [h, wrong, last]


def test_features_are_what_the_readout_multiplies(rng):
    floats = make(rng, pool=Pool(2), output_weight_bits=None)
    x = draw(rng, floats.card)
    model = floats.quantize(x, 8)
    features = np.empty((BATCH, model.card.output_width), np.float32)
    model.core.features(x, LENGTHS, features, 2)
    net = network(model)
    expected = forgetting.features(net, forgetting.hidden(net, x))[np.arange(BATCH), LENGTHS - 1]
    same(features, expected)


def test_more_bits_follow_the_float_model_better(rng):
    floats = make(rng, 128, 16, input_size=1, pool=Pool(2), input_activation="clip")
    x = draw(rng, floats.card, 8, 200)
    y = floats.infer(x)
    errors = [
        np.abs(floats.quantize(x, bits, 12).infer(x) - y).max() / np.abs(y).max() for bits in (8, 10, 12, 14)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < 0.1
    assert errors[-1] < 0.002


def test_blocks_have_units_of_their_own(rng):
    """Slow and fast blocks, whose states differ a hundredfold, each use all of their bits."""
    floats = make(rng, 64, 16, input_size=1, bias_bits=None)
    parameters = floats.parameters()
    parameters["layers.0.decays"] = np.array([0, 80, 160, 220], np.uint8)
    parameters["layers.0.bias"] *= 0
    floats = hr.Model.from_parameters(floats.card, parameters)
    x = np.abs(draw(rng, floats.card, 4, 4000))
    model = floats.quantize(x, 14)
    scale = model.parameters()["layers.0.state_scale"]
    assert scale.max() > 8 * scale.min()
    z = np.abs(forgetting.hidden(network(model), x)).reshape(4, 4000, 4, 16).max(axis=(0, 1, 3))
    assert (z > 7000).all()


def test_bytes_enter_as_they_are(rng):
    floats = make(
        rng, input_size=1, pool=Pool(1), differences=True, preprocess=Preprocess(uint8_scale=1 / 255)
    )
    pixels = rng.integers(0, 256, (BATCH, STEPS, 1), dtype=np.uint8)
    model = floats.quantize(pixels, 8)
    assert model.card.integer.input.range == (0, 255)
    same(model.infer(pixels), forgetting.forward(network(model), pixels * np.float32(1 / 255)))


def test_a_file_holds_it_and_a_description_says_it(rng, tmp_path):
    floats = make(rng, differences=True, input_activation="clip", pool=Pool(2), bias_bits=1)
    x = draw(rng, floats.card)
    model = floats.quantize(x, 8)
    model.save(tmp_path / "model.safetensors")
    for again in (hr.load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(model))):
        assert again == model
        same(again.infer(x), model.infer(x))
    assert b'format_version\\":6' in model.to_bytes()
    shown = str(model.describe())
    for said in (
        "8-bit state of a step per block",
        "decay per block",
        "8-bit integers",
        "2 thresholds per unit",
    ):
        assert said in shown
    assert "8-bit state" in repr(model)
    assert model.describe().payload["pool.thresholds"] == 2 * 64
    report = model.card.integer.blocks
    assert report.snr > 20
    assert 0 < report.saturation < 0.05


def test_documentation_names_every_key_and_tensor(rng):
    text = (Path(__file__).parents[1] / "docs" / "format.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(\w[\w.]*)`", text))
    for fields in (
        {"input_activation": "clip", "differences": True, "pool": Pool(2), "bias_bits": 3},
        {"input": "tokens", "input_size": 5},
    ):
        floats = make(rng, **fields)
        model = floats.quantize(draw(rng, floats.card), 8)
        assert set(model.tensors) - {"output.weight"} <= documented
        assert {field.name for field in dataclasses.fields(model.card.integer.blocks)} <= documented


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"layers": (LayerCard(16, 16),) * 2}, "2 layers; integer models that forget have one"),
        ({"layers": (LayerCard(16, 16, "modrelu"),)}, "recurrence is 'modrelu'"),
    ],
)
def test_networks_without_an_integer_form(rng, fields, said):
    model = make(rng, **fields)
    with pytest.raises(InputError, match=said):
        model.quantize(draw(rng, model.card))


def test_arguments_that_are_for_others(rng):
    model = make(rng)
    x = draw(rng, model.card)
    integers = model.quantize(x)
    with pytest.raises(InputError, match="blocks have scales of their own"):
        model.quantize(x, scales=integers.card.integer)
    with pytest.raises(InputError, match="power_of_two is not for models that forget"):
        model.quantize(x, power_of_two=True)


def test_files_whose_sums_could_overflow_are_refused(rng):
    floats = make(rng, input_activation="clip", differences=True)
    model = floats.quantize(draw(rng, floats.card), 8)
    for name, value, said in (
        ("multiplier", -1, "no negative number"),
        ("input_multiplier", 1 << 14, "more than 16 bits"),
        ("input_shift", 31, r"expected 0 \.\. 30"),
        ("bias", (1 << 31) - 1, "more than 32 bits"),
        ("state_scale", 1e-40, "expected a number in the range of float32"),
    ):
        damaged = dict(model.tensors)
        changed = damaged[f"layers.0.{name}"].copy()
        changed[0] = value
        damaged[f"layers.0.{name}"] = changed
        with pytest.raises(ModelFormatError, match=said):
            hr.Model(model.card, damaged)
    blocks = dataclasses.replace(
        model.card.integer.blocks, product_shift=1
    )  # the upper half of too many bits
    card = dataclasses.replace(model.card, integer=dataclasses.replace(model.card.integer, blocks=blocks))
    multiplier = np.full(4, (1 << 31) - 1, np.int32)
    with pytest.raises(ModelFormatError, match="upper half of 64 bits"):
        hr.Model(card, {**model.tensors, "layers.0.multiplier": multiplier})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"integer": {"blocks": None}}, "IntegerCard.blocks is for networks that forget"),
        ({"decays": None}, "IntegerCard.blocks is for networks that forget"),
        ({"layers": (LayerCard(64, 16, "sign"),)}, "expected one that is linear or relu"),
        ({"integer": {"input": {"bits": 16}}, "differences": True}, "of 16 bits"),
    ],
)
def test_cards_that_do_not_fit(rng, change, said):
    floats = make(rng)
    card = floats.quantize(draw(rng, floats.card)).card
    integer = change.get("integer", {})
    if "input" in integer:
        integer = {"input": dataclasses.replace(card.integer.input, **integer["input"])}
    with pytest.raises(ModelFormatError, match=said):
        dataclasses.replace(card, **{**change, "integer": dataclasses.replace(card.integer, **integer)})
