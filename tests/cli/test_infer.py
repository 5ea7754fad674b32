"""`hadamrnn infer`: every kind of file in, every kind of answer out."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import tarfile
import wave

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.cli import answers as answers_module
from hadamrnn_ext.file.data_card import DataCard
from hadamrnn_ext.file.preprocess import Normalization, Preprocess


@pytest.fixture
def model(request, make_model, rng, tmp_path):
    """Two features, three classes, and its file; the parameter is its output."""
    preprocess = Preprocess(normalization=Normalization((1.0, 2.0), (1.0, 3.0)))
    output = getattr(request, "param", "last")
    model = make_model(rng, labels=("a", "b", "c"), preprocess=preprocess, output=output)
    model.save(tmp_path / "model.safetensors")
    return model


def of(tmp_path):
    return ["--model", tmp_path / "model.safetensors"]


@pytest.mark.parametrize("model", ["last", "mean"], indirect=True)
def test_series_of_unequal_lengths_from_csv_and_npz(run, model, rng, tmp_path):
    x = [rng.normal(size=(length, 2)).round(3) for length in (2, 5, 4)]
    rows = [f"{i},{t},{a},{b}" for i, part in enumerate(x) for t, (a, b) in enumerate(part)]
    (tmp_path / "x.csv").write_text("\n".join(["id,time,u,v", *rows]))
    np.savez(tmp_path / "x.npz", X=np.concatenate(x), lengths=[len(part) for part in x])
    expected = [model.infer(part) for part in x]
    for name in ("x.csv", "x.npz"):
        code, stdout, _ = run("infer", tmp_path / name, *of(tmp_path), "--logits", "--format", "jsonl")
        assert code == 0
        met = [json.loads(line)["logits"] for line in stdout.splitlines()]
        np.testing.assert_array_equal(np.array(met, np.float32), expected)


def test_missing_values_are_the_means_of_training(run, model, tmp_path):
    (tmp_path / "x.csv").write_text("id,u,v\n0,,5\n0,3,\n")
    code, _, stderr = run("infer", tmp_path / "x.csv", *of(tmp_path))
    assert (code, "nan" in stderr) == (1, True)
    _, stdout, _ = run("infer", tmp_path / "x.csv", *of(tmp_path), "--impute", "mean", "--logits", "--json")
    expected = model.infer([[1, 5], [3, 2]])
    np.testing.assert_array_equal(np.array(json.loads(stdout)["results"][0]["logits"], np.float32), expected)


def test_a_row_is_a_step_where_it_is_as_wide_as_one(run, model, tmp_path):
    (tmp_path / "x.csv").write_text("0.5,1\n2,3\n")
    _, stdout, _ = run("infer", tmp_path / "x.csv", *of(tmp_path), "--logits", "--json")
    met = json.loads(stdout)["results"]
    np.testing.assert_array_equal(
        np.array([one["logits"] for one in met], np.float32), model.infer([[[0.5, 1], [2, 3]]])
    )


def test_answers_as_csv_in_batches(run, model, rng, tmp_path, monkeypatch):
    monkeypatch.setattr(answers_module, "BATCH", 4)
    x = rng.normal(size=(10, 6, 2)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    out = tmp_path / "answers.csv"
    assert run("infer", tmp_path / "none.npy", *of(tmp_path), "--out", out)[0] == 1
    assert not out.exists()
    code, stdout, _ = run("infer", tmp_path / "x.npy", *of(tmp_path), "--top", 2, "--out", out)
    assert (code, stdout) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    labels, probabilities = model.classify(x, 2)
    assert [[row["label_1"], row["label_2"]] for row in rows] == labels.tolist()
    assert [float(row["probability_2"]) for row in rows] == probabilities[:, 1].tolist()
    assert [row["sequence"] for row in rows] == list(map(str, range(10)))


def test_answers_at_every_step_end_with_their_sequence(run, make_model, rng, tmp_path):
    model = make_model(rng, output="all")
    model.save(tmp_path / "model.safetensors")
    x = [rng.normal(size=(length, 2)) for length in (2, 4)]
    np.savez(tmp_path / "x.npz", X=np.concatenate(x), lengths=[len(part) for part in x])
    _, stdout, _ = run("infer", tmp_path / "x.npz", *of(tmp_path), "--logits", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(stdout)))
    assert [(row["sequence"], row["step"]) for row in rows] == [
        ("0", "0"),
        ("0", "1"),
        *(("1", str(t)) for t in range(4)),
    ]
    np.testing.assert_allclose(
        [float(row["logit_2"]) for row in rows[2:]], model.infer(x[1])[:, 2], rtol=1e-6
    )


@pytest.mark.parametrize("model", ["last", "mean"], indirect=True)
def test_follow_answers_each_line_before_it_reads_the_next(model, tmp_path):
    command = [
        sys.executable,
        "-m",
        "hadamrnn_ext",
        "infer",
        "-",
        "--follow",
        "--logits",
        "--format",
        "jsonl",
    ]
    command += map(str, of(tmp_path))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(line: str) -> list[float]:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())["logits"]

        first, second = ask("0.5 1"), ask("2,3")
        third = ask("\n0.5 1")
        process.stdin.close()
        assert process.wait() == 0
    np.testing.assert_array_equal(np.float32(second), model.infer([[0.5, 1], [2, 3]]))
    assert first == third


def test_a_spoken_digit_is_recognised(run, data_dir, tmp_path):
    names = [f"recordings/{digit}_theo_{digit % 5}.wav" for digit in (3, 7)]
    with tarfile.open(data_dir / "fsdd" / "recordings.tar.gz") as archive:
        for member in archive:
            if (name := member.name.removeprefix("./")) in names:
                (tmp_path / name.split("/")[1]).write_bytes(archive.extractfile(member).read())
    files = sorted(tmp_path.glob("*.wav"))
    assert len(files) == 2
    code, stdout, _ = run("infer", *files, "--model", "digits")
    assert code == 0
    assert [line.split()[0] for line in stdout.splitlines()] == ["three", "seven"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("infer a.wav --model sst2", "a WAV file is for models of 32 mel bands"),
        ("infer a.wav b.wav", "no WAV file of PCM"),
        ("infer x.npy --out answers.txt", "ends in .csv or .jsonl"),
        ("infer x.npy --follow", "expected the file -"),
        ("infer empty.npz", "expected an array X"),
    ],
)
def test_errors_are_one_line(run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    content = io.BytesIO()
    with wave.open(content, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(2000))
    (tmp_path / "a.wav").write_bytes(content.getvalue())
    (tmp_path / "b.wav").write_bytes(b"RIFFxxxx")
    np.save(tmp_path / "x.npy", np.zeros((784, 1), np.float32))
    np.savez(tmp_path / "empty.npz", y=[1])
    code, _, stderr = run(*arguments.split())
    assert (code, stderr.count("\n")) == (1, 1)
    assert message in stderr


@pytest.mark.parametrize("model", ["last", "all", "mean"], indirect=True)
@pytest.mark.parametrize(
    "options", [(), ("--top", 2), ("--logits",), ("--json",), ("--logits", "--json"), ("--format", "jsonl")]
)
def test_an_overflow_is_no_answer(run, model, tmp_path, monkeypatch, options):
    """Neither a class nor NaN is printed: in files, and line by line once it comes to that."""
    x = np.zeros((2, 6, 2), np.float32)
    x[1, 3:5] = (3e38, -3e38), (-3e38, 3e38)
    np.save(tmp_path / "x.npy", x)
    code, stdout, stderr = run("infer", tmp_path / "x.npy", *of(tmp_path), *options)
    assert (code, stdout, stderr.count("\n")) == (1, "", 1)
    assert "finite" in stderr
    if "--json" in options:
        return
    lines = "".join(f"{a} {b}\n" for a, b in x[1])
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    code, stdout, stderr = run("infer", "-", "--follow", *of(tmp_path), *options)
    assert (code, stderr.count("\n"), "nan" in stdout.lower(), "finite" in stderr) == (1, 1, False, True)
    assert len(stdout.splitlines()) in (3, 4, 5)  # the answers before it
    if "jsonl" in options:
        assert all(json.loads(line) for line in stdout.splitlines())


def test_a_follower_answers_windows(run, monkeypatch):
    x = np.random.default_rng(0).normal(size=(20, 9))
    lines = "".join(f"{' '.join(map(str, row))}\n" for row in x)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{lines}\n{lines[: lines.index(chr(10)) + 1]}"))
    options = ("--window", "8", "--hop", "6", "--logits", "--format", "jsonl")
    code, stdout, stderr = run("infer", "-", "--follow", "--model", "har6", *options)
    assert (code, stderr) == (0, "")
    met = [json.loads(line)["logits"] for line in stdout.splitlines()]  # none of the second sequence
    np.testing.assert_array_equal(np.float32(met), hr.load("har6").infer([x[i : i + 8] for i in (0, 6, 12)]))


@pytest.mark.parametrize(
    ("name", "line", "says"),
    [
        ("har6", "1 2 3", "line 2: x has shape (3,); expected (9,), one time step"),
        ("har6", f"1 nan{' 0' * 7}", "line 2: x[1] is nan"),
        ("copy", "1 2 3", "line 2: '1 2 3' has 3 values; expected one token"),
        ("copy", "99", "line 2: x is 99; expected tokens 0 .. 9"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--window", "4", "--hop", "2")])
def test_a_follower_names_the_line_that_it_refuses(run, monkeypatch, name, line, says, options):
    good = " ".join(["1"] * (9 if name == "har6" else 1))
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{good}\n{line}\n"))
    code, _, stderr = run("infer", "-", "--follow", "--model", name, *options)
    assert (code, says in stderr) == (1, True), stderr


def test_a_follower_of_a_permuted_model_is_refused(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("0.5\n"))
    code, _, stderr = run("infer", "-", "--follow", "--model", "pmnist")
    assert (code, "permuted order" in stderr) == (1, True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("0.5\nhalf\n"))
    code, stdout, stderr = run("infer", "-", "--follow", "--model", "smnist")
    assert (code, "line 2: 'half' is no time step" in stderr) == (1, True)
    assert hr.load("smnist").classify([[0.5]]).labels[0] == stdout.split()[0]


# Tables of models that know no names: the width decides


@pytest.fixture
def axes(make_model, rng, tmp_path):
    """Three features without names."""
    model = make_model(rng, input_size=3, labels=("a", "b", "c"))
    model.save(tmp_path / "model.safetensors")
    return model


def answered(run, tmp_path, text, *options):
    (tmp_path / "x.csv").write_text(text)
    code, stdout, stderr = run(
        "infer", tmp_path / "x.csv", *of(tmp_path), "--logits", "--format", "jsonl", *options
    )
    return code, np.float32([json.loads(line)["logits"] for line in stdout.splitlines()]), stderr


def test_time_and_three_axes(run, axes, tmp_path):
    rows = ["0,1,2,3", "1,4,5,6", "2,7,8,9"]
    expected = axes.infer([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]])
    for text in (
        "\n".join(["time,x,y,z", *rows]),
        "\n".join(["time,x,y,z", *reversed(rows)]),
        "time;x;y;z\n" + "\n".join(rows).replace(",", ";"),
        "x,y,z\n1,2,3\n4,5,6\n7,8,9\n",
        "1,2,3\n4,5,6\n7,8,9\n",
        "id,timestamp,x,y,z,label\n" + "\n".join(f"7,2024-01-09T10:0{row},walk" for row in rows),
        ",x,y,z\n" + "\n".join(rows),
    ):
        code, logits, stderr = answered(run, tmp_path, text)
        assert code == 0
        np.testing.assert_array_equal(logits, expected)
        assert "a time step per row; features" in stderr
    code, _, stderr = answered(run, tmp_path, "u,x,y,z\n0,1,2,3\n1,4,5,6\n")
    assert (code, stderr.count("\n")) == (1, 1)
    assert "4 columns of features (u, x, y, z); the model reads 3 per step; --features names them" in stderr
    code, logits, _ = answered(run, tmp_path, "u,x,y,z\n0,1,2,3\n1,4,5,6\n2,7,8,9\n", "--features", "x,y,z")
    np.testing.assert_array_equal(logits, expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,x,y,z\n1,1,2,3\n1,1,2\n", "line 3: 3 cells; expected 4, as the header has"),
        ("id,x,y,z\n1,1,2,3\n1,1,2,3,4\n", "line 3: 5 cells below a header of 4"),
        ("id,x,y,z\n1,1,2,3\n1,1,,3\n", "line 3, column 'y' is nan; expected finite numbers"),
        ("id,x,y,z\n1,1,2,3\n1,1,2e99,3\n", "line 3, column 'y' is 2e+99; expected finite numbers"),
        ("id,x,y,z\n1,1,2,3\n1,1,w00000,3\n", "line 3: 'w00000' is no number (column 'y'; --id,"),
    ],
)
def test_what_is_wrong_in_a_table_is_named_by_its_line(run, axes, tmp_path, text, message):
    code, _, stderr = answered(run, tmp_path, text)
    assert (code, stderr.count("\n")) == (1, 1)
    assert message in stderr


def test_text_and_tables_keep_a_small_signal_on_a_large_offset(run, make_model, rng, tmp_path):
    preprocess = Preprocess(normalization=Normalization((1.7e9, 52.5163), (1.0, 1e-5)))
    model = make_model(rng, labels=("a", "b", "c"), preprocess=preprocess)
    model.save(tmp_path / "model.safetensors")
    x = (np.array([1.7e9, 52.5163]) + rng.normal(size=(6, 2)) * [1, 1e-5]).round(8)
    lines = "\n".join(f"{a:.8f},{b:.8f}" for a, b in x)
    for name, text in (("x.csv", lines), ("x.txt", lines.replace(",", " ")), ("y.csv", "u,v\n" + lines)):
        (tmp_path / name).write_text(text)
        _, stdout, _ = run("infer", tmp_path / name, *of(tmp_path), "--logits", "--json")
        met = np.float32(json.loads(stdout)["results"][0]["logits"])
        np.testing.assert_array_equal(met, model.infer(x))


def test_pixels_of_a_model_with_imputation_are_still_bytes(run, make_model, rng, tmp_path):
    model = make_model(rng, input_size=1, preprocess=Preprocess(1 / 255), data=DataCard(impute="mean"))
    model.save(tmp_path / "model.safetensors")
    pixels = rng.integers(0, 256, (3, 20, 1)).astype(np.uint8)
    np.save(tmp_path / "x.npy", pixels)
    _, stdout, _ = run("infer", tmp_path / "x.npy", *of(tmp_path), "--logits", "--format", "jsonl")
    met = np.float32([json.loads(line)["logits"] for line in stdout.splitlines()])
    np.testing.assert_array_equal(met, model.infer(pixels))
