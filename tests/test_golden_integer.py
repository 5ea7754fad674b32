"""The golden integer model by hand: what each operation means, at the edges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hadamrnn_ext.golden.integers import Layer, Network, forward, hidden, integer_logits, quantize_input


def int32(*values):
    return np.array(values, np.int32)


def one_step(z, recurrence="linear", bits=8, threshold=0, fraction_bits=4):
    """State after a first step whose sum before rounding is z, in units of 2^-4: beta alone."""
    n = len(z)
    layer = Layer(
        1,
        np.ones(n, np.int8),
        int32(*z),
        bits,
        fraction_bits,
        1,
        1,
        0,
        recurrence,
        np.full(n, threshold, np.int32),
    )
    net = Network([layer], np.zeros((1, n), np.int8), int32(0), np.float32(1), np.float32(1))
    net = replace(net, codes=np.zeros((n, 1), np.int8), input_scale=np.float32(1), input_range=(-7, 7))
    return hidden(net, np.zeros((1, 1, 1), np.float32))[0][0, 0].tolist()


def test_rounding_is_to_the_nearest_and_halves_up():
    assert one_step([7, 8, 9, 23, 24, -7, -8, -9, -24, -25]) == [0, 1, 1, 1, 2, 0, 0, -1, -1, -2]


def test_states_saturate_at_k_bits():
    assert one_step([127 * 16, 128 * 16, 9999 * 16, -128 * 16, -129 * 16]) == [127, 127, 127, -128, -128]
    assert one_step([40000 * 16, -40000 * 16], bits=16) == [32767, -32768]


def test_activations():
    z = [-32, -16, 0, 16, 32]
    assert one_step(z) == [-2, -1, 0, 1, 2]
    assert one_step(z, "relu") == [0, 0, 0, 1, 2]
    assert one_step(z, "modrelu", threshold=-1) == [-1, 0, 0, 0, 1]
    assert one_step(z, "modrelu", threshold=1) == [-3, -2, 0, 2, 3]
    # beta of a sign recurrence has half a unit subtracted, which the rounding adds again
    assert one_step([-9, -8, -7], "sign", bits=1) == [-1, 1, 1]


def test_two_steps_by_hand():
    # n = m = 4, H z = [a+b+c+d, a-b+c-d, a+b-c-d, a-b-c+d]; F = 4, M_h = 2^4 / sqrt(4) = 8
    layer = Layer(4, np.array([1, -1, 1, 1], np.int8), int32(0, 0, 0, 3), 8, 4, 8, 2, 1)
    net = Network(
        [layer],
        np.array([[1, 1, 1, 1], [0, 7, 0, -1]], np.int8),
        int32(0, 5),
        np.float32(1),
        np.float32(0.5),
        codes=np.array([[4], [8], [0], [-4]], np.int8),
        input_scale=np.float32(0.25),
        input_range=(-7, 7),
        output="all",
    )
    x = np.float32([[[0.25], [0.5]]])
    # in = (codes q 2 + beta) 2 = (16, 32, 0, -10) at q = 1: over 2^4, rounded, (1, 2, 0, -1)
    # then H z = (2, 0, 4, -2), u acc M_h = (16, 0, 32, -16), in = (32, 64, 0, -26): (48, 64, 32, -42) / 16
    assert hidden(net, x)[0].tolist() == [[[1, 2, 0, -1], [3, 4, 2, -3]]]
    assert integer_logits(net, hidden(net, x)[0]).tolist() == [[[3, 19], [9, 33]]]
    np.testing.assert_array_equal(forward(net, x), np.float32([[[1.5, 9.5], [4.5, 16.5]]]))


def test_a_float_readout_computes_with_the_scaled_state():
    layer = Layer(1, np.ones(2, np.int8), int32(0, 0), 8, 4, 16, 16, 0)
    net = Network(
        [layer],
        np.float32([[0.5, 2.0]]),
        np.float32([1.0]),
        np.float32(0.25),
        codes=np.array([[1], [-1]], np.int8),
        input_scale=np.float32(1),
        input_range=(-7, 7),
    )
    assert forward(net, np.float32([[[3.0]]])).tolist() == [[0.5 * 0.75 + 1]]


def test_tokens_are_rows_of_the_table_with_their_own_multipliers():
    layer = Layer(1, np.ones(2, np.int8), int32(1, 0), 8, 1, 2, None, 1)
    table, multipliers = np.array([[1, -1], [2, 3]], np.int8), int32(1, 4)
    net = Network(
        [layer],
        np.eye(2, dtype=np.int8),
        int32(0, 0),
        np.float32(1),
        np.float32(1),
        table=table,
        table_multiplier=multipliers,
    )
    # F = 1: in = (R M + beta) 2 is in halves of a unit
    assert hidden(net, np.array([[0, 1]]))[0].tolist() == [[[2, -1], [2 + 9, -1 + 12]]]


@pytest.mark.parametrize(
    ("value", "code"), [(0.124, 0), (0.125, 0), (0.126, 1), (0.375, 2), (-0.125, 0), (9, 7), (-9, -7)]
)
def test_inputs_round_half_to_even_and_clamp(value, code):
    net = Network(
        [], np.zeros(0), np.zeros(0), np.float32(1), input_scale=np.float32(0.25), input_range=(-7, 7)
    )
    assert quantize_input(net, np.float32([value])).tolist() == [code]


def test_infinities_saturate():
    net = Network(
        [], np.zeros(0), np.zeros(0), np.float32(1), input_scale=np.float32(0.25), input_range=(0, 255)
    )
    assert quantize_input(net, np.float32([np.inf, -np.inf, -1])).tolist() == [255, 0, 0]
