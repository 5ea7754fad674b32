"""The model file: round trips, golden files, building from parameters, saving."""

from __future__ import annotations

import copy
import json
import os
import pickle
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load as load_tensors

from hadamrnn_ext.errors import HadamardOrderError, InputError, ShapeError
from hadamrnn_ext.file import format
from hadamrnn_ext.file.card import Training
from hadamrnn_ext.file.data_card import DataCard
from hadamrnn_ext.file.preprocess import Normalization, Permutation, Preprocess, Vocabulary
from hadamrnn_ext.file.record import encode
from hadamrnn_ext.file.tensors import schema
from hadamrnn_ext.model import Model

GOLDEN = Path(__file__).parent / "golden_files"
DOCS = Path(__file__).parents[1] / "docs" / "format.md"

VOCABULARY = Vocabulary(("", "?", "gut", "schön", "it's"), unknown=1, length=4)
TRAINING = Training(
    "task", "preset", 3, 7, {"test_accuracy": 0.5}, {"lr": 1e-3, "frozen": True, "note": 'a "b"\n'}
)
KINDS = {
    "plain": {},
    "float": {"weight_bits": None, "output_weight_bits": None},
    "ternary": {"weight_bits": 1, "output_weight_bits": 8, "bias_bits": 8},
    "biases of few bits": {"bias_bits": 3, "sizes": ((12, 4),)},
    "odd": {
        "sizes": ((12, 12),),
        "weight_bits": 3,
        "output_weight_bits": 5,
        "input_size": 1,
        "output_size": 1,
    },
    "layers": {"sizes": ((24, 12), (8, 8)), "recurrence": "modrelu", "output": "all"},
    "onehot": {"input": "tokens", "input_size": 5},
    "text": {
        "input": "tokens",
        "input_size": 5,
        "embedding_size": 3,
        "preprocess": Preprocess(vocabulary=VOCABULARY),
    },
    "both directions": {"recurrence": "modrelu", "bias_bits": 3, "bidirectional": True},
    "words of 8 bits": {"input": "tokens", "input_size": 5, "embedding_size": 3, "embedding_bits": 8},
    "files of steps": {
        "data": DataCard("steps", ("x", "größe"), "gesture", "walk", "clock", "who", "last", (0.5, -1.25))
    },
    "files of texts": {
        "input": "tokens",
        "input_size": 5,
        "data": DataCard("texts", ("text",), label="0"),
    },
    "pixels": {
        "input_size": 1,
        "preprocess": Preprocess(1 / 255, Permutation(92916, 784), Normalization((0.5,), (0.25,))),
        "labels": ("null", "één", "two"),
        "training": TRAINING,
    },
}


@pytest.fixture(params=KINDS)
def model(request, rng, make_model):
    return make_model(rng, **KINDS[request.param])


@pytest.fixture
def plain(rng, make_model):
    return make_model(rng, weight_bits=1, output_weight_bits=5)


def test_round_trip(model, tmp_path):
    path = tmp_path / "a model.safetensors"
    model.save(path)
    again = Model.load(path)
    assert again == model
    assert hash(again) == hash(model)
    assert again.card == model.card
    assert again.to_bytes() == model.to_bytes() == path.read_bytes()
    for name, values in model.parameters().items():
        np.testing.assert_array_equal(again.parameters()[name], values, strict=True)


