"""Random models, float and integer, on random input: every way to a result gives the bits of the golden model."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hadamrnn_ext as hr
from hadamrnn_ext import isa
from hadamrnn_ext.golden import floats as golden
from hadamrnn_ext.golden import integers as golden_integer
from hadamrnn_ext.golden.floats import Layer, Network

ORDERS = (1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 48)
BITS = st.sampled_from((None, 1, 2, 3, 4, 5, 6, 7, 8))
# Each example makes a model, and fixtures only give functions.
EXAMPLES = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """Fields of a card, the shape of a batch, and how it is laid out, cut and computed."""
    tokens, layers = draw(st.booleans()), draw(st.integers(1, 3))
    blocks = [draw(st.sampled_from(ORDERS)) for _ in range(layers)]
    batch, steps = draw(st.integers(1, 5)), draw(st.integers(1, 70))
    return {
        "fields": {
            "sizes": tuple((m * draw(st.integers(1, 3)), m) for m in blocks),
            "recurrence": draw(st.sampled_from(("linear", "relu", "modrelu", "sign"))),
            "input": "tokens" if tokens else "features",
            "output": draw(st.sampled_from(("last", "all", "mean"))),
            "input_size": draw(st.integers(1, 6)),
            "output_size": draw(st.integers(1, 11)),
            "weight_bits": draw(BITS),
            "output_weight_bits": draw(BITS),
            "embedding_size": draw(st.sampled_from((None, 1, 3))) if tokens else None,
        },
        "shape": (batch, steps),
        "lengths": draw(st.none() | st.lists(st.integers(1, steps), min_size=batch, max_size=batch)),
        "cuts": sorted(draw(st.lists(st.integers(0, steps), max_size=4))),
        "layout": draw(st.sampled_from(("C", "F", "strided", "reversed", "float64", "swapped"))),
        "threads": draw(st.integers(1, 5)),
        "isa": draw(st.sampled_from(isa.available())),
        "seed": draw(st.integers(0, 2**32 - 1)),
    }


@contextmanager
def instruction_set(name: str) -> Iterator[None]:
    before = isa.active()
    isa.use(name)
    try:
        yield
    finally:
        isa.use(before)


def network(model: hr.Model) -> Network:
    """The golden network of a float model."""
    p = model.parameters()
    layers = [
        Layer(
            layer.block_size,
            p[f"layers.{i}.signs"],
            p[f"layers.{i}.bias"],
            layer.recurrence,
            p.get(f"layers.{i}.modrelu"),
            p.get(f"layers.{i}.input_signs"),
        )
        for i, layer in enumerate(model.card.layers)
    ]
    weights = p["input.weight"], p["output.weight"], p["output.bias"]
    return Network(
        layers, *weights, p.get("embedding.weight"), model.card.input == "tokens", model.card.output
    )


def input_of(model: hr.Model, rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    if model.card.input == "tokens":
        return rng.integers(0, model.card.input_size, shape)
    return rng.standard_normal((*shape, model.card.input_size), np.float32)


def laid_out(x: Any, layout: str) -> Any:
    """The same values elsewhere in memory."""
    match layout:
        case "F":
            return np.asfortranarray(x)
        case "strided":
            return np.repeat(x, 3, axis=1)[:, ::3]
        case "reversed":
            return np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1]
        case "float64" if x.dtype == np.float32:
            return x.astype(np.float64)
        case "swapped":
            return x.astype(x.dtype.newbyteorder())
    return x


def same(a: Any, b: Any) -> None:
    np.testing.assert_array_equal(a, b, strict=True)


def check_all_ways(model: hr.Model, case: dict[str, Any], x: Any, expected: Any, lengths: Any) -> None:
    """Layouts, threads, one by one, another order, chunks, files: `expected`, to the bit."""
    same(model.infer(laid_out(x, case["layout"]), lengths, num_threads=case["threads"]), expected)
    order = np.random.default_rng(case["seed"]).permutation(len(x))
    same(model.infer(x[order], None if lengths is None else lengths[order], num_threads=2), expected[order])
    for again in (hr.Model.from_bytes(model.to_bytes()), pickle.loads(pickle.dumps(model))):
        assert again == model
        same(again.infer(x, lengths), expected)
    for i, sequence in enumerate(x):
        end = len(sequence) if lengths is None else lengths[i]
        one = model.infer(sequence[:end])
        same(one, expected[i, :end] if model.card.output == "all" else expected[i])
        stream, bounds = model.stream(), [0, *(min(cut, end) for cut in case["cuts"]), end]
        chunks = [stream.run(sequence[a:b]) for a, b in pairwise(bounds)]
        same(np.concatenate(chunks) if model.card.output == "all" else chunks[-1], one)


@given(case=cases())
@EXAMPLES
def test_float_models(make_model: Any, case: dict[str, Any]) -> None:
    rng = np.random.default_rng(case["seed"])
    with instruction_set(case["isa"]):
        model = make_model(rng, **case["fields"])
        assert model.isa == case["isa"]
        x, lengths = input_of(model, rng, case["shape"]), case["lengths"] and np.array(case["lengths"])
        check_all_ways(model, case, x, golden.forward(network(model), x, lengths), lengths)


@given(case=cases(), bits=st.integers(8, 16), readout=st.sampled_from(("float", "integer")))
@EXAMPLES
def test_integer_models(
    make_model: Any, integer_network: Any, case: dict[str, Any], bits: int, readout: Any
) -> None:
    rng = np.random.default_rng(case["seed"])
    with instruction_set(case["isa"]):
        floats = make_model(rng, **case["fields"])
        x, lengths = input_of(floats, rng, case["shape"]), case["lengths"] and np.array(case["lengths"])
        model = floats.quantize(x, state_bits=bits, readout=readout)
        expected = golden_integer.forward(integer_network(model), x, lengths)
        check_all_ways(model, case, x, expected, lengths)


@pytest.mark.parametrize("order", [m for m in hr.hadamard.orders(260) if m > 1])
def test_w_is_orthogonal(order: int) -> None:
    """H H^T = m I exactly, and W = diag(u) H / sqrt(m) in float32 within 1.2e-7 an element."""
    h = hr.hadamard.matrix(order).astype(np.int64)
    np.testing.assert_array_equal(h @ h.T, order * np.eye(order, dtype=np.int64))
    signs = np.random.default_rng(order).choice([-1.0, 1.0], (order, 1))
    w = (signs * h * np.float32(1 / np.sqrt(order))).astype(np.float32).astype(np.float64)
    assert abs(w.T @ w - np.eye(order)).max() < 1.2e-7
