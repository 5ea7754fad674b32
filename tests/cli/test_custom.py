"""Own data from the command line: files in, a model out that the other commands take."""

from __future__ import annotations

import json

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.train import curves


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    monkeypatch.setattr(curves, "available", lambda: False)


@pytest.fixture
def steps(tmp_path):
    """Sixty series that end high or low, a time step a row, one value missing in each."""
    rng = np.random.default_rng(0)
    lines = ["series,time,value,other,class"]
    for i in range(60):
        level = ("low", "high")[i % 2]
        for t in range(int(rng.integers(6, 9))):
            value = rng.normal() * 0.3 + (3 if level == "high" else -3)
            lines.append(f"{i},{t},{'' if t == 2 else round(value, 3)},5,{level}")
    path = tmp_path / "steps.csv"
    path.write_text("\n".join(lines))
    return path


QUICK = [
    "--hidden-size",
    "16",
    "--epochs",
    "6",
    "--batch-size",
    "10",
    "--lr",
    "0.01",
    "--threads",
    "1",
    "--seed",
    "2",
]


def test_train_eval_and_use_of_a_csv_file(run, steps, tmp_path):
    out = tmp_path / "run"
    code, _, stderr = run("train", "custom", "--train", steps, "--out", out)
    assert code == 1
    assert "is nan" in stderr
    options = ["--train", steps, "--impute", "last", "--out", out, *QUICK, "--json"]
    code, stdout, stderr = run("train", "custom", *options)
    assert code == 0
    assert stderr.startswith(
        "40 sequences to train on, 8 to validate, 12 to test; 2 features, up to 8 steps; 2 classes"
    )
    summary = json.loads(stdout)
    assert summary["test_accuracy"] == summary["test_balanced_accuracy"] == 1
    model = hr.load(out / "model.safetensors")
    assert model.classify(np.full((5, 2), [3, 5], np.float32)).labels[0] == "high"
    code, stdout, _ = run("eval", out / "model.safetensors", "--test", steps, "--impute", "last", "--json")
    scores = json.loads(stdout)
    assert (code, scores["task"], scores["examples"], scores["accuracy"]) == (0, "custom", 60, 1)
    code, stdout, _ = run("report", out)
    assert "`hadamrnn train custom --train FILE --hidden-size 16 --batch-size 10" in stdout


def test_the_mean_of_all_states_from_the_command_line(run, steps, tmp_path):
    out = tmp_path / "run"
    options = ["--train", steps, "--impute", "last", "--out", out, *QUICK, "--output", "mean", "--json"]
    code, stdout, _ = run("train", "custom", *options)
    summary = json.loads(stdout)
    assert (code, summary["output"], summary["test_accuracy"]) == (0, "mean", 1)
    code, stdout, _ = run("eval", out / "model.safetensors", "--test", steps, "--impute", "last", "--json")
    assert json.loads(stdout)["accuracy"] == 1
    assert "--output mean" in run("report", out)[1]
    assert "logits of the mean over all steps" in run("info", out / "model.safetensors")[1]


def test_values_are_scored_by_r2(run, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 5))
    np.savez(tmp_path / "all.npz", X=x, y=100 + 10 * x[:, -1])
    out = tmp_path / "run"
    options = ["--train", tmp_path / "all.npz", "--test", tmp_path / "all.npz", "--out", out, *QUICK]
    code, stdout, _ = run("train", "custom", *options, "--epochs", 12)
    assert code == 0
    assert "r2 0.9" in stdout
    code, stdout, _ = run("eval", out / "model.safetensors", "--test", tmp_path / "all.npz")
    assert "r2 0.9" in stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train custom", "needs --train FILE"),
        ("train smnist --train x.npz", "--train and --test are for the preset custom, not smnist"),
        ("train custom --train nowhere.csv", "nowhere.csv: cannot be read"),
        ("eval smnist --test nowhere.csv", "nowhere.csv: cannot be read"),
    ],
)
def test_errors_are_one_line(run, arguments, message):
    code, _, stderr = run(*arguments.split())
    assert (code, stderr.count("\n")) == (1, 1)
    assert message in stderr
