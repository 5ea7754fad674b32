"""Integer models of networks that forget in exported C: after every step the bits that a stream gives."""

from __future__ import annotations

import itertools
import re
import shutil

import numpy as np
import pytest

import hadamrnn_ext as hr
from compiled import COMPILER, build, every_step
from drawn import draw, forgetting_model, same
from hadamrnn_ext.data import har
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.file.card import LayerCard
from hadamrnn_ext.file.pool import Pool
from hadamrnn_ext.file.preprocess import Preprocess

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
STEPS = 25
POOLS = (
    None,
    Pool(1),
    Pool(3),
    Pool(2, share=False, time_constant=3),
    Pool(2, excess=False),
    Pool(1, time_constant=1),
    Pool(2, share=False),
    Pool(3, excess=False, time_constant=15),
)
SHAPES = ((24, 8), (64, 16), (40, 20), (256, 256), (3, 1), (48, 48), (512, 64))


def make(rng, n=64, m=16, recurrence="linear", **fields):
    return forgetting_model(rng, layers=(LayerCard(n, m, recurrence),), **fields)


def streamed(model, x):
    """The logits of a stream after every step of x (T, ..)."""
    stream = model.stream(1)
    return np.concatenate([np.asarray(stream.step(step[None])) for step in x])


def header_of(folder):
    return (folder / "net.h").read_text()


