"""What somebody pickled, or imported, before modules moved into folders goes on working."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.model import Model
from hadamrnn_ext.recipe import PRESETS, Config

GOLDEN = Path(__file__).parent / "golden_files"
#: Of the package before `model/` and `file/` were folders, by protocol 4.
PICKLED = GOLDEN / "before_storeys.pickle"


class _Unpickler(pickle.Unpickler):
    """Arrays were pickled by NumPy 2, whose modules have names that NumPy 1 does not know."""

    def find_class(self, module, name):
        if np.lib.NumpyVersion(np.__version__) < "2.0.0":
            module = module.replace("numpy._core", "numpy.core")
        return super().find_class(module, name)


@pytest.fixture(scope="module")
def things():
    return _Unpickler(io.BytesIO(PICKLED.read_bytes())).load()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("model", "odd_order_normalized"),
        ("integer", "integer_data_series"),
        ("forgets", "forgets_differences_pool"),
    ],
)
def test_models(things, name, file):
    assert things[name] == hr.load(GOLDEN / f"{file}.safetensors")
    assert type(things[name]) is Model is hr.Model


def test_cards_and_what_they_hold(things):
    assert things["card"] == things["integer"].card
    assert things["forgets card"] == things["forgets"].card
    assert things["preprocess"] == hr.Preprocess(
        permutation=hr.Permutation(3, 4), normalization=hr.Normalization((1.0,), (2.0,))
    )
    assert str(things["description"]).split("kernel")[0] == str(things["model"].describe()).split("kernel")[0]


def test_streams_go_on_where_they_were(things):
    model = things["model"]
    x = np.linspace(-1, 1, 4 * model.card.input_size, dtype=np.float32).reshape(4, -1)
    stream, streams = model.stream(), model.streams(2)
    stream.run(x)
    streams.step(x[:1], [streams.join()])
    assert things["stream"].save() == stream.save()
    assert things["streams"].save() == streams.save()
    assert things["streams"].step(x[1:2], [0]).tobytes() == streams.step(x[1:2], [0]).tobytes()
    labels, probabilities = things["classification"]
    assert np.array_equal(labels, model.classify(x).labels)
    assert np.array_equal(probabilities, model.classify(x).probabilities)


def test_recipes(things):
    assert things["preset"] == PRESETS["har6"]
    assert things["config"] == Config(PRESETS["copy"])
