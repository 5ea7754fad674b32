"""The golden model against what shares none of its code: dense float64 matrices, and arithmetic by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from hadamrnn_ext import hadamard
from hadamrnn_ext.golden.floats import Layer, Network, forward, hidden, storage_order

MakeNetwork = Callable[..., Network]
Rng = np.random.Generator

RECURRENCES = ["linear", "relu", "modrelu", "sign"]
KERNELS = ["fwht", "dense", "masked_add"]
# (hidden size, block size): one block and several, with and without a power of two
GEOMETRIES = [(1, 1), (2, 1), (2, 2), (8, 8), (24, 8), (12, 12), (48, 24), (40, 20), (56, 28), (64, 16)]


def dense_matrix(layer: Layer) -> np.ndarray:
    """W = diag(u) (I_q (x) H_m) / sqrt(m), an (n, n) float64 array."""
    blocks = len(layer.signs) // layer.block_size
    h = np.kron(np.eye(blocks), hadamard.matrix(layer.block_size).astype(np.float64))
    w: np.ndarray = np.diag(layer.signs.astype(np.float64)) @ h / np.sqrt(layer.block_size)
    return w


def activate(layer: Layer, z: np.ndarray) -> np.ndarray:
    results: dict[str, np.ndarray] = {
        "linear": z,
        "relu": np.maximum(z, 0),
        "modrelu": np.sign(z) * np.maximum(np.abs(z) + (0 if layer.modrelu is None else layer.modrelu), 0),
        "sign": 2.0 * (z >= 0) - 1,
    }
    return results[layer.recurrence]


def reference(net: Network, x: np.ndarray) -> np.ndarray:
    """All outputs (T, o) of one sequence in float64."""
    if net.embedding is not None:
        x = net.embedding[x]
    elif net.tokens:
        x = np.eye(net.input_weight.shape[1])[x]
    below: np.ndarray = x.astype(np.float64) @ net.input_weight.T.astype(np.float64)
    for layer in net.layers:
        if layer.input_signs is not None:
            size = layer.input_signs.shape[1]
            below = np.maximum(below, 0) @ layer.input_signs.T.astype(np.float64) / np.sqrt(size)
        w, h, states = dense_matrix(layer), np.zeros(len(layer.signs)), []
        for v in below + layer.bias:
            h = activate(layer, w @ h + v)
            states.append(h)
        below = np.array(states)
    y: np.ndarray = np.maximum(below, 0) @ net.output_weight.T.astype(np.float64) + net.output_bias
    return y


@pytest.mark.parametrize(("n", "m"), GEOMETRIES)
def test_w_is_orthogonal(rng: Rng, random_network: MakeNetwork, n: int, m: int) -> None:
    w = dense_matrix(random_network(rng, [(n, m)]).layers[0])
    np.testing.assert_allclose(w @ w.T, np.eye(n), atol=1e-12)
    assert np.count_nonzero(w) == n * m


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize(("n", "m"), GEOMETRIES)
def test_features(
    rng: Rng, random_network: MakeNetwork, n: int, m: int, recurrence: str, kernel: str
) -> None:
    net = random_network(rng, [(n, m)], recurrence=recurrence, output="all")
    x = rng.normal(size=(3, 9, 3)).astype(np.float32)
    y = forward(net, x, kernel=kernel)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, [reference(net, row) for row in x], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize("sizes", [[(24, 12), (16, 16)], [(8, 8), (40, 20), (4, 4)]])
def test_layers(rng: Rng, random_network: MakeNetwork, sizes: list[tuple[int, int]], recurrence: str) -> None:
    net = random_network(rng, sizes, recurrence=recurrence, output="all")
    x = rng.normal(size=(2, 7, 3)).astype(np.float32)
    np.testing.assert_allclose(forward(net, x), [reference(net, row) for row in x], rtol=1e-4, atol=1e-4)
    assert [h.shape for h in hidden(net, x)] == [(2, 7, n) for n, _ in sizes]


@pytest.mark.parametrize("vocabulary", [None, 11])
def test_tokens(rng: Rng, random_network: MakeNetwork, vocabulary: int | None) -> None:
    net = random_network(rng, [(24, 12)], input_size=6, vocabulary=vocabulary, tokens=True, output="all")
    tokens = rng.integers(0, vocabulary or 6, (3, 8))
    y = forward(net, tokens)
    np.testing.assert_allclose(y, [reference(net, row) for row in tokens], rtol=1e-4, atol=1e-4)


def test_a_token_is_its_row_of_the_table(rng: Rng, random_network: MakeNetwork) -> None:
    net = random_network(rng, [(8, 8)], input_size=6, tokens=True)
    tokens = rng.integers(0, 6, (3, 8))
    one_hot = np.eye(6, dtype=np.float32)[tokens]
    np.testing.assert_array_equal(forward(net, tokens), forward(replace(net, tokens=False), one_hot))
    embedded = random_network(rng, [(8, 8)], input_size=4, vocabulary=6)
    assert embedded.embedding is not None
    features = embedded.embedding[tokens]
    no_table = replace(embedded, tokens=False, embedding=None)
    np.testing.assert_array_equal(forward(embedded, tokens), forward(no_table, features))


@pytest.mark.parametrize("output", ["last", "all"])
def test_lengths_are_those_of_sequences_alone(
    rng: Rng, random_network: MakeNetwork, output: Literal["last", "all"]
) -> None:
    net = random_network(rng, [(24, 12), (8, 8)], output=output)
    x = rng.normal(size=(4, 9, 3)).astype(np.float32)
    lengths = np.array([9, 1, 4, 8])
    y = forward(net, x, lengths)
    for row, length in enumerate(lengths):
        alone = forward(net, x[row : row + 1, :length])[0]
        if output == "last":
            np.testing.assert_array_equal(y[row], alone)
        else:
            np.testing.assert_array_equal(y[row, :length], alone)
            assert not y[row, length:].any()


def test_last_is_the_last_of_all(rng: Rng, random_network: MakeNetwork) -> None:
    net = random_network(rng, [(40, 20)], output="all")
    x = rng.normal(size=(4, 9, 3)).astype(np.float32)
    np.testing.assert_array_equal(forward(replace(net, output="last"), x), forward(net, x)[:, -1])


def test_a_sequence_may_be_run_in_pieces(rng: Rng, random_network: MakeNetwork) -> None:
    net = random_network(rng, [(24, 24), (8, 4)], output="all")
    x = rng.normal(size=(2, 9, 3)).astype(np.float32)
    state = [h[:, -1] for h in hidden(net, x[:, :4])]
    np.testing.assert_array_equal(forward(net, x[:, 4:], state=state), forward(net, x)[:, 4:])


@pytest.mark.parametrize("kernel", [*KERNELS, "xnor"])
@pytest.mark.parametrize(("n", "m"), GEOMETRIES)
def test_kernels_agree_on_a_one_bit_state(
    rng: Rng, random_network: MakeNetwork, n: int, m: int, kernel: str
) -> None:
    net = random_network(rng, [(n, m)], recurrence="sign", output="all")
    x = rng.normal(size=(2, 9, 3)).astype(np.float32)
    np.testing.assert_array_equal(forward(net, x, kernel=kernel), forward(net, x))


def one_unit(recurrence: str, z: list[float], modrelu: float = 0.0) -> list[float]:
    """The first step of units whose pre-activation is z: W h_0 = 0 and x = 0, so z is the bias."""
    n = len(z)
    layer = Layer(
        1, np.ones(n, np.int8), np.array(z, np.float32), recurrence, np.full(n, modrelu, np.float32)
    )
    net = Network(
        [layer], np.zeros((n, 1), np.float32), np.zeros((1, n), np.float32), np.zeros(1, np.float32)
    )
    return [float(value) for value in hidden(net, np.zeros((1, 1, 1), np.float32))[0][0, 0]]


def test_activations_by_hand() -> None:
    z = [-2.0, -0.25, -0.0, 0.0, 0.25, 2.0]
    assert one_unit("linear", z) == z
    assert one_unit("relu", z) == [0, 0, 0, 0, 0.25, 2]
    assert one_unit("sign", z) == [-1, -1, 1, 1, 1, 1]
    assert one_unit("modrelu", z, -0.5) == [-1.5, 0, 0, 0, 0, 1.5]
    assert one_unit("modrelu", z, 0.5) == [-2.5, -0.75, 0, 0, 0.75, 2.5]  # sgn(0) = 0


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_nan_passes_every_activation(recurrence: str) -> None:
    assert np.isnan(one_unit(recurrence, [np.nan, -np.nan], 0.5)).all()
    assert np.isnan(one_unit(recurrence, [np.nan, -np.nan], -0.5)).all()


def test_activations_of_infinities_by_hand() -> None:
    z = [-np.inf, np.inf]
    assert one_unit("linear", z) == z
    assert one_unit("relu", z) == [0, np.inf]
    assert one_unit("sign", z) == [-1, 1]
    assert one_unit("modrelu", z, -0.5) == z
    assert not np.signbit(one_unit("relu", [-0.0, -1.0])).any()


@pytest.mark.parametrize("kernel", [*KERNELS, "xnor"])
@pytest.mark.parametrize("output", ["last", "all", "mean"])
@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_one_nan_makes_all_later_logits_nan(
    rng: Rng, random_network: MakeNetwork, recurrence: str, output: str, kernel: str
) -> None:
    net = random_network(rng, [(24, 8), (20, 20)], recurrence=recurrence, output=output)
    x = rng.normal(size=(2, 6, 3)).astype(np.float32)
    finite = forward(net, x, kernel=kernel)
    x[0, 3, 1] = np.nan
    y = forward(net, x, kernel=kernel)
    np.testing.assert_array_equal(y[1], finite[1])
    if output == "all":
        np.testing.assert_array_equal(y[0, :3], finite[0, :3])
    assert np.isnan(y[0, 3:] if output == "all" else y[0]).all()
    lengths = np.array([3, 6])  # and none before it
    assert np.isfinite(forward(net, x, lengths, kernel)).all()


def test_two_steps_by_hand() -> None:
    # n = m = 4: H h is [a+b+c+d, a-b+c-d, a+b-c-d, a-b-c+d], 1/sqrt(4) = 1/2, u = (1, -1, 1, 1)
    layer = Layer(4, np.array([1, -1, 1, 1], np.int8), np.array([0, 0, 0, 1], np.float32))
    weight = np.array([[1], [2], [0], [-1]], np.float32)
    readout = np.array([[1, 1, 1, 1], [0, 10, 0, -1]], np.float32)
    net = Network([layer], weight, readout, np.array([0, 5], np.float32), output="all")
    x = np.array([[[1], [2]]], np.float32)
    # h_1 = (1, 2, 0, 0);  W h_1 = (3, -(-1), 3, -1) / 2;  h_2 = W h_1 + (2, 4, 0, -2 + 1)
    np.testing.assert_array_equal(hidden(net, x)[0], [[[1, 2, 0, 0], [3.5, 4.5, 1.5, -1.5]]])
    np.testing.assert_array_equal(forward(net, x), [[[3, 25], [9.5, 50]]])


def test_storage_order() -> None:
    np.testing.assert_array_equal(storage_order(16, 4), np.arange(16))
    np.testing.assert_array_equal(storage_order(4, 2), [0, 1, 2, 3] + 12 * [-1])
    order = storage_order(48, 24).reshape(12, 16)  # q = 2 blocks, k = 1: four columns of r = 12 rows
    np.testing.assert_array_equal(order[:, :4], np.arange(12)[:, None] + [0, 12, 24, 36])
    assert (order[:, 4:] == -1).all()
    assert storage_order(12 * 17, 12).shape == (12 * 32,)


def test_the_readout_adds_in_sixteen_parts() -> None:
    # 1e8 and -1e8 are units 0 and 16: both in partial sum 0, where a 3 (unit 32) then survives whole. The 1
    # of unit 1 is folded in after that. Added from left to right the 1 would be lost in 1e8.
    h = np.zeros(48, np.float32)
    h[[0, 1, 16, 32]] = [1, 1, 1, 1]
    weight = np.zeros((1, 48), np.float32)
    weight[0, [0, 1, 16, 32]] = [1e8, 1, -1e8, 3]
    layer = Layer(1, np.ones(48, np.int8), h)
    net = Network([layer], np.zeros((48, 1), np.float32), weight, np.array([0.5], np.float32))
    assert forward(net, np.zeros((1, 1, 1), np.float32)).tolist() == [[4.5]]
