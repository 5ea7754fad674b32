"""Texts from file to answer: a vocabulary of their own words, one logit, and a model that takes strings."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import hadamrnn_ext as hr
from hadamrnn_ext import cli, train
from hadamrnn_ext.data import folders, glue, tasks
from hadamrnn_ext.train.augment import Augmentation
from hadamrnn_ext.train.initial import build
from hadamrnn_ext.train.objective import Objective

GOOD, BAD = ["fine", "great", "moving", "fresh"], ["dull", "poor", "silly", "stale"]


@pytest.fixture
def phrases(tmp_path, monkeypatch):
    """A folder with SST-2 in the small: whoever knows eight words knows everything."""
    rng = np.random.default_rng(0)
    monkeypatch.setattr(folders, "cache", lambda: tmp_path / "cache")
    monkeypatch.setitem(glue.WORDS, "sst2", 100)
    monkeypatch.setattr(glue, "LENGTH", 12)
    folder = tmp_path / "glue" / "SST-2"
    folder.mkdir(parents=True)
    for name, count in (("train", 300), ("dev", 40)):
        lines = ["sentence\tlabel"]
        for _ in range(count):
            label = int(rng.integers(2))
            words = [*rng.choice(["a", "film", "of", "its", "kind"], 9), rng.choice(GOOD if label else BAD)]
            lines.append(f"{' '.join(rng.permutation(words))} . \t{label}")
        (folder / f"{name}.tsv").write_text("\n".join([*lines, ""]))
    return tmp_path


def config(**recipe):
    defaults = {"hidden_size": 16, "embedding_size": 4, "batch_size": 20, "epochs": 20, "lr": 2e-2}
    defaults |= {"embedding_scale": 0.1, "positive_signs": 1.0, "freeze_signs": True, "schedule": "cosine"}
    return train.Config(dataclasses.replace(train.get_preset("sst2"), **{**defaults, **recipe}), seed=1)


def test_a_tokenizer_of_transformers_instead_of_words(phrases, tokenizer_dir, capsys):
    out = phrases / "run"
    files = ["--data", str(phrases), "--no-verify", "--json"]
    options = ["--embedding-size", "4", "--hidden-size", "16", "--epochs", "1", "--threads", "1"]
    train_it = ["train", "sst2", *options, *files, "--tokenizer", str(tokenizer_dir), "--out", str(out)]
    assert cli.main(train_it) == 0
    trained = json.loads(capsys.readouterr().out)
    assert trained["tokenizer"] == str(tokenizer_dir)
    path = str(out / "model.safetensors")
    model = hr.load(path)
    assert (model.card.input_size, model.card.preprocess.vocabulary) == (13, None)
    assert cli.main(["eval", path, *files]) == 0  # by the tokenizer that the card names
    assert json.loads(capsys.readouterr().out)["accuracy"] == trained["test_accuracy"]
    with pytest.raises(hr.InputError, match="no vocabulary"):
        model.infer("a fine film")
    with pytest.raises(train.PresetError, match=r"tokenizer is x, but pmnist is none of imdb, sst2, qqp"):
        dataclasses.replace(train.get_preset("pmnist"), tokenizer="x")


def test_a_model_of_texts_learns_and_takes_strings(phrases, capsys):
    summary = train.run(config(), phrases / "run", data=phrases, verify=False)
    assert summary["test_accuracy"] == 1
    path = phrases / "run" / "model.safetensors"
    model = hr.load(path)
    labels, probabilities = model.classify(["A FINE film, of its kind!", "a stale film of a kind"])
    assert labels[:, 0].tolist() == ["positive", "negative"]
    assert (probabilities > 0.5).all()
    task = tasks.load("sst2", phrases, verify=False)
    raw, classes = task.test.raw(slice(None))
    assert ((model.infer(raw)[:, 0] > 0) == classes).all()
    lines = (phrases / "glue" / "SST-2" / "dev.tsv").read_text().splitlines()[1:]
    one = model.classify(lines[0].split("\t")[0], top=2)
    assert one.probabilities.sum() == pytest.approx(1)
    assert cli.main(["eval", str(path), "--data", str(phrases), "--no-verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == 1


def test_an_embedding_of_8_bits_is_what_is_trained_and_what_is_saved(phrases, capsys):
    summary = train.run(config(embedding_bits=8), phrases / "run", data=phrases, verify=False)
    assert summary["test_accuracy"] == 1
    model = hr.load(phrases / "run" / "model.safetensors")
    assert model.describe().payload["embedding.codes"] == 4 * model.card.input_size
    assert hr.infer("a fine film", model) > 0 > hr.infer("a dull film", model)
    scores = [hr.infer(text, model)[0] for text in ("a moving kind", "silly")]
    assert hr.infer(["a moving kind", "silly"], model)[:, 0].tolist() == scores


def test_the_embedding_of_a_trained_model_becomes_8_bits(phrases, capsys):
    train.run(config(), phrases / "run", data=phrases, verify=False)
    path, out = (str(phrases / name) for name in ("run/model.safetensors", "small.safetensors"))
    command = ["quantize", path, "--embedding", "--directory", str(phrases), "--no-verify", "--out", out]
    assert cli.main([*command, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    model, small = hr.load(path), hr.load(out)
    assert (
        small.with_card(dataclasses.replace(small.card, training=model.card.training))
        == model.quantize_embedding()
    )
    assert small.card.training.metrics["test_loss"] == result["after"]["loss"]
    saved = model.card.input_size * (4 * 4 - (4 + 4))
    assert result["payload_before"] - result["payload_after"] == saved
    assert (result["after"]["accuracy"], result["snr"]) == (1, [])
    assert result["after"]["loss"] == pytest.approx(result["before"]["loss"], rel=0.1)
    assert result["after"]["loss"] != result["before"]["loss"]


def test_other_texts_make_another_vocabulary_and_scores_that_would_mean_nothing(phrases, capsys):
    train.run(config(epochs=1), phrases / "run", data=phrases, verify=False)
    path = phrases / "glue" / "SST-2" / "train.tsv"
    path.write_text(path.read_text() + "entirely new words\t1\n")
    model = str(phrases / "run" / "model.safetensors")
    assert cli.main(["eval", model, "--data", str(phrases), "--no-verify"]) == 1
    assert "another vocabulary" in capsys.readouterr().err


def test_positive_signs_are_those_of_the_top_layer_and_the_embedding_is_scaled(phrases):
    task = tasks.load("sst2", phrases, verify=False)
    torch.manual_seed(0)
    plain = build(config(positive_signs=0.0, embedding_scale=1.0, num_layers=2), task)
    torch.manual_seed(0)
    changed = build(config(positive_signs=0.75, embedding_scale=0.5, num_layers=2), task)
    (below, top), (below_before, before) = changed.rnn.layers(), plain.rnn.layers()
    assert torch.equal(below.signs, below_before.signs)
    assert torch.equal(top.signs[:12], before.signs[:12].abs())
    assert torch.equal(top.signs[12:], before.signs[12:])
    assert torch.equal(changed.embedding.weight, plain.embedding.weight * 0.5)


def test_dropped_tokens_are_read_as_padding(phrases):
    task = tasks.load("sst2", phrases, verify=False)
    model = build(config(positive_signs=0.0), task)
    inputs, targets = (torch.from_numpy(array) for array in task.train.batch(slice(50)))
    torch.manual_seed(4)
    loss = Objective(model, augmentation=Augmentation(token_dropout=0.5))(inputs, targets)
    torch.manual_seed(4)
    kept = torch.rand(inputs.shape) >= 0.5
    assert 0.4 < kept.float().mean() < 0.6
    expected = F.binary_cross_entropy_with_logits(model(inputs * kept)[:, 0], targets.float())
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    smooth = Objective(model, label_smoothing=0.2)(inputs, targets)
    logits = model(inputs)[:, 0]
    expected = F.binary_cross_entropy_with_logits(logits, 0.8 * targets.float() + 0.1)
    assert smooth.item() == pytest.approx(expected.item(), rel=1e-4)
