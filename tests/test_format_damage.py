"""Damaged, forged and foreign model files: each is a ModelFormatError that says what is wrong."""

from __future__ import annotations

import copy
import json
import os
import pickle
import re
import tracemalloc

import numpy as np
import pytest
from safetensors.numpy import save as save_tensors

from hadamrnn_ext.errors import ModelFormatError
from hadamrnn_ext.file import format
from hadamrnn_ext.file.preprocess import Normalization, Preprocess
from hadamrnn_ext.model import Model


@pytest.fixture
def plain(rng, make_model):
    return make_model(rng, weight_bits=1, output_weight_bits=5)


def forge(model, edit=lambda document, tensors: None, **metadata):
    """A file with an edited document and tensors, and a digest that is right for them."""
    tensors = {name: tensor.copy() for name, tensor in model.tensors.items()}
    document = copy.deepcopy(format.document(model.card, model.tensors))
    edit(document, tensors)
    try:
        document["digest"] = format.digest(document, tensors)
    except KeyError:  # a dtype that no digest is defined for
        document["digest"] = "0" * 64
    return save_tensors(tensors, metadata or {"hadamrnn": format._json(document)})


def refused(data, match):
    with pytest.raises(ModelFormatError, match=match):
        Model.from_bytes(data)


def test_every_truncation_is_refused(plain):
    data = plain.to_bytes()
    for length in range(len(data)):
        refused(data[:length], ".")


def test_bytes_after_the_end_are_refused(plain):
    refused(plain.to_bytes() + b"\0", ".")


def test_a_flipped_bit_in_any_byte_is_refused(plain):
    data = plain.to_bytes()
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 1 << position * 5 % 8
        refused(bytes(damaged), ".")


def test_damage_is_called_damage(plain):
    data = bytearray(plain.to_bytes())
    data[-1] ^= 1
    refused(
        bytes(data), "digest does not match: the file says '[0-9a-f]{64}', its content gives '[0-9a-f]{64}'"
    )


@pytest.mark.parametrize("data", [b"", b"1234567", b"\xff" * 64, b"PK\3\4" * 20, pickle.dumps([1, 2, 3])])
def test_other_files_are_refused(data):
    refused(data, "truncated or not a safetensors file")


def test_nothing_is_unpickled(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "unpickled"),)

    refused(pickle.dumps(Bomb()), ".")
    assert not (tmp_path / "unpickled").exists()


# Forged files: the digest is right, the content is not.


def test_forging_changes_nothing_by_itself(plain):
    assert Model.from_bytes(forge(plain)) == plain


