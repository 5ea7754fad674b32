"""Own data from the command line: files in, a model out that the other commands take."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.file.data_card import DataCard
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


# What a model was trained with travels in it


@pytest.fixture
def walks(tmp_path):
    """Gestures of twelve people at a time of 1.7e9 s, with gaps and a column that says nothing; and the same otherwise."""
    rng = np.random.default_rng(0)
    rows = [["clock", "who", "temp", "x", "y", "z", "gesture", "walk"]]
    for i in range(60):
        kind = ("push", "pull", "None")[i % 3]
        for t in range(int(rng.integers(6, 9))):
            x, y, z = (
                rng.normal(size=3) * 0.3 + {"push": (0, 2, 0), "pull": (0, -2, 0), "None": (0, 0, 0)}[kind]
            )
            moment = f"{t // 60 + 9}:{t % 60:02}"
            cells = [
                moment,
                f"p{i // 5}",
                20 + t,
                "" if t == 2 else round(x, 3),
                f"{1.7e9 + y:.3f}",
                round(z, 3),
            ]
            rows.append([*map(str, cells), kind, f"w{i:05d}"])
    (tmp_path / "walks.csv").write_text("\n".join(map(",".join, rows)))
    order = [7, 5, 3, 4, 2, 6, 0, 1]
    turned = [rows[0], *(rows[1 + i] for i in rng.permutation(len(rows) - 1))]
    text = "\r\n".join(";".join(row[place].replace(".", ",") for place in order) for row in turned)
    (tmp_path / "turned.csv").write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n\r\n")
    return tmp_path


ASKED = ["--id", "walk", "--time", "clock", "--label", "gesture", "--group", "who", "--features", "x,y,z"]


@pytest.fixture
def trained(run, walks):
    out = walks / "run"
    code, _, stderr = run(
        "train",
        "custom",
        "--train",
        walks / "walks.csv",
        *ASKED,
        "--impute",
        "last",
        "--out",
        out,
        *QUICK,
        "--epochs",
        20,
    )
    assert code == 0
    described, understood, *_ = stderr.splitlines()
    assert described.endswith("split by group: 9 to train, 1 to validate, 2 to test")
    assert understood == (
        f"{walks / 'walks.csv'}: comma-separated, a header; a time step per row; features x, y, z; sequences by walk; "
        "groups by who; target gesture; not read: temp; in order of clock; None is the name of a class"
    )
    return out / "model.safetensors"


def test_other_commands_need_no_option_again(run, walks, trained):
    model = hr.load(trained)
    assert model.card.data == DataCard("steps", ("x", "y", "z"), "gesture", "walk", "clock", "who", "last")
    assert model.card.labels == ("None", "pull", "push")
    files = "rows are steps; features x, y, z; id walk; time clock; label gesture; group who; missing last"
    assert str(model.card.data) == files
    assert f"files    {files[:80]}" in run("info", trained)[1]
    found = []
    for name in ("walks.csv", "turned.csv"):
        code, stdout, stderr = run("eval", trained, "--test", walks / name, "--json")
        found.append(json.loads(stdout))
        assert (code, found[-1]["examples"]) == (0, 60)
        assert "features x, y, z; sequences by walk" in stderr
    assert "semicolon-separated, decimal commas" in stderr
    assert "60 of 60 sequences sorted" in stderr
    assert found[0]["accuracy"] == found[1]["accuracy"] > 0.9
    out = walks / "small.safetensors"
    code, stdout, _ = run("quantize", trained, "--train", walks / "turned.csv", "--out", out, "--json")
    assert (code, json.loads(stdout)["after"]["accuracy"] > 0.9) == (0, True)
    assert hr.load(out).card.data == model.card.data
    code, stdout, stderr = run(
        "plot", "reading", trained, walks / "turned.csv", "--out", walks / "reading.svg"
    )
    assert (code, "features x, y, z" in stderr) == (0, True)


def test_answers_carry_the_ids_of_the_input(run, walks, trained):
    (walks / "none.csv").write_text(
        "\n".join(
            ",".join(cell for place, cell in enumerate(line.split(",")) if place not in (1, 6))
            for line in (walks / "walks.csv").read_text().splitlines()
        )
    )
    answers = {}
    for name in ("walks.csv", "turned.csv", "none.csv"):
        code, stdout, stderr = run("infer", walks / name, "--model", trained, "--format", "csv")
        rows = list(csv.DictReader(io.StringIO(stdout)))
        assert (code, list(rows[0])) == (0, ["sequence", "id", "label_1", "probability_1"])
        answers[name] = {row["id"]: (row["label_1"], row["probability_1"]) for row in rows}
    assert "not read: temp;" in stderr
    assert answers["walks.csv"] == answers["turned.csv"] == answers["none.csv"]
    assert sorted(answers["walks.csv"]) == [f"w{i:05d}" for i in range(60)]
    _, stdout, _ = run(
        "infer", walks / "walks.csv", walks / "turned.csv", "--model", trained, "--format", "jsonl"
    )
    lines = list(map(json.loads, stdout.splitlines()))
    assert [line["file"] for line in lines] == [str(walks / "walks.csv")] * 60 + [
        str(walks / "turned.csv")
    ] * 60
    assert {line["id"] for line in lines[60:]} == {line["id"] for line in lines[:60]}
    _, stdout, _ = run("infer", walks / "walks.csv", "--model", trained, "--json")
    assert json.loads(stdout)["results"][7]["id"] == "w00007"


def test_what_a_file_lacks_is_named(run, walks, trained):
    text = (walks / "walks.csv").read_text()
    (walks / "lacks.csv").write_text(text.replace(",y,", ",height,", 1))
    code, _, stderr = run("infer", walks / "lacks.csv", "--model", trained)
    assert (code, stderr.count("\n")) == (1, 1)
    assert (
        "no column 'y' of the features that the model reads (x, y, z); the header has clock, who, temp, x, height"
        in stderr
    )
    (walks / "lacks.csv").write_text(text.replace("gesture", "kind", 1))
    code, _, stderr = run("eval", trained, "--test", walks / "lacks.csv")
    assert (code, "no column of targets; name it with --label" in stderr) == (1, True)


def test_a_missing_value_is_named_by_line_and_column(run, walks):
    for command in (
        ["train", "custom", "--train", walks / "walks.csv", *ASKED],
        ["infer", walks / "walks.csv", "--model", "har6"],
    ):
        code, _, stderr = run(*command)
        assert code == 1
    code, _, stderr = run("train", "custom", "--train", walks / "walks.csv", *ASKED, "--out", walks / "run")
    assert (code, stderr.count("\n")) == (1, 1)
    assert f"{walks / 'walks.csv'}, line 4, column 'x' is nan; expected finite numbers" in stderr
    assert "--impute" in stderr


def test_a_ucr_archive_file_needs_no_option(run, tmp_path):
    rng = np.random.default_rng(1)
    for part, count in (("TRAIN", 60), ("TEST", 40)):
        lines = []
        for i in range(count):
            steps = rng.normal(size=6) + (3 if i % 2 else -3)
            lines.append(
                "\t".join(
                    [str(i % 2 + 1), *(f"{value:.4f}" for value in steps[: 6 - i % 3]), *["NaN"] * (i % 3)]
                )
            )
        (tmp_path / f"Two_{part}.tsv").write_text("\n".join(lines))
    train, test, out = tmp_path / "Two_TRAIN.tsv", tmp_path / "Two_TEST.tsv", tmp_path / "run"
    code, stdout, stderr = run(
        "train", "custom", "--train", train, "--test", test, "--out", out, *QUICK, "--json"
    )
    assert (code, json.loads(stdout)["test_accuracy"]) == (0, 1)
    assert stderr.count("tab-separated, no header; a series per row; target 0; ") == 2
    model = out / "model.safetensors"
    assert (hr.load(model).card.labels, hr.load(model).card.data) == (
        ("1", "2"),
        DataCard("series", label="0"),
    )
    _, stdout, _ = run("eval", model, "--test", test, "--json")
    assert json.loads(stdout)["accuracy"] == 1
    code, stdout, stderr = run("infer", test, "--model", model)
    assert [line.split()[0] for line in stdout.splitlines()] == ["1", "2"] * 20
    assert "not read: 0" in stderr
    ts = "@problemName Two\n@classLabel true 1 2\n@data\n" + "\n".join(
        ",".join(cell for cell in cells if cell != "NaN") + f":{label}"
        for label, *cells in (line.split("\t") for line in test.read_text().splitlines())
    )
    (tmp_path / "Two.ts").write_text(ts)
    _, answers, _ = run("infer", tmp_path / "Two.ts", "--model", model)
    assert answers == stdout


def test_ids_that_nobody_names_are_asked_for(run, tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        f"{i // 20},{i % 20},{rng.normal():.3f},{rng.normal():.3f},{'uv'[i // 20 % 2]}" for i in range(400)
    ]
    for header in ("recording,n,x,y,label\n", ""):
        (tmp_path / "rec.csv").write_text(header + "\n".join(rows))
        code, _, stderr = run("train", "custom", "--train", tmp_path / "rec.csv", "--out", tmp_path / "run")
        assert (code, stderr.count("\n")) == (1, 1)
        assert "repeats its values as an id does, 20 in 400 rows: --id" in stderr
    text = "\n".join(f"w{row.replace(',', ',', 1)}" for row in rows)
    (tmp_path / "rec.csv").write_text(text)
    code, _, stderr = run(
        "train", "custom", "--train", tmp_path / "rec.csv", "--label", "-1", "--out", tmp_path / "run"
    )
    assert (code, "'w0' is no number (column '0'; --id" in stderr) == (1, True)


def test_groups_of_arrays(run, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 5)), np.arange(60) % 2
    np.savez(tmp_path / "all.npz", X=x, y=y, groups=[f"p{i // 6}" for i in range(60)], ids=np.arange(60))
    code, _, stderr = run(
        "train", "custom", "--train", tmp_path / "all.npz", "--out", tmp_path / "run", *QUICK
    )
    assert (code, "split by group: 7 to train, 1 to validate, 2 to test" in stderr) == (0, True)
    assert "all.npz: arrays X (60, 5), y (60,), groups (60,), ids (60,)" in stderr
    _, stdout, _ = run(
        "infer", tmp_path / "all.npz", "--model", tmp_path / "run" / "model.safetensors", "--format", "jsonl"
    )
    assert json.loads(stdout.splitlines()[7])["id"] == "7"
    code, _, stderr = run(
        "train", "custom", "--train", tmp_path / "all.npz", "--group", "p", "--out", tmp_path / "r"
    )
    assert (code, "--group has no effect here" in stderr) == (1, True)


def test_people_in_both_files_are_named(run, walks):
    lines = (walks / "walks.csv").read_text().splitlines()
    people = {f"p{i}": [line for line in lines[1:] if f",p{i}," in line] for i in range(12)}
    for name, members in (("train", range(10)), ("test", (0, 3, 10, 11))):
        rows = [row for i in members for row in people[f"p{i}"]]
        (walks / f"{name}.csv").write_text("\n".join([lines[0], *rows]))
    files = ["--train", walks / "train.csv", "--test", walks / "test.csv", "--out", walks / "run"]
    code, _, stderr = run("train", "custom", *files, *ASKED, "--impute", "mean", *QUICK)
    assert (code, "split by group: 9 to train, 1 to validate\n" in stderr) == (0, True)
    assert "groups of the test that are trained on too: p0, p3\n" in stderr


def test_a_delimiter_may_be_named(run, tmp_path):
    (tmp_path / "x.csv").write_text("a;b|1\nc;d|2\n")
    code, _, stderr = run("train", "custom", "--train", tmp_path / "x.csv", "--out", tmp_path / "run")
    assert (code, "say which with --delimiter" in stderr) == (1, True)
    _, _, stderr = run(
        "train", "custom", "--train", tmp_path / "x.csv", "--delimiter", "bar", "--out", tmp_path / "run"
    )
    assert "bar-separated, no header" in stderr
    with pytest.raises(SystemExit):
        run("train", "custom", "--train", tmp_path / "x.csv", "--delimiter", "x")