@pytest.mark.parametrize("readout", ["integer", "float"])
@pytest.mark.parametrize("i", range(28))
def test_random_models_at_odd_shapes(rng, tmp_path, i, readout):
    """Every pool, activation, number of bits and shape, in changing company."""
    n, m = SHAPES[i % 7]
    pool = POOLS[i % 8]
    bits = (8, 12, 16, 9, 8)[i % 5]
    given = (
        {"input": "tokens", "input_size": 7, "embedding_size": (None, 4)[i // 4 % 2]}
        if i % 4 == 3
        else {
            "input_size": (1, 3, 2, 19)[i // 3 % 4],
            "differences": (None, True)[i % 2] if bits < 16 else None,
            "weight_bits": (4, 8, 1, None, 4)[i % 5],
            "bias_bits": (None, 1, 8, 3, 5)[i // 2 % 5],
        }
    )
    floats = make(
        rng,
        n,
        m,
        ("linear", "relu")[i // 2 % 2],
        input_activation=(None, "relu", "clip")[i % 3],
        pool=pool,
        output=("last", "all", "mean")[i % 3] if pool is None else ("last", "all")[i % 2],
        output_weight_bits=(4, 8, None)[i % 3],
        **given,
    )
    x = draw(rng, floats, STEPS)
    x = x.astype(np.int32) if x.ndim == 1 else x
    model = floats.quantize(x[None, :15], bits, (8, 12)[i // 2 % 2], readout=readout)
    y = every_step(model, tmp_path, x)
    same(y, streamed(model, x))
    same(y[-1:], model.infer(x[None])[:, -1] if model.card.output == "all" else model.infer(x[None]))


@pytest.mark.parametrize("bits", [8, 12])
def test_states_take_as_few_bytes_as_they_need(rng, tmp_path, bits):
    for n, m in ((256, 16), (512, 512)):
        floats = make(rng, n, m, input_size=1)
        x = draw(rng, floats, 9)
        model = floats.quantize(x[None], bits, readout="integer")
        same(every_step(model, tmp_path, x), streamed(model, x))
        # One block of 512 units is summed in place, in the 16 bits that its sums take.
        kind = "int8_t" if bits == 8 and m == 16 else "int16_t"
        assert f"{kind} z0[{n}];" in header_of(tmp_path)


def test_an_integer_readout_computes_in_integers_of_32_bits(rng, tmp_path):
    """Of 8-bit states in small blocks: as all sums are proven to fit them."""
    floats = make(rng, 64, 16, pool=Pool(2), differences=True, input_activation="clip", output_weight_bits=8)
    x = draw(rng, floats, 9)
    hr.export.c(floats.quantize(x[None], 8, readout="integer"), tmp_path, "net")
    code = re.sub(r"/\*.*?\*/", "", (tmp_path / "net.c").read_text(), flags=re.DOTALL)
    before_raw = code.split("void net_prepare")[0]
    assert "int64_t" not in before_raw
    assert not re.search(r"\b(float|double)\b", code + header_of(tmp_path))


def test_sums_take_as_few_bytes_as_the_longest_sequence_needs(rng, tmp_path):
    floats = make(rng, pool=Pool(2), input_size=1)
    x = draw(rng, floats, 40)
    model = floats.quantize(x[None], 8, readout="integer")
    theta = model.parameters()["pool.thresholds"]
    expected = streamed(model, x)
    largest = 127 - int(theta.min())
    for longest, excess, share in ((40, 16, 16), (None, 32, 32), (1 << 30, 64, 32)):
        same(every_step(model, tmp_path, x, longest=longest), expected)
        header = header_of(tmp_path)
        assert f"uint{excess}_t excess[128];" in header
        assert f"uint{share}_t share[128];" in header
        held = int(re.search(r"these must be at most (\d+)", header)[1])
        assert held >= (longest or 1 << 20)
        assert held * largest < 1 << excess


@pytest.mark.parametrize("readout", ["integer", "float"])
def test_sums_at_their_limits(rng, tmp_path, readout):
    """As many steps as a sum of 16 bits holds, all of them at the largest state."""
    floats = make(rng, 32, 8, input_size=1, pool=Pool(1), weight_bits=None)
    model = floats.quantize(0.01 * draw(rng, floats, 2, 20), 8, readout=readout)
    theta = int(model.parameters()["pool.thresholds"].min())
    steps = (1 << 16) // (127 - theta) - 1
    x = np.full((steps, 1), 1e6, np.float32)
    y = every_step(model, tmp_path, x, longest=steps)
    assert "uint16_t excess" in header_of(tmp_path)
    same(y, streamed(model, x))
    same(y[-1:], model.infer(x[None]))


def test_logits_that_32_bits_do_not_hold(rng, tmp_path):
    """A wide readout whose codes all have one sign."""
    floats = make(rng, 1024, 16, pool=Pool(3, excess=False), input_size=1, output_size=1)
    parameters = floats.parameters()
    parameters["output.weight"] = np.abs(parameters["output.weight"]) + 4
    floats = hr.Model.from_parameters(floats.card, parameters)
    x = draw(rng, floats, 9)
    model = floats.quantize(x[None], 8, readout="integer")
    same(every_step(model, tmp_path, x), streamed(model, x))
    assert "typedef int64_t net_logit;" in header_of(tmp_path)


def test_bytes_enter_as_they_are(rng, tmp_path):
    floats = make(
        rng, input_size=1, pool=Pool(1), differences=True, preprocess=Preprocess(uint8_scale=1 / 255)
    )
    pixels = rng.integers(0, 256, (30, 1), dtype=np.uint8)
    model = floats.quantize(pixels[None], 8, readout="integer")
    same(every_step(model, tmp_path, pixels), streamed(model, pixels))
    assert "typedef uint8_t net_input;" in header_of(tmp_path)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_compilers(rng, tmp_path, compiler):
    if shutil.which(compiler) is None:
        pytest.skip(f"there is no {compiler}")
    floats = make(rng, 64, 16, input_size=5, differences=True, input_activation="clip", pool=Pool(2))
    x = draw(rng, floats, STEPS)
    for bits, readout in ((8, "integer"), (12, "float")):
        model = floats.quantize(x[None], bits, 12, readout=readout)
        same(every_step(model, tmp_path, x, compiler=compiler, sanitized=False), streamed(model, x))


def test_states_and_inputs_that_saturate(rng, tmp_path):
    for n, m, bits in itertools.product((96,), (8, 12, 96), (8, 12)):
        floats = make(rng, n, m, input_size=9, differences=True, input_activation=None)
        x = 100 * draw(rng, floats, STEPS)
        model = floats.quantize(0.01 * x[None], bits, readout="integer")
        same(every_step(model, tmp_path, x), streamed(model, x))


def test_what_is_refused(rng, tmp_path):
    floats = make(rng, pool=Pool(1, time_constant=3))
    model = floats.quantize(draw(rng, floats, 1, 9), 8, readout="integer")
    with pytest.raises(InputError, match="transform='popcount' with a network that forgets"):
        hr.export.c(model, tmp_path, transform="popcount")
    for other in (floats, model):
        with pytest.raises(InputError, match="longest is given; expected None: only sums"):
            hr.export.c(other, tmp_path, longest=100)
    summed = make(rng, pool=Pool(1))
    summed = summed.quantize(draw(rng, summed, 1, 9), 8, readout="integer")
    for longest in (0, 1 << 31, 2.0, True):
        with pytest.raises(InputError, match=r"expected a number of steps, 1 \.\. 2147483647"):
            hr.export.c(summed, tmp_path, longest=longest)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("bits", [3, 4])
@pytest.mark.parametrize("input_bits", [8, 12, 14])
@pytest.mark.parametrize("features", [2, 9, 40])
def test_codes_of_eight_units_from_a_word(rng, tmp_path, bits, input_bits, features):
    """Inputs in one part, or in two where sums take more than 16 bits; at their limits, of units that fill no eight."""
    for n, m in ((20, 4), (64, 32), (36, 12)):
        floats = make(rng, n, m, input_size=features, weight_bits=bits, differences=True, output_size=1)
        x = 9 * draw(rng, floats, STEPS) * rng.choice(np.float32([-1, 1]), (STEPS, 1))
        model = floats.quantize(x[None] / 30, 8, input_bits, readout="integer")
        assert np.abs(hr.export.c_input(model, x[None])).max() == (1 << input_bits - 1) - 1
        same(every_step(model, tmp_path, x), streamed(model, x))


def test_a_model_of_phone_sensors_that_was_fitted(data_dir, tmp_path):
    """UCI HAR: 50 windows of people that an integer model of `fit` has not seen."""
    train, test = har.read(data_dir)
    chosen = np.random.default_rng(0).permutation(len(train.inputs))[:400]
    fitted = hr.fit(train.inputs[chosen], train.classes[chosen], hidden_size=64, state_bits=8)
    model = fitted.model
    assert model.card.integer.blocks.state_bits == 8
    places = np.linspace(0, len(test.inputs) - 1, 50).astype(int)
    windows, classes = test.inputs[places], test.classes[places]
    run = build(model, tmp_path, longest=128)
    logits = [run(x)[-1] for x in windows]
    same(np.stack(logits), model.infer(windows))
    assert (np.argmax(logits, axis=1) == classes).mean() >= 0.8


def test_the_header_says_what_lies_on_the_stack(rng, tmp_path):
    """Sums of a block, of eight units, and the two parts of inputs of 12 bits; or the sixteen sums of a float readout."""
    floats = make(rng, 64, 16, input_size=3, weight_bits=4)
    for input_bits, readout, expected in (
        (8, "integer", 2 * 16 + 4 * 8 + 4),
        (14, "integer", 2 * 16 + 4 * 8 + 2 * 4 + 2 * 2 * 3),
        (8, "float", 2 * 16 + 4 * 8 + 4),
    ):
        model = floats.quantize(draw(rng, floats, 2, 9), 8, input_bits, readout=readout)
        hr.export.c(model, tmp_path, "net")
        assert f"#define NET_LOCAL_BYTES {expected} " in header_of(tmp_path)
    tokens = make(rng, 16, 4, input="tokens", input_size=4)
    hr.export.c(tokens.quantize(draw(rng, tokens, 2, 9), 8), tmp_path, "net")
    assert "#define NET_LOCAL_BYTES 64 " in header_of(tmp_path)