@pytest.mark.parametrize(
    ("match", "edit"),
    [
        ("format version 7 is unknown; this release reads 1 to 6", lambda d: d.update(format_version=7)),
        ("format version 0 is unknown", lambda d: d.update(format_version=0)),
        ("card lacks the key 'integer'", lambda d: d.update(format_version=2)),
        ("unknown key 'integer', which format version 1 lacks", lambda d: d["card"].update(integer=None)),
        (
            "unknown key 'embedding_bits', which format version 1 lacks",
            lambda d: d["card"].update(embedding_bits=8),
        ),
        (
            "this float model is written as format version 3; expected 1",
            lambda d: (d.update(format_version=3), d["card"].update(integer=None, embedding_bits=None)),
        ),
        (
            "embedding_bits is 8 with embedding_size None",
            lambda d: (d.update(format_version=3), d["card"].update(integer=None, embedding_bits=8)),
        ),
        (
            "this float model is written as format version 1; expected 6",
            lambda d: d["card"].update(data={"form": "steps"}),
        ),
        ("card.data is null; expected a value, or no such key", lambda d: d["card"].update(data=None)),
        (
            "Card.data.label is null; expected a value",
            lambda d: d["card"].update(data={"label": None}),
        ),
        ("Card.data has the unknown key 'colour'", lambda d: d["card"].update(data={"colour": "red"})),
        (
            "DataCard.form is 'rows'; expected one of steps",
            lambda d: d["card"].update(data={"form": "rows"}),
        ),
        (
            "DataCard.features has 1 entries; expected 2",
            lambda d: d["card"].update(data={"features": ["x"]}),
        ),
        ("DataCard.features lists a name twice", lambda d: d["card"].update(data={"features": ["x", "x"]})),
        ("DataCard.means is given without impute", lambda d: d["card"].update(data={"means": [1, 2]})),
        (
            "DataCard.means has 3 entries; expected 2",
            lambda d: d["card"].update(data={"means": [1, 2, 3], "impute": "mean"}),
        ),
        ("format version True is unknown", lambda d: d.update(format_version=True)),
        ("format version None is unknown", lambda d: d.pop("format_version")),
        (r"keys \['card', 'digest', 'extra', 'format_version'\]; expected", lambda d: d.update(extra=1)),
        (
            "card has the unknown key 'colour'; expected input, output",
            lambda d: d["card"].update(colour="red"),
        ),
        ("card lacks the key 'labels'", lambda d: d["card"].pop("labels")),
        (r"Card.layers\[0\] has the unknown key 'x'", lambda d: d["card"]["layers"][0].update(x=1)),
        ("Card.preprocess has the unknown key 'crop'", lambda d: d["card"]["preprocess"].update(crop=1)),
        ("card is 7; expected an object", lambda d: d.update(card=7)),
        ("Card.input_size is '2'; expected a value of type int", lambda d: d["card"].update(input_size="2")),
        ("Card.input_size is True", lambda d: d["card"].update(input_size=True)),
        ("Card.input_size is 2.0", lambda d: d["card"].update(input_size=2.0)),
        (
            "Card.input is 'audio'; expected one of features, tokens",
            lambda d: d["card"].update(input="audio"),
        ),
        ("Card.kind is 'integer' without Card.integer", lambda d: d["card"].update(kind="integer")),
        ("Card.layers is {}; expected a list", lambda d: d["card"].update(layers={})),
        ("number of layers is 0; expected 1 .. 16", lambda d: d["card"].update(layers=[])),
        (
            "card.weight_bits is 9; expected 1 .. 8|weight_bits is 9",
            lambda d: d["card"].update(weight_bits=9),
        ),
        ("bias_bits is 9; expected 1 .. 8", lambda d: d["card"].update(bias_bits=9)),
        ("is written as format version 1; expected 4", lambda d: d["card"].update(bias_bits=4)),
        ("embedding_size is given for features", lambda d: d["card"].update(embedding_size=4)),
        ("labels has 1 names; expected 3 for 3 outputs", lambda d: d["card"].update(labels=["a"])),
        (r"Card.labels\[0\] is 1; expected", lambda d: d["card"].update(labels=[1, 2, 3])),
        ("8 is not a multiple of block_size 16", lambda d: d["card"]["layers"][0].update(block_size=16)),
        (
            "no Hadamard matrix of order 7",
            lambda d: d["card"]["layers"][0].update(block_size=7, hidden_size=7),
        ),
        (
            "order 8 is built as 'paley1.8.'; expected",
            lambda d: d["card"]["layers"][0].update(construction="paley1(8)"),
        ),
        ("hidden_size is 0", lambda d: d["card"]["layers"][0].update(hidden_size=0)),
        ("hidden_size is 1099511627776", lambda d: d["card"]["layers"][0].update(hidden_size=1 << 40)),
        ("elements of U .8 x 16777216. is", lambda d: d["card"].update(input_size=1 << 24)),
        (
            "tensor 'input.codes' is uint8 of shape .4,.; expected uint8 of shape .12,.",
            lambda d: d["card"].update(input_size=6),
        ),
        (
            "tensor 'input.codes' is not one of this model|'input.weight' is missing",
            lambda d: d["card"].update(weight_bits=None),
        ),
        ("recurrence is 'tanh'", lambda d: d["card"]["layers"][0].update(recurrence="tanh")),
        (
            "uint8_scale is -1.0; expected a positive",
            lambda d: d["card"]["preprocess"].update(uint8_scale=-1.0),
        ),
        (
            "uint8_scale is 1e.300; expected a positive",
            lambda d: d["card"]["preprocess"].update(uint8_scale=1e300),
        ),
        (
            "has 1 channels; expected 2",
            lambda d: d["card"]["preprocess"].update(normalization={"offset": [0], "scale": [1]}),
        ),
        (
            "scale must be finite in float32, and a scale positive",
            lambda d: d["card"]["preprocess"].update(normalization={"offset": [0, 0], "scale": [1, 0]}),
        ),
        (
            "Permutation.size is 1000000000",
            lambda d: d["card"]["preprocess"].update(
                permutation={"rule": "numpy.RandomState", "seed": 1, "size": 10**9}
            ),
        ),
        (
            "vocabulary is given for features",
            lambda d: d["card"]["preprocess"].update(
                vocabulary={"words": ["a"], "unknown": 0, "length": None, "rule": "words"}
            ),
        ),
    ],
)
def test_forged_documents_are_refused(plain, match, edit):
    refused(forge(plain, lambda document, tensors: edit(document)), match)


@pytest.mark.parametrize(
    ("match", "edit"),
    [
        ("'output.bias' is missing; expected input.codes, input.scale", lambda t: t.pop("output.bias")),
        ("'extra' is not one of this model", lambda t: t.update(extra=np.zeros(1, np.float32))),
        (
            r"'output.bias' is float32 of shape \(4,\); expected float32 of shape \(3,\)",
            lambda t: t.update({"output.bias": np.zeros(4, np.float32)}),
        ),
        (
            r"'output.bias' is int8 of shape \(3,\); expected float32",
            lambda t: t.update({"output.bias": np.zeros(3, np.int8)}),
        ),
        ("'output.bias' is float64; expected one of", lambda t: t.update({"output.bias": np.zeros(3)})),
        ("'layers.0.bias' holds a value that is not finite", lambda t: t["layers.0.bias"].put(2, np.nan)),
        ("'layers.0.bias' holds a value that is not finite", lambda t: t["layers.0.bias"].put(2, -np.inf)),
        ("'input.scale' is 0.0; expected a positive scale", lambda t: t["input.scale"].put(0, 0)),
        ("'output.scale' is -1.0; expected a positive scale", lambda t: t["output.scale"].put(0, -1)),
        ("'input.weight': packed 1-bit codes hold -2", lambda t: t["input.codes"].put(1, 0b10)),
    ],
)
def test_forged_tensors_are_refused(plain, match, edit):
    refused(forge(plain, lambda document, tensors: edit(tensors)), match)


