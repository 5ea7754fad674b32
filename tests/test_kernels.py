"""The C++ core against the golden model: the same float32 bits, on every instruction set this machine has."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from hadamrnn_ext import _core, hadamard
from hadamrnn_ext.golden import floats as golden
from hadamrnn_ext.golden.floats import Network

Make = Callable[..., Network]
Rng = np.random.Generator
Sizes = list[tuple[int, int]]

RECURRENCES = ["linear", "relu", "modrelu", "sign"]
FLOAT_KERNELS = ["fwht", "masked_add", "dense"]  # xnor needs a state of +1 and -1
PAIRS = [*product(RECURRENCES, FLOAT_KERNELS), ("sign", "xnor")]

# (hidden size, block size): the tails a vector register can have, one block and several, r = 1, 12, 20, 28
GEOMETRIES = [
    *[(n, 1) for n in (1, 2, 3, 5, 16, 17, 33)],
    *[
        (2, 2),
        (4, 2),
        (4, 4),
        (12, 4),
        (8, 8),
        (24, 8),
        (136, 8),
        (16, 16),
        (48, 16),
        (512, 16),
        (32, 32),
        (96, 32),
    ],
    *[(64, 64), (128, 128), (384, 128), (256, 256), (512, 512), (1024, 1024)],
    *[(12, 12), (36, 12), (24, 24), (48, 24), (72, 24), (96, 96), (384, 384)],
    *[(20, 20), (40, 20), (40, 40), (320, 320), (28, 28), (56, 28), (448, 448), (36, 36), (184, 184)],
]
# Where fewer do: one vector and less, several blocks, a power of two with a base order.
SOME = [(3, 1), (24, 8), (128, 128), (12, 12), (96, 48), (40, 40)]


@pytest.fixture(params=_core.isa_available())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Forces one instruction set while a test runs."""
    before = _core.isa_active()
    _core.isa_use(request.param)
    yield request.param
    _core.isa_use(before)


def build(net: Network, kernel: str = "fwht") -> _core.Model:
    layers = [
        _core.Layer(
            block_size=layer.block_size,
            core=hadamard.core_matrix(hadamard.factor(layer.block_size)[0]),
            signs=layer.signs,
            bias=layer.bias,
            recurrence=layer.recurrence,
            modrelu=layer.modrelu,
            input_signs=layer.input_signs,
        )
        for layer in net.layers
    ]
    return _core.Model(
        layers,
        input_weight=net.input_weight,
        embedding=net.embedding,
        tokens=net.tokens,
        output_weight=net.output_weight,
        output_bias=net.output_bias,
        output=net.output,
        kernel=kernel,
    )


def infer(
    net: Network,
    model: _core.Model,
    x: np.ndarray,
    lengths: np.ndarray | None = None,
    num_threads: int = 1,
) -> np.ndarray:
    shape = x.shape[:2] if net.output == "all" else x.shape[:1]
    out = np.full((*shape, len(net.output_bias)), np.nan, np.float32)
    model.infer(x.astype(np.int32) if net.tokens else x, lengths, out, num_threads)
    return out


def assert_same_bits(got: np.ndarray, expected: np.ndarray) -> None:
    """But for NaN, any of which equals any other."""
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    bits = np.dtype(f"u{got.itemsize}")
    wrong = np.argwhere((got.view(bits) != expected.view(bits)) & ~(np.isnan(got) & np.isnan(expected)))
    if len(wrong):
        at = tuple(wrong[0].tolist())
        pytest.fail(
            f"{len(wrong)} of {got.size} differ, first at {at}: {got[at]!r} instead of {expected[at]!r}"
        )


def features(rng: Rng, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("recurrence", "kernel"), PAIRS)
@pytest.mark.parametrize(("n", "m"), GEOMETRIES)
def test_recurrences(
    rng: Rng, random_network: Make, isa: str, n: int, m: int, recurrence: str, kernel: str
) -> None:
    net = random_network(rng, [(n, m)], recurrence=recurrence, output="all")
    model = build(net, kernel)
    assert model.isa == isa
    assert model.kernel == kernel
    x = features(rng, 2, 4, 3)
    assert_same_bits(infer(net, model, x), golden.forward(net, x, kernel=kernel))


