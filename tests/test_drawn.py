"""Models that are a seed and a readout: what the seed stands for, what the file holds, and what is refused."""

from __future__ import annotations

import copy
import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from hadamrnn_ext.errors import ModelFormatError
from hadamrnn_ext.file import format
from hadamrnn_ext.file.card import Card, LayerCard
from hadamrnn_ext.file.drawn import Drawn
from hadamrnn_ext.file.pool import Pool
from hadamrnn_ext.file.storage import Coded
from hadamrnn_ext.file.tensors import drawn_codes, schema
from hadamrnn_ext.file.words import codes_of, words
from hadamrnn_ext.model import Model

DOCS = Path(__file__).parents[1] / "docs" / "format.md"
ABSENT = {f"layers.0.{name}" for name in ("signs", "decays", "bias_codes", "bias_scale")} | {"input.codes"}


def make(rng, input="features", *, n=32, m=8, seed=5, width=3, activation="clip", **options):
    """A drawn model whose readout and thresholds are of `rng`."""
    card = Card(
        input=input,
        output="last",
        input_size=width,
        output_size=3,
        layers=(LayerCard(n, m),),
        bias_bits=1,
        decays=True,
        input_activation=activation,
        differences=input == "features",
        pool=Pool(2),
        drawn=Drawn(seed, 31, 4 * 16),
        **options,
    )
    return Model.from_parameters(
        card,
        {
            "input.weight": Coded(drawn_codes(card), np.float32(0.75)),
            "layers.0.signs": card.drawn.signs(n),
            "layers.0.bias": np.zeros(n, np.float32),
            "layers.0.decays": card.drawn.decays(n // m),
            "pool.thresholds": rng.normal(size=(2, n)),
            "output.weight": rng.normal(size=(3, 4 * n)),
            "output.bias": rng.normal(size=3),
        },
    )


@pytest.fixture(params=[("features", "clip"), ("features", None), ("tokens", "clip"), ("tokens", None)])
def model(request, rng):
    return make(rng, request.param[0], activation=request.param[1])


# The generator.


def test_known_words():
    assert words(0, 1, 3).tolist() == [0x24009C6D, 0x6A25388A, 0xCC844EA7]
    assert words(2**32 - 1, 2, 2).tolist() == [0x0FA0D17A, 0x528CA554]
    assert words(92916, 2, 40)[[0, 39]].tolist() == [0x8CD34436, 0x2BF13771]
    assert codes_of(words(0, 1, 1)).tolist() == [-3, 6, -4, -7, 0, 0, 4, 2]


def test_words_in_the_c_of_the_documentation(tmp_path):
    compiler = shutil.which("cc") or pytest.skip("there is no C compiler")
    (source,) = re.findall(r"```c\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    main = """
    #include <stdio.h>
    int main(void) {
      static const uint32_t seeds[] = {0, 1, 92916, 4294967295U};
      for (int s = 0; s < 4; ++s)
        for (uint32_t stream = 1; stream < 3; ++stream)
          for (uint32_t i = 0; i < 999; ++i) printf("%lu\\n", (unsigned long)word(seeds[s], stream, i));
      return 0;
    }"""
    (tmp_path / "words.c").write_text(source + main)
    subprocess.run([compiler, "-std=c99", "-o", tmp_path / "words", tmp_path / "words.c"], check=True)
    found = subprocess.run([tmp_path / "words"], check=True, capture_output=True, text=True).stdout.split()
    wanted = [words(seed, stream, 999) for seed in (0, 1, 92916, 2**32 - 1) for stream in (1, 2)]
    assert list(map(int, found)) == np.concatenate(wanted).tolist()


def test_words_are_as_good_as_random():
    found = words(7, 2, 1 << 16)
    bits = found[:, None] >> np.arange(32, dtype=np.uint32) & 1
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 0.01  # five standard deviations
    assert np.abs(np.corrcoef(bits.T.astype(float)) - np.eye(32)).max() < 0.02
    beside = np.corrcoef([found[:-1], found[1:], words(7, 1, 1 << 16)[1:], words(8, 2, 1 << 16)[1:]])
    assert np.abs(beside - np.eye(4)).max() < 0.02
    assert np.abs(np.bincount(codes_of(found) + 8) / (1 << 19) - 1 / 16).max() < 0.002


# What a seed stands for, by the words of docs/format.md.


def test_signs_and_decays():
    drawn = Drawn(9, 31, 6 * 16 + 3)
    stream = words(9, 1, 2)
    assert drawn.signs(40).tolist() == [1 - 2 * int(stream[j // 32] >> j % 32 & 1) for j in range(40)]
    first, last = 31 ^ 15, 99 ^ 15
    assert drawn.decays(7).tolist() == [
        (first + ((last - first) * (2 * b + 1) + 7) // 14) ^ 15 for b in range(7)
    ]
    assert drawn.decays(1).tolist() == [(first + (last - first + 1) // 2) ^ 15]


@pytest.mark.parametrize("columns", [1, 2, 3, 18, 65536])
def test_weights_of_features(columns):
    n = 16
    codes = Drawn(3, 31, 64).features(n, columns, None)
    stream = words(3, 2, 2 * n).tolist()
    for i in range(n):
        (p, r), row = stream[2 * i : 2 * i + 2], [0] * columns
        column = (p >> 16) * columns >> 16
        row[(column + 1 + ((r >> 16) * (columns - 1) >> 16)) % columns] = (r & 15) - 16 * (r >> 3 & 1)
        row[column] = (p & 15) - 16 * (p >> 3 & 1) if i else -8
        assert codes[i].tolist() == row


def test_weights_of_tokens():
    codes = Drawn(3, 31, 64).tokens(16, 5, None)
    stream = words(3, 2, 10).tolist()
    for t in range(5):
        for i in range(16):
            code = stream[(16 * t + i) // 8] >> 4 * ((16 * t + i) % 8) & 15
            assert codes[i, t] == ((code if code < 8 else code - 16) if i or t else -8)


def test_weights_of_a_linear_input_follow_the_decays():
    drawn = Drawn(3, 31, 6 * 16)
    full, less = drawn.features(32, 4, None), drawn.features(32, 4, 4)
    octaves = (drawn.decays(4) >> 4).astype(int)
    assert octaves[-1] - octaves[0] >= 3
    for b in range(4):
        s = octaves[b] - octaves[0]
        size = 8 + s // 2
        rows = slice(8 * b, 8 * b + 8)
        wanted = [(int(c) * (181 if s % 2 else 256) + (1 << size - 1)) >> size for c in full[rows].ravel()]
        assert less[rows].ravel().tolist() == wanted
        assert np.abs(less[rows] - full[rows] * 2.0 ** (-s / 2)).max() <= 0.51


# The file.


def test_the_file_holds_the_rest_alone(model):
    held = load_tensors(model.to_bytes())
    assert held.keys() == schema(model.card).keys() - ABSENT
    assert held.keys() == model.describe().payload.keys()
    assert model.tensors.keys() == schema(model.card).keys()


def test_round_trip(model):
    again = Model.from_bytes(model.to_bytes())
    assert again == model
    assert again.card == model.card
    assert again.to_bytes() == model.to_bytes()
    for name, tensor in model.tensors.items():
        np.testing.assert_array_equal(again.tensors[name], tensor, strict=True)


def test_a_model_of_the_same_tensors_without_a_seed_answers_alike(model):
    plain = model.with_card(dataclasses.replace(model.card, drawn=None))
    x = np.array([[1, 2, 0, 1]]) if model.card.input == "tokens" else np.arange(12.0).reshape(1, 4, 3) / 8
    np.testing.assert_array_equal(plain.infer(x), model.infer(x))
    assert plain != model
    assert len(plain.to_bytes()) > len(model.to_bytes())


@pytest.mark.parametrize("readout", ["float", "integer"])
def test_integers_keep_the_seed(model, readout):
    tokens = model.card.input == "tokens"
    x = np.array([[1, 2, 0, 1]] * 4) if tokens else np.sin(np.arange(60.0)).reshape(1, 20, 3)
    integer = model.quantize(x, 8, readout=readout)
    assert integer.card.drawn == model.card.drawn
    held = load_tensors(integer.to_bytes())
    absent = {"layers.0.signs"} if tokens else {"layers.0.signs", "layers.0.bias", "input.codes"}
    assert held.keys() == schema(integer.card).keys() - absent
    again = Model.from_bytes(integer.to_bytes())
    assert again == integer
    np.testing.assert_array_equal(again.infer(x), integer.infer(x))


def test_description_and_docs_name_it(model):
    assert "drawn    signs, input weights and decays from seed 5" in str(model.describe())
    text = DOCS.read_text(encoding="utf-8")
    assert all(f"`{field.name}`" in text for field in dataclasses.fields(Drawn))


# What is refused.


def forged(model, edit):
    """A file with an edited document and tensors, and a digest that is right for them."""
    tensors = dict(format.held(model.card, model.tensors))
    document = copy.deepcopy(format.document(model.card, model.tensors))
    edit(document["card"], tensors)
    document["digest"] = format.digest(document, tensors)
    return save_tensors(tensors, {"hadamrnn": format._json(document)})


@pytest.mark.parametrize(
    ("edit", "match"),
    [
        (lambda card, _: card["drawn"].update(rule="pcg64"), r"Drawn.rule is 'pcg64'; expected one of mix32"),
        (
            lambda card, _: card["drawn"].update(seed=1 << 32),
            r"Drawn.seed is 4294967296; expected 0 \.\. 2\*\*32",
        ),
        (lambda card, _: card["drawn"].update(fastest=256), r"Drawn.fastest is 256; expected 0 \.\. 255"),
        (lambda card, _: card["drawn"].update(slowest=15), r"Drawn.slowest 15, which forgets faster"),
        (lambda card, _: card["drawn"].update(stream=1), r"Card.drawn has the unknown key 'stream'"),
        (lambda card, _: card["drawn"].pop("seed"), r"Card.drawn lacks the key 'seed'"),
        (lambda card, _: card.update(drawn=None), r"card.drawn is null"),
        (lambda card, _: card.pop("drawn"), r"tensor 'input.codes' is missing"),
        (lambda card, _: card.update(weight_bits=3), r"weight_bits 3 and bias_bits 1; expected 4 and 1"),
        (lambda card, _: card.pop("decays"), r"Card.drawn is for one layer with decays"),
        (
            lambda _, tensors: tensors.update({"layers.0.signs": np.zeros(4, np.uint8)}),
            r"tensor 'layers.0.signs' is in the file of a model that draws it",
        ),
    ],
)
def test_forged_files(rng, edit, match):
    with pytest.raises(ModelFormatError, match=match):
        Model.from_bytes(forged(make(rng), edit))


def test_a_small_file_makes_no_reader_allocate_much(rng):
    for width in (1 << 17, 1 << 16):
        with pytest.raises(ModelFormatError, match="of a drawn U"):
            make(rng, "tokens", n=128, width=width)


@pytest.mark.parametrize("name", sorted(ABSENT))
def test_other_tensors_than_those_of_the_seed(rng, name):
    model = make(rng)
    tensors = {**model.tensors, name: model.tensors[name].copy()}
    tensors[name].view(np.uint8)[0] ^= 1
    with pytest.raises(ModelFormatError, match=rf"tensor '{name}' is not what Card.drawn gives for its seed"):
        Model(model.card, tensors)
    Model(dataclasses.replace(model.card, drawn=None), tensors)


def test_training_goes_on_without_the_seed(rng):
    torch = pytest.importorskip("torch")
    from hadamrnn_ext import nn

    model = make(rng, activation=None)
    module = nn.from_native(model)
    x = np.sin(np.arange(60.0)).reshape(2, 10, 3).astype(np.float32)
    before = module.to_native()
    assert before.card.drawn is None
    np.testing.assert_array_equal(before.infer(x), model.infer(x))
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(0.3)
    assert Model.from_bytes(module.to_native().to_bytes()) == module.to_native()