def test_every_row_of_a_coded_embedding_has_a_positive_scale(rng, make_model):
    model = make_model(rng, input="tokens", input_size=5, embedding_size=3, embedding_bits=8)
    refused(
        forge(model, lambda document, tensors: tensors["embedding.scale"].put(3, -0.5)),
        "'embedding.scale' is -0.5; expected a positive scale",
    )


def test_padding_bits_must_be_zero(rng, make_model):
    model = make_model(
        rng, sizes=((12, 12),), weight_bits=3, input_size=1, output_size=1, output_weight_bits=3
    )
    for name in ("layers.0.signs", "input.codes", "output.codes"):  # 12 of 16 bits, 36 of 40 bits

        def spoil(document, tensors, name=name):
            tensors[name][-1] |= 0b10000000

        refused(forge(model, spoil), "padding")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('{"format_version": 1', "is not valid JSON"),
        ('{"format_version": NaN}', "NaN is not JSON"),
        ('{"format_version": 1, "format_version": 1}', "a key is given twice"),
        ("[1]", "is a JSON list; expected an object"),
        ('{"format_version": ' + "[" * 100_000 + "]" * 100_000 + "}", "is not valid JSON"),
        ('{"format_version": ' + "9" * 10_000 + "}", "is not valid JSON|is unknown"),
    ],
)
def test_bad_json_is_refused(plain, text, match):
    refused(forge(plain, hadamrnn=text), match)


def test_a_number_or_a_key_written_otherwise_is_refused(make_model, rng):
    """The digest is over what they mean, so it does not tell."""
    model = make_model(rng, preprocess=Preprocess(normalization=Normalization((0.1, 2.0), (1.0, 3.0))))
    text = format._json(format.document(model.card, model.tensors))
    assert Model.from_bytes(forge(model, hadamrnn=text)) == model
    for old, new in (
        ("0.1,", "0.10000000000000001,"),
        ("2.0", "2e0"),
        (':"features"', ': "features"'),
        ("card", r"c\u0061rd"),
    ):
        assert old in text
        refused(forge(model, hadamrnn=text.replace(old, new, 1)), "not canonical JSON")


def test_a_header_filled_up_with_anything_but_spaces_is_refused(plain):
    data = plain.to_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    padded = (end - 8 + 8).to_bytes(8, "little") + data[8:end] + 8 * b" " + data[end:]
    assert Model.from_bytes(padded) == plain
    refused(padded[: end + 7] + b"\t" + padded[end + 8 :], "is not all spaces")


def test_half_a_unicode_character_is_refused(plain):
    document = format.document(plain.card, plain.tensors)
    document["digest"] = "\ud800"
    refused(forge(plain, hadamrnn=json.dumps(document)), "is not valid JSON")


def test_metadata_of_another_program_is_refused(plain):
    refused(
        forge(plain, format="pt"), r"keys \['format'\]; expected \['hadamrnn'\]: this is not a hadamrnn model"
    )
    refused(save_tensors(dict(plain.tensors)), "has the keys None")


def test_a_declared_size_allocates_nothing(plain):
    """A small file that claims to be large fails before anything of that size is made."""

    def enlarge(document, tensors):
        document["card"]["layers"][0].update(hidden_size=1 << 20, block_size=1 << 16)
        document["card"].update(input_size=64, output_size=64)

    data = forge(plain, enlarge)
    tracemalloc.start()
    refused(data, "expected")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_long_header_or_file_is_refused(plain, tmp_path, monkeypatch):
    refused(
        (1 << 40).to_bytes(8, "little") + bytes(100), "header is said to have 1099511627776 bytes, 100 follow"
    )
    monkeypatch.setattr(format, "MAX_HEADER_BYTES", 100)
    refused(plain.to_bytes(), "header has .* bytes; expected at most 100")
    monkeypatch.setattr(format, "MAX_FILE_BYTES", 1000)
    plain.save(tmp_path / "m")
    with pytest.raises(ModelFormatError, match=r"larger than .*, 1000 bytes"):
        Model.load(tmp_path / "m")
    refused(plain.to_bytes(), "bytes; expected at most 1000")


def test_errors_of_a_file_name_it(plain, tmp_path):
    """Whichever part of it is wrong, and for a path of bytes too."""
    path = tmp_path / "walks.safetensors"
    content = plain.to_bytes()
    for damaged in (b"", content[:-1], bytes(100), content.replace(b"digest", b"tsegid")):
        path.write_bytes(damaged)
        for name in (path, str(path), os.fsencode(path)):
            with pytest.raises(ModelFormatError, match=rf"^{re.escape(str(path))}: "):
                Model.load(name)