@pytest.mark.parametrize(("n", "m"), SOME)
@pytest.mark.parametrize("d", [1, 2, 3, 9, 16, 17, 40])
def test_input_sizes(rng: Rng, random_network: Make, isa: str, n: int, m: int, d: int) -> None:
    net = random_network(rng, [(n, m)], input_size=d)
    x = features(rng, 3, 5, d)
    assert_same_bits(infer(net, build(net), x), golden.forward(net, x))


@pytest.mark.parametrize("output", ["last", "all"])
@pytest.mark.parametrize(("n", "m"), SOME)
@pytest.mark.parametrize("o", [1, 2, 9, 10, 16, 17, 40])
def test_output_sizes(rng: Rng, random_network: Make, isa: str, n: int, m: int, o: int, output: str) -> None:
    net = random_network(rng, [(n, m)], output_size=o, output=output)
    x = features(rng, 3, 5, 3)
    assert_same_bits(infer(net, build(net), x), golden.forward(net, x))


@pytest.mark.parametrize("output", ["last", "all"])
@pytest.mark.parametrize("batch", [1, 2, 3, 5, 17])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_batches_steps_and_threads(
    rng: Rng, random_network: Make, isa: str, batch: int, steps: int, output: str
) -> None:
    net = random_network(rng, [(48, 24)], output=output)
    x = features(rng, batch, steps, 3)
    expected = golden.forward(net, x)
    model = build(net)
    for num_threads in (1, 2, 3):
        assert_same_bits(infer(net, model, x, num_threads=num_threads), expected)


@pytest.mark.parametrize("output", ["last", "all"])
@pytest.mark.parametrize("sizes", [[(32, 32)], [(24, 12), (8, 8)]])
def test_lengths(rng: Rng, random_network: Make, isa: str, sizes: Sizes, output: str) -> None:
    net = random_network(rng, sizes, output=output)
    x = features(rng, 6, 9, 3)
    lengths = np.array([9, 1, 4, 8, 9, 2])
    for num_threads in (1, 2):
        got = infer(net, build(net), x, lengths, num_threads)
        assert_same_bits(got, golden.forward(net, x, lengths))


@pytest.mark.parametrize("output", ["last", "all"])
@pytest.mark.parametrize("vocabulary", [None, 11])
@pytest.mark.parametrize("d", [1, 6, 33])
@pytest.mark.parametrize(("n", "m"), SOME)
def test_tokens(
    rng: Rng, random_network: Make, isa: str, n: int, m: int, d: int, vocabulary: int | None, output: str
) -> None:
    net = random_network(rng, [(n, m)], input_size=d, vocabulary=vocabulary, tokens=True, output=output)
    tokens = rng.integers(0, vocabulary or d, (3, 6))
    lengths = np.array([6, 1, 3])
    assert_same_bits(infer(net, build(net), tokens), golden.forward(net, tokens))
    assert_same_bits(infer(net, build(net), tokens, lengths), golden.forward(net, tokens, lengths))


@pytest.mark.parametrize(("recurrence", "kernel"), PAIRS)
@pytest.mark.parametrize(
    "sizes", [[(8, 8), (24, 8)], [(24, 12), (16, 16)], [(33, 1), (40, 20)], [(96, 96), (128, 128), (12, 12)]]
)
def test_layers(rng: Rng, random_network: Make, isa: str, sizes: Sizes, recurrence: str, kernel: str) -> None:
    net = random_network(rng, sizes, recurrence=recurrence, output="all")
    x = features(rng, 3, 6, 3)
    expected = golden.forward(net, x, kernel=kernel)
    assert_same_bits(infer(net, build(net, kernel), x), expected)


@pytest.mark.parametrize(("recurrence", "kernel"), list(product(RECURRENCES, FLOAT_KERNELS)))
@pytest.mark.parametrize(("n", "m"), [(3, 1), (16, 16), (64, 32), (24, 24), (40, 20)])
def test_special_values(
    rng: Rng, random_network: Make, isa: str, n: int, m: int, recurrence: str, kernel: str
) -> None:
    """Zeros of both signs, denormals and huge numbers, in the input and in every weight."""
    special = np.array([0.0, -0.0, 1e-45, -1e-45, 1.1e-38, -3e-39, 1e30, -1e30, 1.0, -1.5], np.float32)

    def sprinkle(values: np.ndarray, choices: np.ndarray = special) -> np.ndarray:
        return np.where(rng.random(values.shape) < 0.5, rng.choice(choices, values.shape), values)

    net = random_network(rng, [(n, m)], recurrence=recurrence, output="all")
    layer = net.layers[0]
    modrelu = None if layer.modrelu is None else sprinkle(layer.modrelu)
    small = special[np.abs(special) < 2]  # 1e30 times 1e30 is no number to compare
    net = replace(
        net,
        layers=[replace(layer, bias=sprinkle(layer.bias), modrelu=modrelu)],
        input_weight=sprinkle(net.input_weight, small),
        output_weight=sprinkle(net.output_weight, small),
        output_bias=sprinkle(net.output_bias),
    )
    for choices in (special, small):
        x = rng.choice(choices, (5, 6, 3))
        expected = golden.forward(net, x, kernel=kernel)
        assert np.isfinite(expected).all()
        assert_same_bits(infer(net, build(net, kernel), x), expected)


