"""Traces of model files: Python gives the logits that tests/traces/files.txt holds, as C++ must (cpp/tests/test_load.cpp)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hadamrnn_ext import zoo
from hadamrnn_ext.model import Model
from traces import Trace, assert_same_bits, read

ROOT = Path(__file__).parents[1]
TRACES = read(ROOT / "tests" / "traces" / "files.txt")


def model_of(trace: Trace) -> Model:
    if "file" in trace:
        return Model.load(ROOT / str(trace["file"]))
    return Model.from_bytes(bytes.fromhex(str(trace["content"])))


@pytest.mark.parametrize("name", TRACES)
def test_python_still_gives_these_bits(name: str) -> None:
    trace = TRACES[name]
    x = trace["x" if "x" in trace else "tokens"].astype(str(trace["type"]))
    assert_same_bits(model_of(trace).infer(x, trace.get("lengths")), trace["y"])


def test_every_bundled_model_is_among_them() -> None:
    assert set(zoo.models()) <= set(TRACES)


def test_the_traces_cover_the_kinds_of_models() -> None:
    cards = [model_of(trace).card for trace in TRACES.values()]
    for kind in ("float", "integer"):
        some = [card for card in cards if card.kind == kind]
        assert {card.output for card in some} == {"last", "all", "mean"}
        assert {card.input for card in some} == {"features", "tokens"}
        assert any(len(card.layers) > 1 for card in some)
        assert any(card.pool is not None and card.pool.time_constant is None for card in some)
        assert any(card.pool is not None and card.pool.time_constant is not None for card in some)
        assert any(card.differences and card.input_activation == "clip" for card in some)
        assert any(card.preprocess.normalization is not None for card in some)
        assert any(card.preprocess.permutation is not None for card in some)
        formulas = {
            layer.construction.split(" x ")[-1].split("(")[0] for card in some for layer in card.layers
        }
        assert formulas >= {"sylvester", "paley1", "paley2"}
        drawn = [card for card in some if card.drawn is not None]
        assert {card.input for card in drawn} == {"features", "tokens"}
        for of_input in ("features", "tokens"):
            kinds = [card for card in drawn if card.input == of_input]
            assert any(card.input_activation is None for card in kinds)
        assert any(card.input_activation is not None for card in drawn)
    assert {card.integer.readout for card in cards if card.integer is not None} == {"float", "integer"}
    assert any(card.bidirectional and card.output == "all" for card in cards)
    assert any("williamson" in layer.construction for card in cards for layer in card.layers)
    assert {str(trace["type"]) for trace in TRACES.values()} >= {
        "float32",
        "float64",
        "uint8",
        "int16",
        "int32",
    }
    assert np.max([trace["y"].size for trace in TRACES.values()]) > 1000


def test_the_file_is_small() -> None:
    assert (ROOT / "tests" / "traces" / "files.txt").stat().st_size < 250_000
