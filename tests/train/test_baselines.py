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
from hadamrnn_ext.train.baselines import Baseline, baseline
from hadamrnn_ext.train.log import records
from hadamrnn_ext.train.progress import Silent

MODELS = ("lstm", "gru", "orthogonal", "fastgrnn", "cornn")
#: Weights for each weight of U, and for each of W: gates, and in coRNN a second matrix for the velocities.
GATES = {"lstm": (4, 4), "gru": (3, 3), "orthogonal": (1, 1), "fastgrnn": (1, 1), "cornn": (1, 2)}
#: Numbers besides these matrices: biases of n, and scalars.
BIASES = {"lstm": (8, 0), "gru": (6, 0), "orthogonal": (1, 0), "fastgrnn": (2, 2), "cornn": (1, 0)}


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

    (inputs, recurrent), (biases, scalars) = GATES[kind], BIASES[kind]
    weights = inputs * 16 * 10 + recurrent * 16 * 16
    assert summary["payload_bytes"] == 4 * (weights + biases * 16 + scalars + 9 * 16 + 9)
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


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize("ranks", [{}, {"input_rank": 2, "recurrent_rank": 3}])
def test_fastgrnn_is_its_formula(ranks, rng):
    model = Baseline("fastgrnn", 5, 8, 3, output="all", **ranks)
    given = {name: value.numpy().astype(np.float64) for name, value in model.state_dict().items()}

    def matrix(name):
        factors = [value for key, value in given.items() if key.startswith(f"rnn.{name}.")]
        assert len(factors) == (2 if ranks else 1)
        return factors[0] if len(factors) == 1 else factors[1] @ factors[0]

    w, u = matrix("input"), matrix("recurrent")
    assert (w.shape, u.shape) == ((8, 5), (8, 8))
    zeta, nu = sigmoid(given["rnn.zeta"]), sigmoid(given["rnn.nu"])
    assert (zeta, nu) == (pytest.approx(0.731, abs=1e-3), pytest.approx(0.018, abs=1e-3))
    x = rng.normal(size=(4, 6, 5))
    h = np.zeros((4, 8))
    expected = []
    for t in range(6):
        z = sigmoid(x[:, t] @ w.T + h @ u.T + given["rnn.gate_bias"])
        c = np.tanh(x[:, t] @ w.T + h @ u.T + given["rnn.bias"])
        h = (zeta * (1 - z) + nu) * c + z * h
        expected.append(h @ given["readout.weight"].T + given["readout.bias"])
    met = model(torch.from_numpy(x).float()).detach().numpy()
    np.testing.assert_allclose(met, np.stack(expected, 1), atol=1e-6)


def test_the_ranks_of_fastgrnn_cost_what_their_factors_do():
    full, low = (
        Baseline("fastgrnn", 9, 64, 2),
        Baseline("fastgrnn", 9, 64, 2, input_rank=4, recurrent_rank=16),
    )
    saved = 64 * 9 - 4 * (64 + 9) + 64 * 64 - 16 * (64 + 64)
    assert full.payload_bytes - low.payload_bytes == 4 * saved
    assert full.step.count - low.step.count == 2 * saved


@pytest.mark.parametrize("options", [{}, {"dt": 0.5, "gamma": 1.5, "epsilon": 0.25}])
def test_cornn_is_its_formula(options, rng):
    model = Baseline("cornn", 5, 8, 3, output="all", **options)
    given = {name: value.numpy().astype(np.float64) for name, value in model.state_dict().items()}
    dt, gamma, epsilon = options.values() or (0.1, 0.2, 6.4)
    x = rng.normal(size=(4, 6, 5))
    y = z = np.zeros((4, 8))
    expected = []
    for t in range(6):
        drive = x[:, t] @ given["rnn.input.weight"].T + given["rnn.input.bias"]
        inside = y @ given["rnn.position.weight"].T + z @ given["rnn.velocity.weight"].T + drive
        z = z + dt * (np.tanh(inside) - gamma * y - epsilon * z)
        y = y + dt * z
        expected.append(y @ given["readout.weight"].T + given["readout.bias"])
    met = model(torch.from_numpy(x).float()).detach().numpy()
    np.testing.assert_allclose(met, np.stack(expected, 1), atol=1e-6)


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
    h = model.rnn(x)[0] if kind in ("lstm", "gru") else model.rnn(x)
    h = h.relu() if kind == "orthogonal" else h
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


@pytest.mark.parametrize(
    ("model", "name"),
    [("gru", "input_rank"), ("cornn", "recurrent_rank"), ("fastgrnn", "dt"), ("hadamrnn", "gamma")],
)
def test_an_option_of_another_network_is_refused(model, name):
    preset = as_baseline(get_preset("har2"), model) if model != "hadamrnn" else get_preset("har2")
    with pytest.raises(PresetError, match=f"{name} is 1, which the model {model} does not have"):
        dataclasses.replace(preset, **{name: 1})


def test_the_options_of_a_network_reach_it():
    task = tasks.load("copy", length=24)
    preset = as_baseline(dataclasses.replace(get_preset("copy"), length=24), "cornn")
    cell = baseline(dataclasses.replace(preset, dt=0.5, epsilon=0.0), task).rnn
    assert (cell.dt, cell.gamma, cell.epsilon) == (0.5, 0.2, 0.0)
    preset = as_baseline(preset, "fastgrnn")
    cell = baseline(dataclasses.replace(preset, recurrent_rank=7), task).rnn
    assert [tuple(factor.weight.shape) for factor in cell.recurrent] == [(7, 128), (128, 7)]


def test_unknown_models_engines_and_starts_are_refused():
    with pytest.raises(
        PresetError,
        match="model is 'transformer', expected one of hadamrnn, lstm, gru, orthogonal, fastgrnn, cornn",
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
    size = (tmp_path / "runs/copy-gru-0/model.pt").stat().st_size
    assert size > 4 * (3 * (16 * 10 + 16 * 16) + 96 + 9 * 17)
    assert f"(a file of {size:,} bytes, " in stdout
    assert stdout.splitlines()[-1] == "model: runs/copy-gru-0/model.pt"
