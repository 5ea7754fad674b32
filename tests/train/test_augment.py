from __future__ import annotations

import torch

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
