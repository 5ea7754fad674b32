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
def test_what_may_be_a_target_for_every_step_is_asked_about(run, tmp_path, monkeypatch, rng, kind):
    monkeypatch.chdir(tmp_path)
    x, y = rng.normal(size=(20, 9, 2)), rng.integers(2, size=(20, 9)).astype(kind)
    np.savez("steps.npz", X=x, y=y)
    np.savez("joined.npz", X=x.reshape(-1, 2), lengths=[9] * 20, y=y.ravel())
    np.savez("values.npz", X=x, y=y[:, :4] * 1.0)
    code, stdout, stderr = run("fit", "steps.npz", "--hidden-size", 16)
    assert (code, stdout) == (1, "")
    assert "y has shape (20, 9), a target for each of 9 steps, or as many values" in stderr
    assert "--every-step or --no-every-step" in stderr
    code, _, stderr = run("fit", "joined.npz", "--hidden-size", 16)
    assert code == 1
    assert "y has shape (180,), a target for each step of 20 sequences; expected --every-step" in stderr
    assert not (tmp_path / "model.safetensors").exists()
    assert run("fit", "values.npz", "--hidden-size", 16)[0] == 0
    assert hr.load("model.safetensors").card.output_size == 4
    assert run("fit", "steps.npz", "--no-every-step", "--targets", "values", "--hidden-size", 16)[0] == 0
    card = hr.load("model.safetensors").card
    assert (card.output, card.output_size) == ("last", 9)


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    """train and test: recordings of different lengths, of a tone that is low or high at each step, as .csv and as .npz; and
    of each what comes two steps later, as values.npz."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, count in (("train", 12), ("test", 5)):
        lengths = [100 + 10 * i for i in range(count)]
        high = np.repeat(rng.integers(2, size=sum(lengths) // 20 + 1), 20)[: sum(lengths)]
        x = np.sin(np.cumsum(0.3 + 0.6 * high)) + 0.1 * rng.normal(size=len(high))
        y = np.array(["low", "high"])[high]
        series = np.repeat(np.arange(count), lengths)
        rows = [f"{i},{label},{value:.4f}" for i, label, value in zip(series, y, x, strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,label,x", *rows]) + "\n")
        np.savez(f"{name}.npz", X=x[:, None], lengths=lengths, y=y)
        np.savez(f"{name}-values.npz", X=x[:, None], lengths=lengths, y=np.roll(x, -2)[:, None])
    return tmp_path


@pytest.mark.parametrize("form", ["csv", "npz"])
def test_labels_of_every_step(run, recordings, form):
    arguments = (
        f"fit train.{form} --test test.{form} --every-step --hidden-size 32 --out m.safetensors --json"
    )
    code, stdout, stderr = run(*arguments.split())
    assert code == 0, stderr
    found = json.loads(stdout)
    assert (found["unit"], found["left_out"], found["sequences"]) == ("steps", "sequence", 1860)
    assert hr.load("m.safetensors").card.output == "all"
    code, stdout, _ = run("eval", "m.safetensors", "--test", f"test.{form}", "--json")
    assert code == 0
    scored = json.loads(stdout)
    assert np.sum(scored["confusion"]) == 600  # all steps, and nothing beyond the end of a recording
    assert scored["accuracy"] == pytest.approx(np.trace(scored["confusion"]) / 600)
    assert scored["accuracy"] == found["test"]["accuracy"] > 0.85
    assert run("infer", "--model", "m.safetensors", f"test.{form}")[1].count("\n") == 600 + 5


def test_values_of_every_step(run, recordings):
    arguments = "fit train-values.npz --test test-values.npz --every-step --hidden-size 32 --json"
    code, stdout, stderr = run(*arguments.split())
    assert code == 0, stderr
    found = json.loads(stdout)
    with np.load("test-values.npz") as test:
        x, y, ends = test["X"], test["y"], np.cumsum(test["lengths"])[:-1]
    model = hr.load("model.safetensors")
    said = np.concatenate([model.infer(part) for part in np.split(x.astype(np.float32), ends)])
    assert found["test"]["error"] == pytest.approx(np.abs(said - y).mean(), rel=1e-5)
    assert found["test"]["r2"] == pytest.approx(1 - np.square(said - y).mean() / y.var(), rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("train.csv", "expected one per sequence; `hadamrnn fit --every-step` takes a target for every step"),
        ("gap.csv --every-step", "gap.csv, line 5: column 1 is empty ('label'); expected a class"),
        ("train.csv --every-step --test other.csv", "other.csv, line 3, column 'label' is 'loud'"),
        ("train.npz --every-step --test two.npz", "two.npz: X has 2 features per step; expected 1"),
        ("series.csv --every-step", "series.csv: a series per row has one target"),
        ("series.ts --every-step", "series.ts: a series of .ts has one target"),
        ("short.npz --every-step", "short.npz: y has shape (7,); expected (20,) or more dimensions"),
        ("whole.npz --every-step", "whole.npz: y has shape (4,); expected (4, 5) or more dimensions"),
        ("one.npz --every-step", "one.npz: y holds the single class '0'"),
    ],
)
def test_what_is_refused_of_targets_of_every_step(run, recordings, arguments, said):
    (recordings / "gap.csv").write_text("id,label,x\n0,a,1\n0,b,2\n1,a,3\n1,,4\n")
    (recordings / "other.csv").write_text("id,label,x\n0,low,1\n0,loud,2\n")
    np.savez("two.npz", X=np.zeros((2, 5, 2)), y=[["low", "high"] * 2 + ["low"]] * 2)
    (recordings / "series.csv").write_text("label,0,1,2\na,1,2,3\nb,4,5,6\na,4,3,6\n")
    (recordings / "series.ts").write_text("@univariate true\n@classLabel true a b\n@data\n1,2:a\n2,3:b\n")
    np.savez("short.npz", X=np.zeros((20, 2)), lengths=[5] * 4, y=np.zeros(7))
    np.savez("whole.npz", X=np.zeros((4, 5, 2)), y=np.zeros(4))
    np.savez("one.npz", X=np.zeros((4, 5, 2)), y=np.zeros((4, 5), int))
    code, stdout, stderr = run("fit", *arguments.split())
    assert (code, stdout) == (1, "")
    assert said in stderr.splitlines()[-1]
    assert not (recordings / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"y": ["a"] * 6}, "bad.npz: y holds the single class 'a'; expected at least two"),
        ({"y": list("abcdef")}, "bad.npz: y has 6 examples of 6 classes, none of which occurs twice"),
        ({"X": np.full((6, 4, 1), np.nan)}, "bad.npz: X[0][0, 0] is nan; expected finite numbers"),
        (
            {"X": np.zeros((24, 1)), "lengths": [8, 0, 4, 4, 4, 4]},
            "bad.npz: lengths[1] is 0; expected a sum of 24, at least one step each",
        ),
        (
            {"X": np.zeros((6, 0, 1))},
            "X has shape (6, 0, 1); expected at least one sequence, step and feature",
        ),
    ],
)
def test_bad_data_are_named_by_their_place(run, tmp_path, monkeypatch, made, said):
    monkeypatch.chdir(tmp_path)
    np.savez("bad.npz", **{"X": np.ones((6, 4, 1)), "y": ["a", "b"] * 3, **made})
    code, stdout, stderr = run("fit", "bad.npz")
    assert (code, stdout) == (1, "")
    assert said in stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["a", "b", "0", "a"], "test.csv, line 4 is '0'; expected one of a, b"),
        (["1.5", "2.5", "3", "4"], "test.csv, line 2 is '1.5'; expected one of a, b"),
        (["a", "", "b", "a"], "test.csv, line 3: column 0 is empty ('label'); expected a class"),
    ],
)
def test_labels_of_another_kind_in_the_test_are_named_by_their_line(run, tmp_path, monkeypatch, labels, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fit, "fit_examples", lambda *_: pytest.fail("the model was fitted"))
    rows = [f"{'ab'[i % 2]},{i},{-i},{i % 3}" for i in range(12)]
    (tmp_path / "train.csv").write_text("\n".join(["label,0,1,2", *rows]) + "\n")
    rows = [f"{label},1,2,3" for label in labels]
    (tmp_path / "test.csv").write_text("\n".join(["label,0,1,2", *rows]) + "\n")
    code, _, stderr = run("fit", "train.csv", "--test", "test.csv")
    assert code == 1
    assert said in stderr.splitlines()[-1]


def test_names_in_the_test_of_values(run, tmp_path, monkeypatch, rng):
    monkeypatch.chdir(tmp_path)
    np.savez("train.npz", X=rng.normal(size=(20, 9, 2)), y=rng.normal(size=20))
    np.savez("test.npz", X=rng.normal(size=(2, 9, 2)), y=["a", "b"])
    code, _, stderr = run("fit", "train.npz", "--test", "test.npz")
    assert code == 1
    assert "test.npz: y[0] is 'a'; expected numbers" in stderr.splitlines()[-1]
    assert not (tmp_path / "model.safetensors").exists()


def test_train_custom_in_closed_form_is_the_same_fit(run, tables):
    given = "--impute last --group who --hidden-size 16 --seed 3 --json"
    assert run("fit", "train.csv", "--test", "test.csv", *given.split())[0] == 0
    method = "train custom --method closed_form --train train.csv --test test.csv"
    code, stdout, stderr = run(*method.split(), *given.split())
    assert code == 0, stderr
    assert json.loads(stdout)["model"] == "runs/custom-3/model.safetensors"
    assert hr.load("runs/custom-3/model.safetensors") == hr.load("model.safetensors")
    code, _, stderr = run("train", "custom", "--method", "closed_form")
    assert code == 1
    assert "the preset custom needs --train FILE" in stderr