@pytest.mark.parametrize(("recurrence", "kernel"), PAIRS)
@pytest.mark.parametrize("output", ["last", "all", "mean"])
@pytest.mark.parametrize(
    "sizes", [*([size] for size in [*SOME, (2, 2)]), [(24, 8), (40, 20)], [(12, 12), (16, 16)]]
)
def test_what_is_not_finite(
    rng: Rng, random_network: Make, isa: str, sizes: Sizes, output: str, recurrence: str, kernel: str
) -> None:
    """NaN, infinities and states that overflow leave NaN and infinities where the golden model has them."""
    for d in (1, 3):
        net = random_network(rng, sizes, d, recurrence=recurrence, output=output)
        x = features(rng, 6, 5, d)
        x[0, 2, -1], x[1, 3, 0], x[2, -1] = np.nan, -np.inf, np.inf
        x[3, 1], x[4, 1], x[4, 2] = 1e38, 3e38, -3e38
        with np.errstate(over="ignore", invalid="ignore"):
            expected = golden.forward(net, x, kernel=kernel)
        assert np.isnan(expected[0, 2:] if output == "all" else expected[0]).all()
        assert np.isfinite(expected[5]).all()
        assert_same_bits(infer(net, build(net, kernel), x), expected)


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64",
    reason="flush-to-zero is set through the x86-64 glibc layout of fenv_t",
)
@pytest.mark.parametrize("num_threads", [1, 2])
def test_flush_to_zero_of_the_caller_changes_nothing(
    rng: Rng, random_network: Make, isa: str, num_threads: int
) -> None:
    tiny = np.float32(1e-40)
    net = random_network(rng, [(48, 24)], output="all")
    layer = net.layers[0]
    net = replace(net, layers=[replace(layer, bias=layer.bias * tiny)], output_bias=net.output_bias * tiny)
    x = features(rng, 8, 5, 3) * tiny
    expected = golden.forward(net, x)
    assert np.abs(expected).max() < np.finfo(np.float32).tiny
    assert np.count_nonzero(expected) > 100
    model = build(net)
    with flush_to_zero():
        got = infer(net, model, x, num_threads=num_threads)
        still_set = x[:1] * np.float32(0.5)
    assert_same_bits(got, expected)
    assert not still_set.any(), "the caller's own setting was lost"


@contextmanager
def flush_to_zero() -> Iterator[None]:
    """Sets FTZ and DAZ (bits 15 and 6 of MXCSR, the last word of fenv_t) in this thread."""
    libm = ctypes.CDLL("libm.so.6")
    before, changed = (ctypes.c_uint32 * 8)(), (ctypes.c_uint32 * 8)()
    libm.fegetenv(before)
    libm.fegetenv(changed)
    changed[7] |= 1 << 15 | 1 << 6
    libm.fesetenv(changed)
    try:
        yield
    finally:
        libm.fesetenv(before)