def test_pickle_and_copies_are_equal(model):
    for again in (pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
        assert again == model
        assert again.kernel == model.kernel


def test_a_pickle_is_the_file(model):
    assert model.to_bytes() in pickle.dumps(model)


def test_file_holds_exactly_the_schema(model):
    tensors = load_tensors(model.to_bytes())
    assert {name: (t.dtype, t.shape) for name, t in tensors.items()} == schema(model.card)


def test_models_differ_when_a_weight_or_the_card_differs(rng, make_model, plain):
    assert make_model(rng) != plain
    assert plain.with_card(plain.card) == plain
    labelled = plain.with_card(type(plain.card)(**{**vars(plain.card), "labels": ("a", "b", "c")}))
    assert labelled != plain
    assert plain != "a model"


def test_tensors_are_read_only(plain):
    with pytest.raises(ValueError, match=r"read-only"):
        plain.tensors["layers.0.bias"][0] = 1
    with pytest.raises(TypeError):
        plain.tensors["layers.0.bias"] = None


def test_payload_of_the_paper_sizes(rng, make_model):
    """pmnist is about 5 kB: 512 signs, 4-bit U (512 x 1) and V (10 x 512), float bias."""
    model = make_model(rng, sizes=((512, 512),), input_size=1, output_size=10)
    assert sum(t.nbytes for t in model.tensors.values()) == 64 + 256 + 2560 + 512 * 4 + 10 * 4 + 2 * 4


# Golden files: written when their format version was new, never to be written again.

EXPECTED = {
    name: expected
    for path in sorted(GOLDEN.glob("v*.json"))
    for name, expected in json.loads(path.read_text()).items()
}


def golden_input(name):
    if "tokens" in name:
        return np.array([[1, 2, 3, 0, 4], [4, 4, 1, 2, 2]])
    return ((np.arange(12) * 5 % 7 - 3) / 4).reshape(2, 3, 2).astype(np.float32)


@pytest.mark.parametrize("name", EXPECTED)
def test_golden_files(name):
    expected = EXPECTED[name]
    data = (GOLDEN / f"{name}.safetensors").read_bytes()
    model = Model.from_bytes(data)
    y = model.infer(golden_input(name))
    assert [float.fromhex(h) for h in expected["logits"]] == y.reshape(-1).tolist()
    assert list(y.shape) == expected["shape"]
    assert model.digest == expected["digest"]
    assert model.to_bytes() == data


def test_a_model_is_written_in_the_first_version_that_has_what_it_needs(rng, make_model):
    words = {"input": "tokens", "input_size": 5, "embedding_size": 3}
    float_, coded = make_model(rng, **words), make_model(rng, **words, embedding_bits=8)
    integer = float_.quantize(np.array([[1, 2, 3, 4]]))
    biases = [make_model(rng, **words, bias_bits=bits) for bits in (8, 4)]
    means = [mean := make_model(rng, output="mean"), mean.quantize(np.ones((1, 3, 2)))]
    both = [make_model(rng, bidirectional=given) for given in (False, True)]
    known = [own := make_model(rng, data=DataCard("series")), own.quantize(np.ones((1, 3, 2)))]
    versions = [
        format.document(model.card, model.tensors)["format_version"]
        for model in (float_, integer, coded, *biases, *means, *known, *both)
    ]
    assert versions == [1, 2, 3, 1, 4, 5, 5, 6, 6, 1, 6]


def test_what_a_model_does_not_remember_of_its_data_has_no_key(rng, make_model):
    known = make_model(rng, data=DataCard("series", impute="mean"))
    card = format.document(known.card, known.tensors)["card"]
    assert card["data"] == {"form": "series", "impute": "mean"}
    assert "data" not in format.document(make_model(rng).card, known.tensors)["card"]


def test_documentation_names_every_key_and_tensor(rng, make_model):
    text = DOCS.read_text(encoding="utf-8")

    def keys(value):
        if isinstance(value, dict):
            for key, item in value.items():
                if key not in ("test_accuracy", "lr", "frozen", "note"):
                    yield key
                yield from keys(item)
        for item in value if isinstance(value, list) else []:
            yield from keys(item)

    documented = set(re.findall(r'["`](\w[\w.]*(?:\{i\}[\w.]+)?)["`]', text))
    for fields in KINDS.values():
        model = make_model(rng, **fields)
        assert set(keys(encode(model.card))) <= documented
        names = {name.removeprefix("reverse.") for name in model.tensors}
        assert {re.sub(r"layers\.\d", "layers.{i}", name) for name in names} <= documented


def test_parameters_are_checked(plain):
    given = {**plain.parameters()}
    for change, error, match in [
        ({"output.bias": None}, InputError, "'output.bias' has dtype object; expected real numbers"),
        ({"output.bias": np.zeros(4)}, ShapeError, r"'output.bias' has shape \(4,\); expected \(3,\)"),
        ({"output.bias": [0, np.nan, 0]}, InputError, r"'output.bias' is nan at \(1,\); expected finite"),
        ({"output.bias": [0, 0, 1e40]}, InputError, r"'output.bias' is inf at \(2,\)"),
        ({"layers.1.bias": np.zeros(8)}, InputError, "'layers.1.bias' is not a parameter of this model"),
    ]:
        with pytest.raises(error, match=match):
            Model.from_parameters(plain.card, {**given, **change})
    del given["layers.0.signs"]
    with pytest.raises(InputError, match=r"is missing; expected input"):
        Model.from_parameters(plain.card, given)


def test_a_latent_sign_of_zero_is_plus_one(plain):
    latent = np.array([0.0, -0.0, 1e-30, -1e-30, 2, -2, 1, -1])
    model = Model.from_parameters(plain.card, {**plain.parameters(), "layers.0.signs": latent})
    assert model.parameters()["layers.0.signs"].tolist() == [1, 1, 1, -1, 1, -1, 1, -1]
    assert model.tensors["layers.0.signs"].tolist() == [0b10101000]


def test_an_impossible_block_is_a_hadamard_error(rng, make_model):
    with pytest.raises(HadamardOrderError, match=r"order 6"):
        make_model(rng, sizes=((12, 6),))


# Saving


def test_a_failed_save_leaves_the_old_file_and_nothing_else(plain, rng, make_model, tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    plain.save(path)

    def fail(*_):
        raise OSError("disk full")

    for function in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(format.os, function, fail)
            with pytest.raises(OSError, match=r"disk full"):
                make_model(rng).save(path)
        assert os.listdir(tmp_path) == ["model.safetensors"]
        assert Model.load(path) == plain


def test_saving_replaces_and_follows_links(plain, rng, make_model, tmp_path):
    other = make_model(rng)
    real, link = tmp_path / "real", tmp_path / "link"
    plain.save(real)
    link.symlink_to(real)
    other.save(link)
    assert link.is_symlink()
    assert Model.load(real) == other
    assert sorted(os.listdir(tmp_path)) == ["link", "real"]


def test_saving_into_a_missing_folder_says_so(plain, tmp_path):
    with pytest.raises(FileNotFoundError):
        plain.save(tmp_path / "missing" / "m")


def test_many_writers_and_readers_of_one_path(rng, make_model, tmp_path):
    models = [make_model(rng) for _ in range(4)]
    path = tmp_path / "model"
    models[0].save(path)
    seen = []

    def write(model):
        for _ in range(10):
            model.save(path)
            seen.append(Model.load(path))

    workers = [threading.Thread(target=write, args=(model,)) for model in models]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(seen) == 40
    assert all(model in models for model in seen)
    assert os.listdir(tmp_path) == ["model"]
