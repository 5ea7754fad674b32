"""What commands write goes where it is named: into pipes and stdout, through links, with the mode that a file had."""

from __future__ import annotations

import csv
import json
import os
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext import export
from hadamrnn_ext.file.card import Training

pytestmark = pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="stdout has no name")


def command(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    """A command line in a process with a standard output of its own."""
    words = [sys.executable, "-m", "hadamrnn_ext", *map(str, arguments)]
    return subprocess.run(words, check=True, capture_output=True, timeout=120)


@pytest.fixture
def model(make_model, rng, tmp_path):
    """Two features, three classes, of own data, and its file."""
    model = make_model(rng, labels=("a", "b", "c"), training=Training(task="custom"))
    model.save(tmp_path / "model.safetensors")
    return model


@pytest.fixture
def series(rng, tmp_path):
    np.savez(tmp_path / "x.npz", X=rng.normal(size=(9, 5, 2)), y=list("abcabcabc"))
    return tmp_path / "x.npz"


def test_a_model_on_stdout_is_the_model_alone(model, series, tmp_path):
    words = ["quantize", tmp_path / "model.safetensors", "--train", series, "--out"]
    done = command(*words, "/dev/stdout", "--json")
    assert json.loads(done.stderr.splitlines()[-1])["model"] == "/dev/stdout"
    command(*words, tmp_path / "q.safetensors")
    assert done.stdout == (tmp_path / "q.safetensors").read_bytes()
    assert hr.Model.from_bytes(done.stdout).card.kind == "integer"
    done = command(*words, "/dev/stdout")
    assert b"custom train loss: " in done.stderr


def test_an_onnx_graph_on_stdout_is_the_graph_alone(model, tmp_path):
    pytest.importorskip("onnx")
    done = command("export", tmp_path / "model.safetensors", "--onnx", "/dev/stdout")
    expected = export.onnx(model, tmp_path / "x.onnx").read_bytes()
    assert (done.stdout, done.stderr) == (expected, b"/dev/stdout\n")


def test_answers_and_pictures_go_into_pipes(run, model, series, tmp_path):
    for name, words in (
        ("answers.csv", ["infer", series, "--model", tmp_path / "model.safetensors"]),
        ("picture.png", ["plot", "spectrum", tmp_path / "model.safetensors"]),
    ):
        pipe, received = tmp_path / name, []
        os.mkfifo(pipe)
        reader = threading.Thread(
            target=lambda pipe=pipe, received=received: received.append(pipe.read_bytes())
        )
        reader.start()
        assert run(*words, "--out", pipe)[0] == 0
        reader.join(timeout=30)
        assert received[0][:8] in (b"sequence", b"\x89PNG\r\n\x1a\n")
        assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_answers_replace_a_file_as_a_whole(run, model, series, tmp_path):
    real, link = tmp_path / "answers", tmp_path / "link.csv"
    real.write_text("old")
    real.chmod(0o600)
    link.symlink_to(real)
    np.savez(tmp_path / "bad.npz", X=np.full((1, 5, 2), np.nan))
    of = ["--model", tmp_path / "model.safetensors", "--out", link]
    assert run("infer", series, tmp_path / "bad.npz", *of)[0] == 1
    assert real.read_text() == "old"  # and not the answers to the first file alone
    assert run("infer", series, *of)[0] == 0
    assert len(list(csv.reader(real.read_text().splitlines()))) == 10
    assert (link.is_symlink(), stat.S_IMODE(real.stat().st_mode)) == (True, 0o600)
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]


@pytest.mark.parametrize(
    "line",
    [
        "fit x.npz --out x.npz",
        "fit x.npz --test test.npz --out test.npz",
        "quantize model.safetensors --train x.npz --out model.safetensors",
        "quantize model.safetensors --train x.npz --out x.npz",
        "quantize model.safetensors --train x.npz --test test.npz --out test.npz",
        "infer x.npz --model model.safetensors --out x.csv",
        "infer test.npz x.npz --model model.safetensors --out x.csv",
        "infer x.npz --model model.safetensors --out model.csv",
        "plot reading model.safetensors x.npz --out x.png",
        "plot spectrum model.safetensors --out model.png",
        "export model.safetensors --onnx model.safetensors",
        "train custom --train x.npz --from model.safetensors --out .",
    ],
)
def test_what_a_command_reads_is_never_written_over(run, model, series, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test.npz").write_bytes(series.read_bytes())
    for name, link in (
        ("x.npz", "x.csv"),
        ("x.npz", "x.png"),
        *[("model.safetensors", f"model.{end}") for end in ("csv", "png")],
    ):
        (tmp_path / link).symlink_to(name)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    code, stdout, stderr = run(*line.split())
    assert (code, stdout, "is read as well; expected another file" in stderr) == (1, "", True), stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_answers_that_follow_are_in_their_file_at_once(model, tmp_path):
    out = tmp_path / "answers.jsonl"
    words = ["infer", "-", "--follow", "--model", tmp_path / "model.safetensors", "--out", out]
    line = [sys.executable, "-m", "hadamrnn_ext", *map(str, words)]
    with subprocess.Popen(line, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for count in (1, 2, 3):
            process.stdin.write(b"0.5 1\n")
            process.stdin.flush()
            deadline = threading.Event()
            for _ in range(600):
                if out.exists() and out.read_text().count("\n") == count:
                    break
                deadline.wait(0.1)
            assert out.read_text().count("\n") == count
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_a_page_in_a_pipe_has_no_pictures_beside_it(run, tmp_path, monkeypatch):
    from hadamrnn_ext.train import curves, pictures, results

    monkeypatch.setattr(results, "collect", lambda runs: ([], []))
    monkeypatch.setattr(curves, "available", lambda: True)
    drawn = []
    monkeypatch.setattr(pictures, "draw", lambda groups, stem, kind: drawn.append(stem) or [])
    os.mkfifo(tmp_path / "pipe.md")
    reader = threading.Thread(target=(tmp_path / "pipe.md").read_bytes)
    reader.start()
    assert run("report", "x", "--output", tmp_path / "pipe.md")[0] == 0
    reader.join(timeout=30)
    assert run("report", "x", "--output", tmp_path / "page.md")[0] == 0
    assert drawn == [tmp_path / "page"]
