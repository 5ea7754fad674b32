"""Networks that forget: the core against golden/floats.py, streams against whole sequences, and who refuses them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import hadamrnn_ext as hr
from drawn import forgetting_model
from hadamrnn_ext import isa
from hadamrnn_ext.file.card import Card, LayerCard
from hadamrnn_ext.file.pool import Pool
from hadamrnn_ext.golden import floats as golden

STEPS, BATCH = 37, 3
POOLS = (
    None,
    Pool(1),
    Pool(3),
    Pool(2, share=False, time_constant=3),
    Pool(2, excess=False),
    Pool(1, excess=False, time_constant=1),
)


@pytest.fixture(autouse=True)
def restore_isa():
    active = isa.active()
    yield
    isa.use(active)


def forgetting(
    rng: np.random.Generator, n: int = 24, m: int = 8, kernel: str = "auto", **fields: Any
) -> hr.Model:
    return forgetting_model(rng, kernel, **{"layers": (LayerCard(n, m),), **fields})


def network(model: hr.Model) -> golden.Network:
    """What golden/floats.py computes for a model."""
    card, p = model.card, model.parameters()
    layers = [
        golden.Layer(
            layer.block_size,
            p[f"layers.{i}.signs"],
            p[f"layers.{i}.bias"],
            layer.recurrence,
            input_signs=p.get(f"layers.{i}.input_signs"),
            decays=p.get(f"layers.{i}.decays"),
        )
        for i, layer in enumerate(card.layers)
    ]
    pool = card.pool and golden.Pool(
        p["pool.thresholds"], card.pool.excess, card.pool.share, card.pool.time_constant
    )
    return golden.Network(
        layers,
        p["input.weight"],
        p["output.weight"],
        p["output.bias"],
        p.get("embedding.weight"),
        card.input == "tokens",
        card.output,
        input_activation=card.input_activation or "linear",
        differences=bool(card.differences),
        pool=pool,
    )


def draw(rng: np.random.Generator, card: Card) -> np.ndarray[Any, Any]:
    if card.input == "tokens":
        return rng.integers(0, card.input_size, (BATCH, STEPS))
    return rng.normal(size=(BATCH, STEPS, card.input_size)).astype(np.float32)


def same(a: Any, b: Any) -> None:
    np.testing.assert_array_equal(np.asarray(a).view(np.uint32), np.asarray(b).view(np.uint32))


CASES = [
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
        ((24, 8), (24, 24), (96, 8), (40, 20)),
        (1, 3),
        (None, "relu", "clip"),
        (None, True),
        POOLS,
        ("last", "all"),
    )
][::3]


@pytest.mark.parametrize("name", isa.available())
def test_the_core_gives_the_bits_of_the_golden_model(rng, name):
    isa.use(name)
    lengths = np.array([STEPS, 1, 20])
    for fields in CASES:
        model = forgetting(rng, weight_bits=None, **fields)
        x = draw(rng, model.card)
        same(model.infer(x, lengths), golden.forward(network(model), x, lengths))


@pytest.mark.parametrize("kernel", ["fwht", "masked_add", "dense"])
@pytest.mark.parametrize("recurrence", ["linear", "relu"])
def test_every_kernel_has_decays(rng, kernel, recurrence):
    model = forgetting(rng, kernel=kernel, layers=(LayerCard(24, 12, recurrence),) * 2, pool=Pool(2))
    x = draw(rng, model.card)
    same(model.infer(x), golden.forward(network(model), x, kernel=kernel))


@pytest.mark.parametrize("embedding_size", [None, 4])
@pytest.mark.parametrize("phi", [None, "relu", "clip"])
def test_tokens(rng, embedding_size, phi):
    fields = {"input": "tokens", "input_size": 7, "embedding_size": embedding_size, "input_activation": phi}
    model = forgetting(rng, pool=Pool(1), **fields)
    x = draw(rng, model.card)
    same(model.infer(x), golden.forward(network(model), x))


def test_a_decay_code_is_exact():
    codes = np.arange(256, dtype=np.uint8)
    decays = golden.decay(codes)
    assert decays[0] == 0.5
    assert decays[15] == 1 - 31 / 32
    assert decays[255] == 1 - 31 * 2.0**-20
    assert (decays > 0).all()
    assert (decays < 1).all()
    assert len(np.unique(decays)) == 256


def test_clip_and_the_excess_by_hand():
    card = Card(
        input="features",
        output="last",
        input_size=1,
        output_size=1,
        layers=(LayerCard(1, 1),),
        weight_bits=None,
        output_weight_bits=None,
        decays=True,
        input_activation="clip",
        pool=Pool(1),
    )
    model = hr.Model.from_parameters(
        card,
        {
            "input.weight": [[1]],
            "layers.0.signs": [1],
            "layers.0.bias": [0],
            "layers.0.decays": np.array([0], np.uint8),  # one half
            "pool.thresholds": [[0.25]],
            "output.weight": [[1, 100]],
            "output.bias": [0],
        },
    )
    # h = 1, then 1/2 - 1 = -1/2, then -1/4 + 1/2 = 1/4: 3/4 of excess and one step above the threshold in three steps.
    assert model.infer([[3], [-7], [0.5]]) == np.float32(0.75) / np.float32(3) + 100 * (
        np.float32(1) / np.float32(3)
    )


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("output", ["last", "all"])
def test_a_stream_gives_what_the_whole_sequence_gives(rng, pool, output):
    model = forgetting(rng, differences=True, input_activation="clip", pool=pool, output=output)
    x = draw(rng, model.card)
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


def test_a_state_that_cannot_be_is_refused(rng):
    model = forgetting(rng, differences=True, pool=Pool(1))
    stream = model.stream()
    stream.step([1.0, 2.0])
    state = list(stream.state)
    assert [part.shape for part in state] == [(24,), (49,), (3,)]
    with pytest.raises(hr.ShapeError, match="1 layers and the sums of the pool and the last input"):
        stream.state = state[:1]
    with pytest.raises(hr.InputError, match="no last input"):
        stream.state = [*state[:2], np.array([0.0, 0.0, 2.0])]
    with pytest.raises(hr.InputError, match=r"state\[1\] ends in a number of steps"):
        stream.state = [state[0], np.append(state[1][:-1], 0.5), state[2]]


def test_nan_reaches_the_logits_of_a_share(rng):
    model = forgetting(rng, pool=Pool(1, excess=False))
    x = draw(rng, model.card)
    x[1, 3, 0] = np.nan
    y = model.infer(x, check_finite=False)
    assert np.isnan(y[1]).all()
    assert np.isfinite(y[[0, 2]]).all()


def test_features_are_what_the_readout_multiplies(rng):
    model = forgetting(rng, pool=Pool(2), output_weight_bits=None)
    x = draw(rng, model.card)
    features = np.empty((BATCH, model.card.output_width), np.float32)
    model.core.features(x, None, features, 2)
    p = model.parameters()
    np.testing.assert_allclose(
        model.infer(x), features @ p["output.weight"].T + p["output.bias"], rtol=1e-4, atol=1e-5
    )


def test_a_file_holds_it_and_a_description_says_it(rng, tmp_path):
    model = forgetting(rng, differences=True, input_activation="relu", pool=Pool(2, time_constant=5))
    model.save(tmp_path / "forgets.safetensors")
    loaded = hr.load(str(tmp_path / "forgets.safetensors"))
    assert loaded == model
    text = str(model.describe())
    for said in (
        "decay per block",
        "2 thresholds per unit",
        "the last 32 steps",
        "its change since",
        "relu of U x + b",
    ):
        assert said in text


def test_a_model_without_any_of_it_is_written_as_before(rng):
    assert b'format_version\\":1' in forgetting(rng, decays=None).to_bytes()
    assert b'format_version\\":6' in forgetting(rng).to_bytes()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"input": "tokens", "input_size": 5, "differences": True}, "tokens have none"),
        ({"output": "mean", "pool": Pool(1)}, "which pools as well"),
        ({"bidirectional": True}, "of one direction"),
    ],
)
def test_what_does_not_go_together(rng, fields, said):
    with pytest.raises(hr.ModelFormatError, match=said):
        forgetting(rng, **fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"excess": False, "share": False}, "at least one"),
        ({"thresholds": 65}, "1 .. 64"),
        ({"time_constant": 16}, "1 .. 15"),
    ],
)
def test_a_pool_that_makes_no_sense(fields, said):
    with pytest.raises(hr.ModelFormatError, match=said):
        Pool(**{"thresholds": 1, **fields})


def test_those_who_cannot_say_so(rng):
    model = forgetting(rng, pool=Pool(1))
    with pytest.raises(hr.KernelError, match="differences or a pool"):
        model.unroll(STEPS)
