"""Models that read both ways: what they compute is tested in test_model.py; here what they refuse, and what they keep."""

from __future__ import annotations

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.errors import InputError, KernelError, ModelFormatError
from hadamrnn_ext.file.card import Card, LayerCard
from hadamrnn_ext.file.preprocess import Permutation, Preprocess


@pytest.fixture
def both(rng, make_model):
    return make_model(rng, bidirectional=True, labels=("a", "b", "c"))


def test_it_is_the_sum_of_two_networks(rng, make_model, both):
    """Written out: the second one is an ordinary model on the reversed sequence."""
    p = both.parameters()
    one = {name: value for name, value in p.items() if not name.startswith("reverse.")}
    second = {
        name.removeprefix("reverse."): value for name, value in p.items() if name.startswith("reverse.")
    }
    card = Card("features", "last", 2, 3, (LayerCard(8, 8),), weight_bits=None, output_weight_bits=None)
    forwards = hr.Model.from_parameters(card, one)
    backwards = hr.Model.from_parameters(card, {**second, "output.bias": np.zeros(3)})
    x, lengths = rng.normal(size=(3, 6, 2)).astype(np.float32), np.array([6, 2, 1])
    expected = forwards.infer(x) + backwards.infer(x[:, ::-1])
    np.testing.assert_array_equal(both.infer(x), expected)
    for row, length, y in zip(x, lengths, both.infer(x, lengths), strict=True):
        np.testing.assert_array_equal(y, (forwards.infer(row[:length]) + backwards.infer(row[:length][::-1])))


def test_it_is_a_model_like_others(rng, both, tmp_path):
    x = rng.normal(size=(5, 7, 2)).astype(np.float32)
    expected, out = both.infer(x), np.empty((5, 3), np.float32)
    assert both.infer(x, out=out) is out
    np.testing.assert_array_equal(out, expected)
    both.save(tmp_path / "both.safetensors")
    again = hr.load(tmp_path / "both.safetensors")
    assert again == both
    assert again.card.bidirectional is True
    np.testing.assert_array_equal(again.infer(x, num_threads=2), expected)
    np.testing.assert_array_equal(
        both.classify(x).labels[:, 0], np.array(["a", "b", "c"])[expected.argmax(1)]
    )
    assert both.infer(np.zeros((0, 7, 2))).shape == (0, 3)
    assert "both directions" in repr(both)
    assert "backwards in time" in str(both.describe())
    once = both.describe().step.count
    assert (
        once
        == 2
        * hr.Model.from_parameters(
            Card("features", "last", 2, 3, (LayerCard(8, 8),)),
            {name: value for name, value in both.parameters().items() if not name.startswith("reverse.")},
        )
        .describe()
        .step.count
    )


def test_a_permutation_comes_before_the_directions(rng, make_model):
    steps = Preprocess(permutation=Permutation(3, 9))
    plain = make_model(np.random.default_rng(1), bidirectional=True)
    permuted = plain.with_card(Card(**{**vars(plain.card), "preprocess": steps}))
    x = rng.normal(size=(4, 9, 2)).astype(np.float32)
    np.testing.assert_array_equal(
        permuted.infer(x), plain.infer(x[:, np.random.RandomState(3).permutation(9)])
    )


def test_what_goes_forwards_alone_refuses_it(both, tmp_path):
    for call in (both.stream, both.streams):
        with pytest.raises(InputError, match=r"from its end as well.*infer takes"):
            call()
        with pytest.raises(InputError, match="from its end as well"):
            call(raw=True)
    with pytest.raises(KernelError, match=r"both directions: use Model.infer"):
        both.unroll(5)
    with pytest.raises(InputError, match="both directions"):
        both.quantize(np.ones((2, 3, 2)))
    with pytest.raises(InputError, match="both directions"):
        hr.export.c(both, tmp_path, "net")
    assert not any(tmp_path.iterdir())


def test_onnx_refuses_it(both, tmp_path):
    pytest.importorskip("onnx")
    with pytest.raises(InputError, match="both directions"):
        hr.export.onnx(both, tmp_path / "net.onnx")


def test_the_card_says_no_to_what_there_is_not(make_model, rng, both):
    layers = (LayerCard(8, 8), LayerCard(8, 8))
    with pytest.raises(ModelFormatError, match="bidirectional model is a float model of one layer"):
        Card("features", "last", 2, 3, layers, bidirectional=True)
    integer = make_model(rng).quantize(np.ones((2, 3, 2)))
    with pytest.raises(ModelFormatError, match="float model of one layer"):
        Card(**{**vars(integer.card), "bidirectional": True})
    plain = make_model(rng)
    with pytest.raises(ModelFormatError, match=r"'reverse.input.codes' is missing"):
        plain.with_card(Card(**{**vars(plain.card), "bidirectional": True}))
    assert Card(**{**vars(plain.card), "bidirectional": False}) == plain.card
