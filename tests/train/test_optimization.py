from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from hadamrnn_ext import nn
from hadamrnn_ext.train import get_preset
from hadamrnn_ext.train.optimization import clip_weights, hysteresis, learning_rates


def rates(epochs=4, **recipe):
    """Those of the weights and those of the signs in each epoch, in units of the preset's lr."""
    preset = dataclasses.replace(get_preset("pmnist"), lr=1.0, epochs=epochs, **recipe)
    return [
        list(column)
        for column in zip(*(learning_rates(preset, epoch) for epoch in range(epochs)), strict=True)
    ]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("step", [1, 0.5, 0.25, 0.125]),
        ("cosine", [1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2]),
        ("constant", [1, 1, 1, 1]),
    ],
)
def test_schedules(schedule, expected):
    weights, signs = rates(schedule=schedule, decay=0.5)
    assert weights == pytest.approx(expected)
    assert signs == weights


def test_signs_may_have_a_schedule_of_their_own():
    weights, signs = rates(decay=0.5, sign_lr=3.0, sign_schedule="constant")
    assert (weights, signs) == ([1, 0.5, 0.25, 0.125], [3, 3, 3, 3])
    assert rates(decay=0.5, sign_decay=0.1)[1] == pytest.approx([1, 0.1, 0.01, 0.001])


def test_the_rates_rise_during_the_warmup():
    weights, signs = rates(schedule="constant", warmup=3, sign_lr=2.0)
    assert weights == [0.25, 0.5, 0.75, 1]
    assert signs == [0.5, 1, 1.5, 2]


def test_a_latent_that_crosses_zero_goes_on_to_the_margin():
    latents = [torch.tensor([0.02, -0.02, 0.5, 0.0]), torch.tensor([0.01])]
    with hysteresis(latents, 0.1):
        latents[0] += torch.tensor([-0.03, 0.02, -0.1, 0.0])  # -0.02 + 0.02 is 0, whose sign is +
        latents[1] -= 0.02
    torch.testing.assert_close(latents, [torch.tensor([-0.1, 0.1, 0.4, 0.0]), torch.tensor([-0.1])])


def test_without_a_margin_latents_are_left_alone():
    latent = torch.tensor([0.02])
    with hysteresis([latent], 0.0):
        latent -= 0.03
    torch.testing.assert_close(latent, torch.tensor([-0.01]))


def flips(margin: float) -> int:
    """Sign changes in 100 steps of Adam in which either sign is worse than the other."""
    latent = torch.nn.Parameter(torch.tensor([0.0005]))
    adam = torch.optim.Adam([latent], lr=1e-3)
    count = 0
    for _ in range(100):
        before = bool(latent >= 0)
        latent.grad = torch.tensor([1.0 if before else -1.0])
        with hysteresis([latent.data], margin):
            adam.step()
        count += before != bool(latent >= 0)
    return count


def test_a_margin_ends_the_flutter():
    assert flips(0.0) > 10
    assert 0 < flips(0.02) < 6


def test_weights_are_clamped_to_a_multiple_of_their_root_mean_square():
    weight = torch.tensor([[1.0, -1.0, 7.0, 1.0]])  # root mean square: sqrt(13)
    bias = torch.tensor([0.5, -3.0])  # sqrt(4.625)
    clip_weights([weight, bias], 1.2)
    torch.testing.assert_close(weight, torch.tensor([[1.0, -1.0, 1.2 * math.sqrt(13), 1.0]]))
    torch.testing.assert_close(bias, torch.tensor([0.5, -1.2 * math.sqrt(4.625)]))
    clip_weights([weight], None)
    assert weight.max() == pytest.approx(1.2 * math.sqrt(13))


def test_what_is_clamped_is_what_is_quantized():
    model = nn.SequenceModel(1, 8, 3, weight_bits=None, output_weight_bits=3, bias_bits=4)
    assert [id(p) for p in model.quantized_parameters()] == [id(model.rnn.bias), id(model.output_weight)]
    assert nn.SequenceModel(1, 8, 3, weight_bits=None).quantized_parameters() == []
