"""Networks to compare with: the same trainer, data, logs and scores as HadamRNN's."""

from __future__ import annotations

import dataclasses
import os
import signal

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hadamrnn_ext import cli, train
from hadamrnn_ext.data import tasks
from hadamrnn_ext.data.task import evaluate
from hadamrnn_ext.train import PresetError, as_baseline, get_preset
from hadamrnn_ext.train.baselines import Baseline
from hadamrnn_ext.train.log import records
from hadamrnn_ext.train.progress import Silent

MODELS = ("lstm", "gru", "orthogonal")
#: Weights for each weight of U and of W: gates.
GATES = {"lstm": 4, "gru": 3, "orthogonal": 1}


@pytest.fixture
def small_baseline(small):
    def make(model, **recipe):
        config = small(**recipe)
        return dataclasses.replace(config, preset=as_baseline(config.preset, model))

    return make


def read(path):
    return torch.load(path / "model.pt", weights_only=True)


@pytest.mark.parametrize("kind", MODELS)
def test_a_run_leaves_the_best_network_and_what_it_costs(small_baseline, tmp_path, kind):
    summary = train.run(small_baseline(kind, epochs=4, lr=3e-2), tmp_path)
    lines = list(records(tmp_path / "log.jsonl"))
    assert lines[-1] == summary
    best = min(lines[:4], key=lambda line: line["val_loss"])
    assert (summary["best_epoch"], summary["val_loss"]) == (best["epoch"], best["val_loss"])
    assert lines[3]["loss"] < lines[0]["loss"]

    task = tasks.load("copy", length=24)
    model = Baseline(kind, 10, 16, 9, output="all", tokens=True)
    content = read(tmp_path)
    model.load_state_dict(content["state"])
    assert content["training"]["metrics"]["test_loss"] == summary["test_loss"]
    with torch.no_grad():
        scores = evaluate(lambda x: model(torch.from_numpy(x)).numpy(), task, task.test, raw=False)
    assert summary["test_loss"] == pytest.approx(scores["loss"], rel=1e-5)

    biases = {"lstm": 8, "gru": 6, "orthogonal": 1}[kind]
    weights = GATES[kind] * (16 * 10 + 16 * 16)
    assert summary["payload_bytes"] == 4 * (weights + biases * 16 + 9 * 16 + 9)
    assert summary["operations"] == 2 * weights
    assert summary["file_bytes"] == (tmp_path / "model.pt").stat().st_size
    assert summary["inference_seconds"] > 0
    assert not (tmp_path / "model.safetensors").exists()


def test_the_orthogonal_network_is_its_formula_and_stays_orthogonal(small_baseline, tmp_path, rng):
    train.run(small_baseline("orthogonal", epochs=4, lr=3e-2), tmp_path)
    model = Baseline("orthogonal", 10, 16, 9, output="all", tokens=True)
    untrained = model.rnn.recurrent.weight.detach().clone()
    model.load_state_dict(read(tmp_path)["state"])
    w = model.rnn.recurrent.weight.detach()
    torch.testing.assert_close(w @ w.T, torch.eye(16), atol=1e-5, rtol=0)
    assert not torch.equal(w, untrained)
    x = torch.from_numpy(rng.integers(0, 10, (3, 7)))
    h, u = torch.zeros(3, 16), model.rnn.input
    for t in range(7):
        h = h @ w.T + F.linear(F.one_hot(x[:, t], 10).float(), u.weight, u.bias)
        y = F.linear(h.relu(), model.readout.weight, model.readout.bias)
        torch.testing.assert_close(model(x)[:, t], y, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", MODELS)
def test_features_words_and_single_logits(kind, rng):
    last = Baseline(kind, 3, 8, 2)
    x = torch.from_numpy(rng.normal(size=(205, 6, 3)).astype(np.float32))
    whole = last(x)
    assert whole.shape == (205, 2)
    torch.testing.assert_close(last.eval()(x), whole)  # evaluated in parts
    words = Baseline(kind, 20, 8, 1, tokens=True, embedding_size=4)
    tokens, classes = torch.from_numpy(rng.integers(0, 20, (5, 6))), torch.tensor([0, 1, 1, 0, 1])
    loss = words.loss(tokens, classes)
    expected = F.binary_cross_entropy_with_logits(words(tokens)[:, 0], classes.float())
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert not words.embedding.weight.grad[0].any()  # padding


@pytest.mark.parametrize("kind", MODELS)
def test_the_mean_of_what_is_read_at_each_step(kind, rng):
    model = Baseline(kind, 3, 8, 2, output="mean")
    x = torch.from_numpy(rng.normal(size=(4, 6, 3)).astype(np.float32))
    lengths = torch.tensor([6, 1, 3, 5])
    h = model.rnn(x).relu() if kind == "orthogonal" else model.rnn(x)[0]
    for row, (states, length) in enumerate(zip(h, lengths.tolist(), strict=True)):
        expected = model.readout(states[:length].mean(0))
        torch.testing.assert_close(model(x, lengths)[row], expected)
        torch.testing.assert_close(model(x)[row], model.readout(states.mean(0)))


def test_an_interrupted_run_goes_on_to_the_same_bits(small_baseline, tmp_path):
    config = small_baseline("orthogonal", average=0.9)

    class Stopping(Silent):
        def step(self, epoch, step, loss):
            if (epoch, step) == (1, 2):
                os.kill(os.getpid(), signal.SIGTERM)

    train.run(config, tmp_path / "whole")
    with pytest.raises(train.Interrupted):
        train.run(config, tmp_path / "cut", reporter=Stopping())
    train.run(config, tmp_path / "cut", resume=True)
    whole, cut = (read(tmp_path / name) for name in ("whole", "cut"))
    assert whole["training"] == cut["training"]
    assert all(torch.equal(value, cut["state"][name]) for name, value in whole["state"].items())


@pytest.mark.parametrize(
    "name", ["block_size", "weight_bits", "sign_lr", "sign_margin", "state_bits", "num_layers"]
)
def test_what_a_baseline_lacks_is_refused(name):
    preset = as_baseline(get_preset("qqp"), "gru")
    assert (preset.block_size, preset.embedding_size) == (None, 256)
    with pytest.raises(PresetError, match=f"{name} is 8, which the model gru does not have"):
        dataclasses.replace(preset, **{name: 8})


def test_unknown_models_engines_and_starts_are_refused():
    with pytest.raises(
        PresetError, match="model is 'transformer', expected one of hadamrnn, lstm, gru, orthogonal"
    ):
        as_baseline(get_preset("copy"), "transformer")
    for wrong in ({"engine": "loop"}, {"start": "smnist"}):
        with pytest.raises(PresetError, match="no engines and starts from no model file"):
            train.Config(as_baseline(get_preset("copy"), "gru"), **wrong)


def test_the_command_line_trains_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = "--length 24 --hidden-size 16 --batch-size 16 --limit-train 80 --epochs 1"
    assert cli.main(["train", "copy", "--model", "gru", *options.split()]) == 0
    stdout = capsys.readouterr().out
    assert f"({4 * (3 * (16 * 10 + 16 * 16) + 96 + 9 * 17):,} bytes, " in stdout
    assert stdout.splitlines()[-1] == "model: runs/copy-gru-0/model.pt"
    assert (tmp_path / "runs/copy-gru-0/model.pt").exists()
