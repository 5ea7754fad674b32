"""Every command takes its data from files, pipes and stdin alike, compressed or not; texts, sounds and folders too."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import sys
import threading
import wave
from contextlib import contextmanager

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext import audio
from hadamrnn_ext.data import sounds
from hadamrnn_ext.file.card import Training
from hadamrnn_ext.file.preprocess import Preprocess, Vocabulary

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name")


@contextmanager
def piped(folder, content: bytes):
    """The name of a pipe that gives `content` once."""
    path = folder / f"pipe{len(list(folder.iterdir()))}"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(content,))
    writer.start()
    yield path
    writer.join(timeout=30)
    assert not writer.is_alive()


def of_stdin(monkeypatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def saved(save, *arrays, **named) -> bytes:
    content = io.BytesIO()
    save(content, *arrays, **named)
    return content.getvalue()


def wav(rng, seconds: float = 0.3, rate: int = 8000) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(rng.normal(0, 3000, round(seconds * rate)).astype("<i2").tobytes())
    return content.getvalue()


@pytest.fixture
def model(make_model, rng, tmp_path):
    """One feature, two classes, and its file."""
    model = make_model(rng, input_size=1, output_size=1, labels=("down", "up"))
    model.save(tmp_path / "model.safetensors")
    return model


def of(tmp_path):
    return ["--model", tmp_path / "model.safetensors"]


@pytest.mark.parametrize("packed", [bytes, gzip.compress])
@pytest.mark.parametrize("kind", ["npy", "npz", "idx", "wav", "csv", "csv with ids", "text"])
def test_infer_takes_every_format_from_files_pipes_and_stdin(run, model, rng, tmp_path, monkeypatch, kind, packed):  # fmt: skip
    x = rng.integers(0, 256, (2, 6), dtype=np.uint8)
    steps = "".join(f"{i},{t},{value}\n" for i, row in enumerate(x) for t, value in enumerate(row))
    content, name = {
        "npy": (saved(np.save, x[..., None].astype(np.float32)), "x.npy"),
        "npz": (saved(np.savez, X=x.reshape(-1, 1), lengths=[6, 6]), "x.npz"),
        "idx": (bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 6]) + x.tobytes(), "x-idx2-ubyte"),
        "wav": (wav(rng), "x.wav"),
        "csv": (("a,b,c,d,e,f\n" + "\n".join(",".join(map(str, row)) for row in x)).encode(), "x.csv"),
        "csv with ids": (f"id,time,value\n{steps}".encode(), "x.csv"),
        "text": ("\n".join(map(str, x[0])).encode(), "x.txt"),
    }[kind]
    path = tmp_path / (f"{name}.gz" if packed is gzip.compress else name)
    path.write_bytes(packed(content))
    expected = run("infer", path, *of(tmp_path), "--logits")
    assert expected[0] == 0
    if kind != "wav":
        sequences = x if kind != "text" else x[:1]
        met = np.array(expected[1].split(), np.float32)
        np.testing.assert_array_equal(met, model.infer(sequences[..., None].astype(np.float32))[:, 0])
    with piped(tmp_path, packed(content)) as pipe:
        assert run("infer", pipe, *of(tmp_path), "--logits")[:2] == expected[:2]
    of_stdin(monkeypatch, packed(content))
    assert run("infer", "-", *of(tmp_path), "--logits")[:2] == expected[:2]


def test_a_folder_called_like_stdin_is_not_it(run, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").mkdir()
    of_stdin(monkeypatch, b"0.5\n2\n")
    code, stdout, _ = run("infer", "-", "--model", tmp_path / "model.safetensors")
    assert (code, len(stdout.splitlines())) == (0, 1)


def test_stdin_is_read_once(run, model, tmp_path, monkeypatch):
    of_stdin(monkeypatch, b"1\n2\n")
    code, _, stderr = run("infer", "-", "-", *of(tmp_path))
    assert (code, "stdin, which can be read once" in stderr) == (1, True)
    code, _, stderr = run("train", "custom", "--train", "-", "--test", "-")
    assert code == 1
    code, _, stderr = run("eval", tmp_path / "model.safetensors", "--test", "-")
    assert (code, "stdin: is empty or has been read before" in stderr) == (1, True)


def test_train_eval_quantize_and_plot_take_pipes(run, tmp_path, monkeypatch, rng):
    x = rng.normal(size=(40, 5, 1)).astype(np.float32)
    content = saved(np.savez, X=x, y=np.where(x[:, -1, 0] > 0, "up", "down"))
    options = ["--hidden-size", 8, "--epochs", 1, "--threads", 1, "--out", tmp_path / "run"]
    with piped(tmp_path, content) as train, piped(tmp_path, gzip.compress(content)) as test:
        code, _, stderr = run("train", "custom", "--train", train, "--test", test, *options)
    assert code == 0
    assert stderr.startswith("34 sequences to train on, 6 to validate, 40 to test; 1 feature")
    model = tmp_path / "run" / "model.safetensors"
    of_stdin(monkeypatch, content)
    code, stdout, _ = run("eval", model, "--test", "-", "--json")
    scores = json.loads(stdout)
    assert (code, scores["examples"]) == (0, 40)
    with piped(tmp_path, content) as train, piped(tmp_path, model.read_bytes()) as source:
        quantized = tmp_path / "q.safetensors"
        code, stdout, _ = run("quantize", source, "--train", train, "--out", quantized, "--json")
    assert (code, json.loads(stdout)["before"]["accuracy"]) == (0, scores["accuracy"])
    pytest.importorskip("matplotlib")
    with piped(tmp_path, saved(np.save, x)) as pipe:
        assert run("plot", "reading", model, pipe, "--number", 3, "--out", tmp_path / "x.png")[0] == 0


def test_texts_a_line_each(run, make_model, rng, tmp_path, monkeypatch):
    preprocess = Preprocess(vocabulary=Vocabulary(("", "<unknown>", "good", "bad")))
    fields = {
        "input": "tokens",
        "input_size": 4,
        "output_size": 1,
        "labels": ("no", "yes"),
        "preprocess": preprocess,
    }
    model = make_model(rng, **fields)
    model.save(tmp_path / "model.safetensors")
    texts = ["a good, good film", "bad", "12 5"]
    expected = [line.split()[0] for line in model.classify(texts).labels[:, 0]]
    for end, tail in (("\n", ""), ("\n", "\n"), ("\r\n", "\r\n\r\n")):
        content = (end.join(texts) + tail).encode()
        (tmp_path / "x.txt").write_bytes(content)
        of_stdin(monkeypatch, content)
        for name in (tmp_path / "x.txt", "-"):
            code, stdout, _ = run("infer", name, *of(tmp_path))
            assert code == 0
            assert [line.split()[0] for line in stdout.splitlines()] == expected
    (tmp_path / "x.txt").write_text("good\n\nbad\n")
    code, _, stderr = run("infer", tmp_path / "x.txt", *of(tmp_path))
    assert (code, "x.txt, line 2: is empty; expected a text on every line" in stderr) == (1, True)
    pytest.importorskip("matplotlib")
    (tmp_path / "x.txt").write_text("good\nbad film\n")
    assert run("plot", "reading", tmp_path / "model.safetensors", tmp_path / "x.txt", "--number", 1, "--out", tmp_path / "x.svg")[0] == 0  # fmt: skip


@pytest.fixture
def listener(make_model, rng, tmp_path):
    """A model that hears, its file, and a folder of sounds in two classes."""
    training = Training(task="custom", settings=sounds.SETTINGS)
    model = make_model(rng, input_size=audio.BANDS, output_size=1, labels=("no", "yes"), training=training)
    model.save(tmp_path / "model.safetensors")
    for name in ("yes/a.wav", "yes/b.wav", "no/deep/c.wav"):
        path = tmp_path / "words" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav(rng, 0.2 + 0.1 * len(name)))
    (tmp_path / "words" / "README.md").write_text("none of them")
    (tmp_path / "words" / "yes" / "x.csv").write_text("none of them")
    return model


def test_infer_takes_a_folder_and_says_the_file_of_each_answer(run, listener, tmp_path):
    words = tmp_path / "words"
    files = [str(words / name) for name in ("no/deep/c.wav", "yes/a.wav", "yes/b.wav")]
    how = sounds.Hearing()
    frames = [how.frames(name, (words / name).read_bytes()) for name in files]
    expected = [listener.infer(part) for part in frames]

    code, stdout, stderr = run("infer", words, *of(tmp_path), "--logits", "--format", "csv")
    assert (code, stderr) == (0, f"{words}: 3 files are read, 2 left out, first {words}/README.md\n")
    rows = list(csv.DictReader(io.StringIO(stdout)))
    assert [(row["file"], row["sequence"]) for row in rows] == [(name, "0") for name in files]
    np.testing.assert_array_equal(np.array([row["logit_0"] for row in rows], np.float32), np.ravel(expected))

    _, stdout, _ = run("infer", words, *of(tmp_path), "--format", "jsonl")
    assert [json.loads(line)["file"] for line in stdout.splitlines()] == files
    _, stdout, _ = run("infer", *files[:2], *of(tmp_path), "--json")
    assert [result["file"] for result in json.loads(stdout)["results"]] == files[:2]
    _, stdout, _ = run("infer", words, *of(tmp_path))
    assert [line.split()[-1] for line in stdout.splitlines()] == files
    _, stdout, _ = run("infer", files[0], *of(tmp_path))
    assert len(stdout.split()) == 2  # of a single file it needs no name
    code, _, stderr = run("infer", words, "--model", "smnist")
    assert (code, "x.csv" in stderr) == (1, True)
    (tmp_path / "empty").mkdir()
    code, _, stderr = run("infer", tmp_path / "empty", *of(tmp_path))
    assert (code, "empty: holds no files to read" in stderr) == (1, True)


def test_a_model_that_does_not_say_how_it_hears_is_told_of(run, make_model, rng, tmp_path):
    make_model(rng, input_size=audio.BANDS).save(tmp_path / "model.safetensors")
    (tmp_path / "x.wav").write_bytes(wav(rng))
    code, _, stderr = run("infer", tmp_path / "x.wav", *of(tmp_path))
    assert (code, stderr.count("\n")) == (0, 1)
    assert "heard at 8000 Hz; the model does not say how it hears" in stderr


def tones(folder):
    """Low and high tones at two rates, twelve sounds of each."""
    for kind, frequency in (("low", 300), ("high", 2000)):
        (folder / kind).mkdir(parents=True)
        for i in range(12):
            rate = (8000, 22_050)[i % 2]
            samples = 8000 * np.sin(
                2 * np.pi * frequency * (1 + i / 100) * np.arange(rate * (2 + i % 3) // 10) / rate
            )
            with wave.open(str(folder / kind / f"{i}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(rate)
                file.writeframes(samples.astype("<i2").tobytes())


def test_a_folder_of_sounds_is_trained_on_evaluated_and_quantized(run, tmp_path):
    tones(tmp_path / "tones")
    out = tmp_path / "run"
    options = ["--hidden-size", 8, "--epochs", 15, "--lr", 0.01, "--threads", 1, "--out", out, "--json"]
    code, stdout, stderr = run("train", "custom", "--train", tmp_path / "tones", *options)
    assert code == 0
    assert "32 features" in stderr
    assert "2 classes: high " in stderr
    assert json.loads(stdout)["test_accuracy"] == 1
    model = out / "model.safetensors"
    assert hr.load(model).card.training.settings.items() >= {"sound": "log-mel", "rate": 8000}.items()
    code, stdout, _ = run("infer", tmp_path / "tones", "--model", model)
    assert code == 0
    assert all(line.split()[-1].split("/")[-2] == line.split()[0] for line in stdout.splitlines())
    _, stdout, _ = run("eval", model, "--test", tmp_path / "tones", "--json")
    assert json.loads(stdout)["confusion"] == [[12, 0], [0, 12]]
    quantized = tmp_path / "q.safetensors"
    both = ["--train", tmp_path / "tones", "--test", tmp_path / "tones"]
    code, stdout, _ = run("quantize", model, *both, "--out", quantized)
    assert code == 0
    assert "custom test accuracy: 1.0000 -> 1.0000" in stdout
    card = hr.load(quantized).card
    assert card.training.metrics["test_accuracy"] == 1
    assert sounds.hearing(card) == (8000, None)


def test_sounds_get_noise_silence_and_unknown_sounds(run, tmp_path, rng):
    tones(tmp_path / "tones")
    (tmp_path / "others").mkdir()
    for i in range(12):
        (tmp_path / "others" / f"{i}.wav").write_bytes(wav(rng, 0.4))
    added = ["--noise", 1, "--silence", "--unknown", tmp_path / "others"]
    model = tmp_path / "model.safetensors"
    code, _, stderr = run("fit", tmp_path / "tones", *added, "--hidden-size", 64, "--out", model, "--json")
    assert code == 0, stderr
    assert "24 sounds in sub-folders, 72 added" in stderr  # 12 unknown, 36 copies and 24 of noise alone
    assert hr.load(model).card.labels == ("high", "low", "silence", "unknown")
    assert sounds.hearing(hr.load(model).card) == (8000, None)
    quiet = 0.002 * rng.standard_normal(2400).astype(np.float32)
    assert hr.load(model).classify(audio.log_mel(quiet)).labels[0] == "silence"
    options = ["--hidden-size", 16, "--epochs", 3, "--threads", 1, "--out", tmp_path / "run"]
    code, _, stderr = run("train", "custom", "--train", tmp_path / "tones", *added, *options)
    assert code == 0, stderr
    assert "4 classes: high " in stderr
    assert "split by group: " in stderr  # copies are where their sound is
    (tmp_path / "x.csv").write_text("label,0,1\na,1,2\nb,2,3\n" * 3)
    for command in (["fit", tmp_path / "x.csv"], ["train", "custom", "--train", tmp_path / "x.csv"]):
        code, _, stderr = run(*command, "--noise", 2)
        assert code != 0
        assert "--noise has no effect here: it is for a folder of sounds" in stderr
