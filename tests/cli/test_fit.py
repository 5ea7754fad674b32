"""`hadamrnn fit`: files of own data in, a model and what is known of it out."""

from __future__ import annotations

import json

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.cli import fit
from hadamrnn_ext.closed_form.design import DESIGNS


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """train.csv and test.csv: rises and falls, a time step a row, of six people each; a value is missing."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, count, first in (("train", 48, 0), ("test", 24, 6)):
        rows = ["id,time,label,who,x,y"]
        for i in range(count):
            slope = (-1, 1)[i % 2]
            for t in range(12):
                x = f"{slope * t / 6 + rng.normal() / 3:.4f}" if (i, t) != (3, 5) else ""
                rows.append(f"{i},{t},{('fall', 'rise')[i % 2]},p{first + i % 6},{x},{rng.normal():.4f}")
        (tmp_path / f"{name}.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_a_table_becomes_a_model_that_knows_its_names(run, tables):
    code, stdout, stderr = run(
        "fit",
        "train.csv",
        "--test",
        "test.csv",
        "--out",
        "m.safetensors",
        "--impute",
        "last",
        "--hidden-size",
        32,
        "--group",
        "who",
    )
    assert code == 0, stderr
    assert "<- chosen" in stdout
    assert "leave-one-group-out accuracy" in stdout
    assert "test: " in stdout
    assert stdout.endswith("model: m.safetensors\n")
    card = hr.load("m.safetensors").card
    assert card.labels == ("fall", "rise")
    assert (card.data.features, card.data.label, card.data.id, card.data.impute) == (
        ("x", "y"),
        "label",
        "id",
        "last",
    )
    code, stdout, _ = run("eval", "m.safetensors", "--test", "test.csv", "--json")
    assert code == 0
    assert json.loads(stdout)["accuracy"] > 0.9


def test_json_has_the_report_and_the_scores(run, tables):
    arguments = "fit train.csv --test test.csv --impute mean --group who --max-bytes 6000 --json --seed 3"
    code, stdout, stderr = run(*arguments.split())
    assert code == 0, stderr
    found = json.loads(stdout)
    assert found["model"] == "model.safetensors"
    assert found["groups"] == 6
    assert found["file_bytes"] == len((tables / "model.safetensors").read_bytes()) <= 6000
    assert found["test"]["accuracy"] > 0.9
    low, high = found["interval"]
    assert 0 <= low <= found["metrics"]["loo_accuracy"] <= high <= 1
    assert len(found["trials"]) == len(DESIGNS)
    assert hr.load("model.safetensors").card.training.seed == 3


def test_few_examples_of_a_class_are_warned_of(run, tables):
    np.savez("few.npz", X=np.random.default_rng(0).normal(size=(14, 9)), y=["a"] * 11 + ["b"] * 3)
    code, stdout, _ = run("fit", "few.npz", "--hidden-size", 16)
    assert code == 0
    assert "warning: few examples of b (3)" in stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("nowhere.csv", "nowhere.csv"),
        ("train.csv --group who", "missing"),
        ("train.csv --group who --test nowhere.csv", "nowhere.csv"),
        ("train.csv --group who --impute last --hidden-size 33", "hidden_size is 33"),
        (
            "train.csv --group who --impute last --state-bits 17",
            "state_bits is 17; expected an integer 8 .. 16",
        ),
        ("train.csv --group who --impute last --seed -1", "seed is -1; expected 0 to 2^32 - 1"),
        ("train.csv --group who --impute last --max-bytes 100", "max_bytes is 100"),
        ("train.csv --group who --impute last --out nowhere/m.safetensors", "nowhere"),
        ("one.npz", "single class"),
    ],
)
def test_what_is_refused(run, tables, arguments, said):
    np.savez("one.npz", X=np.zeros((5, 3)), y=np.zeros(5, int))
    code, stdout, stderr = run("fit", *arguments.split())
    assert (code, stdout) == (1, "")
    assert said in stderr.splitlines()[-1]
    assert not (tables / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"X": np.zeros((4, 9, 3))}, "3 features per step; expected 2"),
        ({"y": np.array(["a", "b", "c", "a"])}, "y[2] is 'c'; expected one of a, b"),
        ({"X": np.full((4, 9, 2), np.nan)}, "X[0][0, 0] is nan"),
    ],
)
def test_a_test_that_does_not_fit_is_refused_before_the_fit(run, tmp_path, monkeypatch, rng, change, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fit, "fit_examples", lambda *_: pytest.fail("the model was fitted"))
    np.savez("train.npz", X=rng.normal(size=(20, 9, 2)), y=np.array(["a", "b"] * 10))
    np.savez("test.npz", **{"X": rng.normal(size=(4, 9, 2)), "y": np.array(["a", "b"] * 2), **change})
    code, _, stderr = run("fit", "train.npz", "--test", "test.npz")
    assert code == 1
    assert said in stderr.splitlines()[-1]


def test_the_model_is_kept_where_scoring_fails(run, tables, monkeypatch):
    def fails(*_):
        raise hr.InputError("no score")

    monkeypatch.setattr(fit, "score", fails)
    arguments = "fit train.csv --test test.csv --impute last --group who --hidden-size 16"
    code, _, stderr = run(*arguments.split())
    assert code == 1
    assert "no score" in stderr
    assert hr.load("model.safetensors").card.labels == ("fall", "rise")


@pytest.mark.parametrize("kind", [int, float])
def test_targets_of_every_step_are_for_python(run, tmp_path, monkeypatch, rng, kind):
    monkeypatch.chdir(tmp_path)
    y = rng.integers(2, size=(20, 9)).astype(kind)
    np.savez("steps.npz", X=rng.normal(size=(20, 9, 2)), y=y)
    np.savez("values.npz", X=rng.normal(size=(20, 9, 2)), y=y[:, :4] * 1.0)
    code, stdout, stderr = run("fit", "steps.npz", "--hidden-size", 16)
    assert (code, stdout) == (1, "")
    assert "y has shape (20, 9), a target for each of 9 steps" in stderr
    assert "hadamrnn_ext.fit(X, y, every_step=...)" in stderr
    assert not (tmp_path / "model.safetensors").exists()
    assert run("fit", "values.npz", "--hidden-size", 16)[0] == 0
    assert hr.load("model.safetensors").card.output_size == 4