def test_unaligned_buffers(rng: Rng, random_network: Make, isa: str) -> None:
    """Arrays that start 4 bytes off any vector boundary."""

    def shifted(values: np.ndarray) -> np.ndarray:
        room = np.zeros(values.nbytes + 64 + 4, np.uint8)
        start = -room.ctypes.data % 64 + 4
        view = room[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
        view[...] = values
        return view

    net = random_network(rng, [(48, 16)], output="all")
    layer = net.layers[0]
    net = replace(
        net,
        layers=[replace(layer, bias=shifted(layer.bias))],
        input_weight=shifted(net.input_weight),
        output_weight=shifted(net.output_weight),
        output_bias=shifted(net.output_bias),
    )
    x = shifted(features(rng, 3, 5, 3))
    out = shifted(np.zeros((3, 5, 5), np.float32))
    build(net).infer(x, None, out, 1)
    assert_same_bits(out, golden.forward(net, x))


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "m"), GEOMETRIES)
def test_transform(rng: Rng, isa: str, n: int, m: int, dtype: type, transpose: bool) -> None:
    core = hadamard.core_matrix(hadamard.factor(m)[0])
    recurrence = _core.Recurrence(hidden_size=n, block_size=m, core=core, recurrence="linear")
    x: np.ndarray = rng.normal(size=(5, n)).astype(dtype)
    expected = hadamard.golden_transform(x.reshape(5, -1, m), transpose).reshape(5, n)
    for num_threads in (1, 2):
        out = np.empty_like(x)
        recurrence.transform(x, out, transpose, num_threads)
        assert_same_bits(out, expected)


@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize("sizes", [[(33, 1)], [(128, 32)], [(24, 12), (16, 16)], [(40, 40), (96, 24)]])
def test_streams(rng: Rng, random_network: Make, isa: str, sizes: Sizes, recurrence: str) -> None:
    """After each step a stream has the output and the state of the golden model."""
    net = random_network(rng, sizes, recurrence=recurrence, output="all")
    x = features(rng, 3, 7, 3)
    expected, states = golden.forward(net, x), golden.hidden(net, x)
    stream = _core.Stream(build(net), 3)
    for t in range(3):
        logits = stream.step(np.ascontiguousarray(x[:, t]))
        assert logits is not None
        assert_same_bits(logits, expected[:, t])
    for state, trace in zip(stream.get_state(), states, strict=True):
        assert_same_bits(state, np.ascontiguousarray(trace[:, 2]))
    stream.reset()
    stream.set_state([np.ascontiguousarray(trace[:, 4]) for trace in states])
    out = np.empty((3, 2, 5), np.float32)
    stream.run(np.ascontiguousarray(x[:, 5:]), out)
    assert_same_bits(out, np.ascontiguousarray(expected[:, 5:]))


def test_a_model_keeps_its_instruction_set(rng: Rng, random_network: Make) -> None:
    net = random_network(rng, [(64, 64)])
    x = features(rng, 2, 5, 3)
    before = _core.isa_active()
    models = {}
    for name in _core.isa_available():
        _core.isa_use(name)
        assert _core.isa_active() == name
        models[name] = build(net)
    _core.isa_use(before)
    for name, model in models.items():
        assert model.isa == name
        assert_same_bits(infer(net, model, x), golden.forward(net, x))


def test_instruction_sets_by_name() -> None:
    assert "scalar" in _core.isa_available()
    assert _core.isa_active() in _core.isa_available()
    before = _core.isa_active()
    for name in ("", "sse9", "Scalar"):
        with pytest.raises(ValueError, match=r"scalar"):
            _core.isa_use(name)
    assert _core.isa_active() == before


@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize(("n", "m"), SOME)
def test_auto_depends_on_the_model_alone(
    rng: Rng, random_network: Make, n: int, m: int, recurrence: str
) -> None:
    net = random_network(rng, [(n, m)], recurrence=recurrence)
    x = features(rng, 2, 5, 3)
    before = _core.isa_active()
    chosen = set()
    for name in _core.isa_available():
        _core.isa_use(name)
        model = build(net, "auto")
        chosen.add(model.kernel)
        assert model.kernel_reason
        assert_same_bits(infer(net, model, x), golden.forward(net, x, kernel=model.kernel))
    _core.isa_use(before)
    assert len(chosen) == 1


def test_kernels_that_are_refused(rng: Rng, random_network: Make) -> None:
    with pytest.raises(ValueError, match=r"fft.*fwht"):
        build(random_network(rng, [(8, 8)]), "fft")
    for recurrence in ("linear", "relu", "modrelu"):
        with pytest.raises(ValueError, match="xnor"):
            build(random_network(rng, [(8, 8)], recurrence=recurrence), "xnor")


def test_where_the_first_bad_number_is(isa: str) -> None:
    for size in (0, 1, 7, 16, 33, 100):
        x = np.linspace(-3e38, 3e38, size, dtype=np.float32)
        assert _core.first_nonfinite(x) == -1
        for position in range(size):
            for bad in (np.nan, np.inf, -np.inf):
                spoiled = x.copy()
                spoiled[position:] = bad
                assert _core.first_nonfinite(spoiled) == position
