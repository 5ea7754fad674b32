from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from hadamrnn_ext.data import tasks
from hadamrnn_ext.train import PresetError, get_preset
from hadamrnn_ext.train.augment import Augmentation


def test_nothing_is_what_it_does_unless_told():
    for inputs in (torch.randn(2, 5, 3), torch.arange(6).reshape(2, 3)):
        assert Augmentation()(inputs) is inputs


def test_a_shift_turns_each_sequence_by_a_number_of_steps_of_its_own():
    inputs = torch.arange(40 * 7 * 2, dtype=torch.float32).reshape(40, 7, 2)
    torch.manual_seed(0)
    turned = Augmentation(time_shift=2)(inputs)
    met = set()
    for before, after in zip(inputs, turned, strict=True):
        (shift,) = [shift for shift in range(-3, 4) if torch.equal(after, before.roll(shift, 0))]
        met.add(shift)
    assert met == {-2, -1, 0, 1, 2}


def test_noise_has_the_standard_deviation_and_no_mean():
    inputs = torch.full((50, 40, 5), 3.0)
    torch.manual_seed(0)
    noise = Augmentation(input_noise=0.5)(inputs) - inputs
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 0.5) < 0.02


def test_features_are_not_dropped_and_tokens_have_no_noise():
    features, tokens = torch.randn(3, 4, 2), torch.arange(1, 13).reshape(3, 4)
    assert torch.equal(Augmentation(token_dropout=0.9)(features), features)
    assert torch.equal(Augmentation(input_noise=1.0, time_shift=3)(tokens), tokens)
    dropped = Augmentation(token_dropout=0.5)(tokens)
    assert dropped.dtype == tokens.dtype
    assert ((dropped == 0) | (dropped == tokens)).all()


def test_sequences_come_after_the_last_steps_of_others():
    inputs = torch.arange(6)[:, None, None] * 100 + torch.arange(5)[None, :, None].float()
    lengths = torch.tensor([5, 5, 5, 3, 2, 5])
    torch.manual_seed(1)
    seen = set()
    for _ in range(40):
        for ends in (None, lengths):
            longer, reach = Augmentation(joined=4).after_others(inputs, ends)
            more = longer.shape[1] - 5
            seen.add(more)
            assert torch.equal(longer[:, more:], inputs)
            if ends is None or more == 0:
                assert reach is ends
            else:
                assert torch.equal(reach, lengths + more)
            if more:
                other = (longer[:, 0, 0] / 100).floor().long()
                assert sorted(other.tolist()) == list(range(6))
                last = torch.full((6,), 5)[other] if ends is None else lengths[other]
                assert torch.equal(longer[:, more - 1, 0], 100 * other + last - 1)
                assert (longer[:, 1:more, 0] - longer[:, : more - 1, 0] <= 1).all()
    assert seen == {0, 1, 2, 3, 4}


def test_sequences_with_answers_at_every_step_are_not_joined():
    task = dataclasses.replace(tasks.load("copy", length=24), input="features")
    with pytest.raises(PresetError, match="joined is 4, but copy wants an answer at every step"):
        Augmentation.of(dataclasses.replace(get_preset("har6"), joined=4), task)


def square(side):
    """An image of a filled square in the middle, (1, side, side)."""
    image = torch.zeros(1, side, side)
    image[:, 6:-6, 6:-6] = 1
    return image


def center(images):
    """Mean row and column of the light in each of (B, side, side)."""
    places = torch.arange(images.shape[1], dtype=torch.float32)
    light = images.sum((1, 2))
    return torch.stack([(images.sum(3 - axis) * places).sum(1) / light for axis in (1, 2)], 1)


@pytest.mark.parametrize("permuted", [False, True])
def test_images_are_moved_by_a_few_pixels_each_in_its_own_way(permuted):
    side, jitter = 20, 1.0
    pixels = np.random.RandomState(3).permutation(side * side) if permuted else np.arange(side * side)
    inputs = square(side).expand(200, side, side).reshape(200, -1)[:, pixels, None]
    torch.manual_seed(0)
    moved = Augmentation(image_jitter=jitter, pixels=pixels if permuted else None)(inputs)
    images = torch.empty(200, side * side)
    images[:, pixels] = moved[..., 0]
    centers = center(images.reshape(200, side, side)) - (side - 1) / 2
    assert centers.abs().max() < 1.4 * jitter  # the middle is moved, and a little turned and scaled
    assert (centers.std(0) - jitter / 3**0.5).abs().max() < 0.1  # uniform from -jitter to jitter
    assert centers.mean(0).abs().max() < 0.15
    still = Augmentation(image_jitter=1e-9, pixels=pixels if permuted else None)(inputs)
    torch.testing.assert_close(still, inputs, atol=1e-5, rtol=0)


def test_what_has_no_pixels_is_not_jittered():
    with pytest.raises(PresetError, match="copy has 10 values at each of 50 steps; expected one pixel"):
        Augmentation.of(
            dataclasses.replace(get_preset("copy"), image_jitter=1.0), tasks.load("copy", length=50)
        )
