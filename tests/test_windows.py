"""Windows of an endless sequence: the bits of ``infer`` of each, however the steps arrive."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from hadamrnn_ext.errors import InputError, ShapeError
from hadamrnn_ext.file.preprocess import Normalization, Permutation, Preprocess

KINDS = {
    "last": {"sizes": ((16, 16), (16, 4))},
    "mean": {"sizes": ((24, 12),), "output": "mean"},
    "every step": {"sizes": ((16, 8),), "output": "all"},
    "tokens": {"input": "tokens", "input_size": 7},
    "normalized": {"preprocess": Preprocess(normalization=Normalization((1.0, 2.0), (0.5, 4.0)))},
}


@pytest.fixture(params=KINDS)
def model(request, rng, make_model):
    return make_model(rng, **KINDS[request.param])


def draw(rng, model, steps):
    if model.card.input == "tokens":
        return rng.integers(0, model.card.input_size, steps)
    return rng.normal(size=(steps, model.card.input_size)).astype(np.float32)


def expected(model, x, length, hop):
    windows = [x[begin : begin + length] for begin in range(0, len(x) - length + 1, hop)]
    logits = [model.infer(window) for window in windows]
    return np.array([y[-1] if model.card.output == "all" else y for y in logits])


@pytest.mark.parametrize(("length", "hop"), [(8, 8), (8, 3), (7, 1), (1, 1), (9, 4)])
def test_each_window_has_the_bits_of_infer(rng, model, length, hop):
    x = draw(rng, model, 30)
    assert model.windows(length, hop).run(x).tobytes() == expected(model, x, length, hop).tobytes()
    steps, chunks = model.windows(length, hop), model.windows(length, hop)
    found = [y for y in map(steps.step, x) if y is not None]
    assert np.array(found).tobytes() == expected(model, x, length, hop).tobytes()
    parts = [chunks.run(part) for part in np.split(x, [0, 1, 2, 9, 20])]
    assert np.concatenate(parts).tobytes() == expected(model, x, length, hop).tobytes()
    assert steps.steps == chunks.steps == 30


def test_hop_is_the_length_unless_it_is_said(rng, make_model):
    model = make_model(rng)
    x = draw(rng, model, 25)
    assert model.windows(10).run(x).tobytes() == expected(model, x, 10, 10).tobytes()
    assert model.windows(10).run(x[:9]).shape == (0, 3)


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_their_own_way(rng, model, how):
    x = draw(rng, model, 30)
    windows = model.windows(8, 3)
    first = windows.run(x[:13])
    other = how(windows)
    rest = windows.run(x[13:])
    assert other.run(x[13:]).tobytes() == rest.tobytes()
    assert np.concatenate([first, rest]).tobytes() == expected(model, x, 8, 3).tobytes()


def test_what_is_refused_leaves_everything_as_it_was(rng, make_model):
    model = make_model(rng)
    x = draw(rng, model, 30)
    bad = x[13:].copy()
    bad[15, 1] = np.nan
    windows = model.windows(8, 3)
    first = windows.run(x[:13])
    with pytest.raises(InputError, match=r"^x\[15, 1\] is nan"):
        windows.run(bad)
    with pytest.raises(InputError, match=r"^x\[1\] is nan"):
        windows.step(bad[15])
    for wrong in (x[0], x[:, :1], x[None]):
        with pytest.raises(ShapeError, match=r"expected \(T, 2\), time steps"):
            windows.run(wrong)
    for wrong in (x[:1], x[0, :1], x[None]):
        with pytest.raises(ShapeError, match=r"expected \(2,\), one time step"):
            windows.step(wrong)
    assert windows.steps == 13
    rest = windows.run(x[13:])
    assert np.concatenate([first, rest]).tobytes() == expected(model, x, 8, 3).tobytes()


def test_tokens_that_are_refused_are_named_as_they_are_given(rng, make_model):
    windows = make_model(rng, input="tokens", input_size=7).windows(8, 3)
    tokens = rng.integers(0, 7, 30)
    tokens[20] = 7
    with pytest.raises(InputError, match=r"^x\[20\] is 7; expected tokens 0 .. 6"):
        windows.run(tokens)
    with pytest.raises(InputError, match=r"^x is 7; expected tokens"):
        windows.step(7)
    with pytest.raises(ShapeError, match=r"shape \(1, 30\); expected \(T,\), time steps"):
        windows.run(tokens[None])
    with pytest.raises(ShapeError, match=r"shape \(30,\); expected \(\), one time step"):
        windows.step(tokens)


def test_an_overflow_is_named_by_its_step(rng, make_model):
    windows = make_model(rng).windows(8, 3)
    x = np.zeros((30, 2), np.float32)
    x[21] = 3e38
    with pytest.raises(InputError, match=r"^the network leaves the finite numbers of float32 at x\[21\], "):
        windows.run(x)
    with pytest.raises(InputError, match=r"^the network leaves the finite numbers of float32 at x, "):
        windows.step(x[21])
    assert windows.steps == 0
    assert len(windows.run(x[:21])) == 5


def test_classes(rng, make_model):
    model = make_model(rng, labels=("a", "b", "c"))
    x = draw(rng, model, 20)
    found = model.windows(5).classify(x, top=2)
    met = model.classify(x.reshape(4, 5, 2), top=2)
    assert np.array_equal(found.labels, met.labels)
    assert np.array_equal(found.probabilities, met.probabilities)


@pytest.mark.parametrize(("length", "hop"), [(0, None), (5, 0), (5, 6), (2.5, None), (True, None)])
def test_sizes_that_make_no_windows(rng, make_model, length, hop):
    with pytest.raises(InputError, match=r"length|hop"):
        make_model(rng).windows(length, hop)


def test_models_that_cannot_stream(rng, make_model):
    model = make_model(rng, preprocess=Preprocess(permutation=Permutation(1, 5)))
    with pytest.raises(InputError, match="permuted"):
        model.windows(5)
    assert model.windows(5, raw=True).run(draw(rng, model, 5)).shape == (1, 3)
