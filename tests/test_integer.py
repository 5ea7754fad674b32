"""Integer models: the same bits as golden/integers.py on every kernel and instruction set, and the same interface."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import hadamrnn_ext as hr
from drawn import draw, same
from hadamrnn_ext import _core
from hadamrnn_ext.errors import InputError, KernelError
from hadamrnn_ext.file.preprocess import Normalization, Permutation, Preprocess
from hadamrnn_ext.golden import integers as golden_integer

KINDS = {
    "plain": {"sizes": ((32, 32),)},
    "one input": {"sizes": ((16, 16),), "input_size": 1},
    "large": {"sizes": ((512, 512),), "input_size": 1},
    "16 bits": {"sizes": ((64, 32),), "input_size": 1, "recurrence": "relu"},
    "16 bits of tokens": {"sizes": ((96, 32),), "input": "tokens", "input_size": 9, "embedding_size": 4},
    "blocks": {"sizes": ((24, 8),), "output": "all", "weight_bits": 1},
    "paley": {"sizes": ((48, 24),), "recurrence": "modrelu", "bias_bits": 8},
    "one unit": {"sizes": ((1, 1),), "output": "all", "output_size": 1},
    "onehot": {"sizes": ((16, 16),), "input": "tokens", "input_size": 7, "output": "all"},
    "embedding": {
        "sizes": ((16, 4),),
        "input": "tokens",
        "input_size": 7,
        "embedding_size": 5,
        "recurrence": "relu",
    },
    "layers": {
        "sizes": ((20, 20), (16, 16)),
        "recurrence": "sign",
        "weight_bits": None,
        "output_weight_bits": None,
    },
    "mean": {"sizes": ((64, 64),), "output": "mean"},
    "mean of tokens": {"sizes": ((24, 12),), "input": "tokens", "input_size": 7, "output": "mean"},
    "mean of signs": {"sizes": ((64, 64),), "recurrence": "sign", "output": "mean"},
    "linear layers": {"sizes": ((16, 16), (24, 12), (8, 8)), "output": "all"},
    "modrelu layers": {"sizes": ((40, 20), (32, 8)), "recurrence": "modrelu", "output": "all"},
    "signs of tokens": {"sizes": ((70, 1),), "input": "tokens", "input_size": 3, "recurrence": "sign"},
    "signs": {"sizes": ((128, 128),), "recurrence": "sign", "output": "all"},
}
BATCH, STEPS = 3, 21


@pytest.fixture(params=KINDS)
def floats(request, rng, make_model):
    return make_model(rng, **KINDS[request.param])


@pytest.fixture
def plain(rng, make_model):
    return make_model(rng, **KINDS["plain"])


@pytest.fixture(params=hr.isa.available())
def isa(request):
    before = hr.isa.active()
    hr.isa.use(request.param)
    yield request.param
    hr.isa.use(before)


@pytest.mark.parametrize("readout", ["float", "integer"])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_the_bits_are_those_of_the_golden_model(rng, floats, isa, bits, readout, integer_network):
    x = draw(rng, floats, BATCH, STEPS)
    model = floats.quantize(x[:, :9], state_bits=bits, readout=readout)  # the rest may saturate
    lengths = np.array([STEPS, 1, 7])
    expected = golden_integer.forward(integer_network(model), x, lengths)
    for kernel in ("auto", "fwht", "masked_add", "xnor"):
        run = hr.Model(model.card, model.tensors, kernel)
        assert run.isa == isa
        assert run.kernel == ("fwht" if kernel == "auto" else kernel)
        same(run.infer(x, lengths, num_threads=2), expected)


@pytest.mark.parametrize("kernel", ["fwht", "xnor"])
def test_streams_are_the_golden_model_in_pieces(rng, floats, kernel, integer_network):
    x = draw(rng, floats, BATCH, STEPS)
    converted = floats.quantize(x, readout="integer")
    model = hr.Model(converted.card, converted.tensors, kernel)
    net = integer_network(model)
    states = golden_integer.hidden(net, x)
    stream = model.stream(BATCH)
    for t in range(4):
        same(stream.step(x[:, t]), so_far(net, states[-1], t + 1))
    stream.run(x[:, 4:17])
    state = stream.state
    for layer, z, h in zip(model.card.integer.layers, states, state, strict=False):
        same(h, z[:, 16].astype(np.float32) * np.float32(layer.state_scale))
    rest = stream.run(x[:, 17:])
    stream.state = state  # a state that was read is the state that it was
    same(stream.run(x[:, 17:]), rest)
    y = golden_integer.logits(net, states[-1])
    last = so_far(net, states[-1], STEPS)
    same(rest, y[:, 17:] if model.card.output == "all" else last)
    stream.reset()
    same(stream.run(x), y if model.card.output == "all" else last)


def so_far(net, z, steps):
    """The logits after some steps, (B, o)."""
    if net.output == "mean":
        lengths = np.full(len(z), steps)
        return golden_integer.logits(net, golden_integer.mean(net, z[:, :steps], lengths))
    return golden_integer.logits(net, z[:, steps - 1])


@pytest.mark.parametrize("bits", [1, 8, 12, 16])
def test_the_mean_of_more_steps_than_anybody_reads(rng, make_model, integer_network, bits):
    """Rounded as golden/integers.py says at both edges, and no overflow up to the largest sums that can be set."""
    recurrence = "sign" if bits == 1 else "linear"
    floats = make_model(rng, sizes=((32, 32),), recurrence=recurrence, output="mean")
    model = floats.quantize(rng.normal(size=(4, 9, 2)), max(bits, 8))
    net, stream = integer_network(model), model.stream()
    largest, finer = max(1, (1 << bits - 1) - 1), 16 - bits
    for steps in (1, 2, 1001, 2**32 + 1, 2**37 - 1):
        means = rng.integers(1, (largest << finer) + 1, 32).tolist()
        edges = [-(-(mean * steps - steps // 2) >> finer) for mean in means]  # the least sums of these means
        for sums in (edges, [edge - 1 for edge in edges]):
            expected = [((total << finer) + steps // 2) // steps for total in sums]
            stream.state = [stream.state[0], np.array([*sums, steps], np.float64)]
            same(stream.run(np.zeros((0, 2))), golden_integer.logits(net, np.array(expected)))
    steps = 2**47 - 1
    stream.state = [stream.state[0], np.array([*[largest * steps] * 32, steps], np.float64)]
    same(stream.run(np.zeros((0, 2))), golden_integer.logits(net, np.full(32, largest << finer)))


def test_saturation_and_extreme_inputs(rng, floats, isa, integer_network):
    model = floats.quantize(draw(rng, floats, BATCH, STEPS))
    if model.card.input == "tokens":
        with pytest.raises(ValueError, match="token"):
            model.infer(np.array([[10**6]]))
        return
    x = rng.choice(np.float32([0, -0.0, 1e30, -1e30, np.inf, -np.inf, 1e-40]), (4, 40, model.card.input_size))
    expected = golden_integer.forward(integer_network(model), x)
    assert np.isfinite(expected).all()
    same(model.infer(x, check_finite=False), expected)


def test_no_integer_stands_for_nan(rng, make_model, isa):
    """Refused whatever ``check_finite`` says, with its place; what lies after the end of a sequence is not read."""
    model = make_model(rng, output="all").quantize(rng.normal(size=(3, 9, 2)))
    x = rng.normal(size=(4, 300, 2)).astype(np.float32)
    x[2, 200, 1] = np.nan
    with pytest.raises(InputError, match=r"x\[2, 200, 1\] is nan; expected numbers: .* integers"):
        model.infer(x, check_finite=False)
    with pytest.raises(ValueError, match="feature 1 of step 200 of sequence 2 is NaN"):
        model.core.infer(x, None, np.zeros((4, 300, 3), np.float32), 1)
    lengths = [300, 300, 200, 300]
    expected = model.infer(np.nan_to_num(x), lengths)
    same(model.infer(x, lengths, check_finite=False), expected)
    stream = model.stream(4, check_finite=False)
    stream.run(x[:, :100])
    before = stream.save()
    with pytest.raises(InputError, match=r"x\[2, 100, 1\] is nan; expected numbers"):
        stream.run(x[:, 100:])
    with pytest.raises(InputError, match=r"x\[2, 1\] is nan; expected numbers"):
        stream.step(x[:, 200])
    with pytest.raises(InputError, match=r"x\[1\] is nan; expected numbers"):
        model.stream(check_finite=False).step(x[2, 200])
    assert stream.save() == before
    with pytest.raises(ValueError, match="the state holds a NaN"):
        _core.Stream(model.core, 1, False).set_state([np.full((1, 8), np.nan, np.float32)])


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_more_bits_follow_the_float_model_better(rng, make_model, bits):
    floats = make_model(rng, sizes=((64, 64),), input_size=1, output="all")
    x = draw(rng, floats, 8, 100)
    model = floats.quantize(x, state_bits=bits, input_bits=16)
    layer = model.card.integer.layers[0]
    # An orthogonal state never forgets: after t steps the variance of rounding is t / 12 units.
    h = np.array(list(_states(floats, x)))
    expected = 10 * np.log10((h**2).sum() / (layer.state_scale**2 * np.arange(1, 101).mean() / 12 * h.size))
    assert layer.snr == pytest.approx(expected, abs=1.5)


def _states(model, x):
    stream = model.stream(len(x))
    for t in range(x.shape[1]):
        stream.step(x[:, t])
        yield stream.state[0]


def test_a_sign_recurrence_keeps_its_threshold(rng, make_model):
    floats = make_model(rng, sizes=((64, 64),), recurrence="sign", input_size=1, output="all", weight_bits=2)
    x = rng.integers(-127, 128, (4, 50, 1)).astype(np.float32) / 127
    x[0, 0] = 1
    model = floats.quantize(x)
    assert model.card.integer.layers[0].state_bits == 1
    assert model.card.integer.layers[0].snr is None  # no state differs
    same(model.infer(x), floats.infer(x))


def test_files_pickles_and_copies(floats, rng, tmp_path):
    x = draw(rng, floats, BATCH, STEPS)
    model = floats.quantize(x)
    model.save(tmp_path / "model")
    for again in (hr.load(tmp_path / "model"), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert again == model
        assert again.card == model.card
        same(again.infer(x), model.infer(x))
    assert model != floats


def test_classify_and_describe(rng, make_model):
    floats = make_model(rng, labels=("a", "b", "c"), sizes=((16, 16),))
    x = draw(rng, floats, BATCH, STEPS)
    model = floats.quantize(x, state_bits=16)
    labels, probabilities = model.classify(x)
    same(labels, floats.classify(x).labels)
    np.testing.assert_allclose(probabilities, floats.classify(x).probabilities, atol=0.05)
    text = str(model.describe())
    assert "16-bit state" in text
    assert "dB" in text
    assert repr(model).startswith(
        "Model(features 2 -> 16/16 linear, 16-bit state -> last 3, bits 4/4, fwht on "
    )


def test_bytes_enter_as_they_are(rng, make_model, integer_network):
    preprocess = Preprocess(uint8_scale=1 / 255, permutation=Permutation(seed=1, size=12))
    floats = make_model(rng, sizes=((16, 16),), input_size=1, preprocess=preprocess)
    pixels = rng.integers(0, 256, (5, 12, 1), dtype=np.uint8)
    model = floats.quantize(pixels)
    net = integer_network(model)
    assert net.input_range == (0, 255)
    every = np.arange(256, dtype=np.uint8) * np.float32(1 / 255)
    same(golden_integer.quantize_input(net, every), np.arange(256))
    order = preprocess.permutation.indices()
    same(model.infer(pixels), golden_integer.forward(net, pixels[:, order] * np.float32(1 / 255)))
    same(model.infer(pixels), model.infer(pixels / np.float32(255)))
    stream = model.stream(5, raw=True)
    same(stream.run(pixels[:, order] * np.float32(1 / 255)), model.infer(pixels))


def test_normalized_input_is_signed(rng, make_model, integer_network):
    preprocess = Preprocess(normalization=Normalization((0.5, -1.0), (2.0, 0.5)))
    floats = make_model(rng, preprocess=preprocess)
    x = draw(rng, floats, 4, 9)
    model = floats.quantize(x, input_bits=10)
    largest = np.abs(preprocess.normalization.apply(x)).max()
    assert model.card.integer.input.range == (-511, 511)
    assert model.card.integer.input.scale == np.float32(largest / 511)
    same(model.infer(x), golden_integer.forward(integer_network(model), preprocess.normalization.apply(x)))


def test_kernels_that_do_not_run_it(plain, rng):
    model = plain.quantize(draw(rng, plain, 2, 9))
    with pytest.raises(KernelError, match=r"'dense' multiplies floats"):
        hr.Model(model.card, model.tensors, "dense")
    with pytest.raises(KernelError, match=r"integer"):
        model.unroll(9)
