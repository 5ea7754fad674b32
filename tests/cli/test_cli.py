from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from hadamrnn_ext import plots, zoo
from hadamrnn_ext.cli import bench, infer
from hadamrnn_ext.data import tasks
from hadamrnn_ext.file.card import Training
from hadamrnn_ext.file.preprocess import Preprocess, Vocabulary

SMALL = [
    "train",
    "copy",
    "--length",
    "24",
    "--hidden-size",
    "16",
    "--batch-size",
    "16",
    "--limit-train",
    "80",
    "--lr",
    "0.01",
    "--epochs",
    "2",
]


@pytest.fixture
def pixels(make_model, rng, tmp_path):
    """A model of pixels with labels, and its file."""
    labels = tuple("0123456789")
    preprocess = Preprocess(uint8_scale=1 / 255)
    training = Training(task="smnist", metrics={"test_accuracy": 0.5})
    model = make_model(
        rng,
        sizes=((16, 8),),
        input_size=1,
        output_size=10,
        labels=labels,
        preprocess=preprocess,
        training=training,
    )
    path = tmp_path / "pixels.safetensors"
    model.save(path)
    return model, path


def test_train_writes_a_model_that_the_other_commands_take(run, tmp_path):
    out = tmp_path / "run"
    code, stdout, stderr = run(*SMALL, "--out", out, "--json")
    assert code == 0
    summary = json.loads(stdout)
    assert (summary["epochs"], summary["lr"], summary["hidden_size"], summary["length"]) == (2, 0.01, 16, 24)
    assert len([line for line in stderr.splitlines() if line.startswith("epoch ")]) == 2
    code, stdout, _ = run("eval", out / "model.safetensors", "--json")  # the length comes from the card
    assert code == 0
    scores = json.loads(stdout)
    assert scores["loss"] == pytest.approx(summary["test_loss"], rel=1e-9)
    assert (scores["examples"], scores["task"], scores["split"]) == (2000, "copy", "test")
    code, stdout, _ = run("info", out / "model.safetensors", "--json")
    assert json.loads(stdout)["card"]["training"]["metrics"]["test_loss"] == summary["test_loss"]


def recipe_of(run, *options: object) -> dict[str, object]:
    code, stdout, stderr = run("train", *options, "--epochs", 1, "--threads", 1, "--json")
    assert code == 0, stderr
    return json.loads(stdout)


def test_train_takes_every_part_of_the_recipe(run, tmp_path):
    options = "--block-size 4 --weight-bits float --sign-lr 0.1 --schedule cosine --grad-clip 2 --seed 9 --engine loop"
    options += " --sign-schedule step --sign-decay 0.5 --warmup 2 --label-smoothing 0.1 --average 0.9"
    options += (
        " --output-weight-bits 2 --bias-bits 8 --embedding-size 4 --embedding-scale 0.5 --positive-signs 0.5"
    )
    options += " --embedding-bits 8 --weight-clip 2.5 --token-dropout 0.1 --num-layers 2"
    summary = recipe_of(run, *SMALL[1:], *options.split(), "--out", tmp_path)
    expected = {"block_size": 4, "weight_bits": None, "sign_lr": 0.1, "schedule": "cosine", "grad_clip": 2.0}
    expected |= {"seed": 9, "engine": "loop", "engine_used": "loop", "threads": 1, "freeze_signs": False}
    expected |= {"engine_reason": "as asked"}
    expected |= {"sign_schedule": "step", "sign_decay": 0.5, "warmup": 2, "label_smoothing": 0.1}
    expected |= {
        "average": 0.9,
        "embedding_size": 4,
        "embedding_bits": 8,
        "embedding_scale": 0.5,
        "positive_signs": 0.5,
        "token_dropout": 0.1,
        "num_layers": 2,
        "output_weight_bits": 2,
        "bias_bits": 8,
        "weight_clip": 2.5,
        "device": "cpu",
        "processes": 1,
    }
    assert {name: summary[name] for name in expected} == expected


def test_train_takes_every_part_of_the_recipe_of_features(run, digits_dir, tmp_path):
    options = (
        "--hidden-size 16 --batch-size 20 --input-noise 0.3 --time-shift 5 --image-jitter 0.5 --decay 0.9"
    )
    options += " --output mean --recurrence relu --sign-schedule constant --sign-margin 0.1 --limit-train 40"
    data = ["--data", digits_dir, "--no-verify"]
    summary = recipe_of(run, "smnist", *options.split(), *data, "--out", tmp_path)
    expected = {"input_noise": 0.3, "time_shift": 5, "image_jitter": 0.5, "decay": 0.9, "limit_train": 40}
    expected |= {"output": "mean", "recurrence": "relu", "sign_schedule": "constant", "sign_margin": 0.1}
    assert {name: summary[name] for name in expected} == expected


def test_train_goes_on_restarts_and_refuses_another_recipe(run, tmp_path):
    assert run(*SMALL, "--out", tmp_path)[0] == 0
    first = (tmp_path / "model.safetensors").read_bytes()
    code, stdout, stderr = run(*SMALL, "--out", tmp_path)
    assert code == 0
    assert "2 epochs done" in stderr
    assert f"model: {tmp_path}/model.safetensors" in stdout
    code, _, stderr = run(*SMALL, "--out", tmp_path, "--seed", 1)
    assert code == 1
    assert stderr.startswith("hadamrnn train: ")
    assert "seed was 0 and is now 1" in stderr
    assert stderr.count("\n") == 1
    assert run(*SMALL, "--out", tmp_path, "--seed", 1, "--restart")[0] == 0
    assert (tmp_path / "model.safetensors").read_bytes() != first


def test_sigterm_saves_and_exits_with_143(tmp_path):
    command = [sys.executable, "-m", "hadamrnn_ext", *SMALL, "--epochs", "100000", "--out", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("epoch")
        process.send_signal(signal.SIGTERM)
        stderr = process.stderr.read()
        assert process.wait(timeout=60) == 143
    assert "the same command goes on from" in stderr.splitlines()[-1]
    assert (tmp_path / "checkpoint.pt").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train mnist", "no preset 'mnist'; there are smnist, pmnist"),
        ("train copy --epochs 0", "epochs is 0"),
        ("train copy --length 10", "at least 20 steps"),
        ("train copy --hidden-size 35", "35"),
        ("train copy --weight-bits 9", "9"),
        ("train copy --engine warp", "warp"),
        ("train pmnist --data nowhere", "hadamrnn data mnist"),
        ("train copy --resume --out nowhere", "nothing to resume"),
        ("eval nonsense", "nonsense"),
        ("info nonsense", "nonsense"),
        ("infer --model nonsense", "nonsense"),
        ("infer missing.npy --model MODEL", "missing.npy"),
        ("infer bad.npy --model MODEL", "cannot be read as .npy"),
        ("infer bad.txt --model MODEL", "not numbers as text"),
        ("infer wide.txt --model MODEL", "expected (T, 1)"),
        ("infer --text hello --model MODEL", "no vocabulary"),
        ("infer series.txt --model MODEL --top 99", "99"),
        ("infer series.txt --model MODEL --kernel magic", "magic"),
        ("eval MODEL --data nowhere", "MNIST is not in nowhere"),
        ("eval MODEL --task copy --length 3", "at least 20"),
    ],
)
def test_errors_are_one_line_and_exit_code_1(run, pixels, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY and then nonsense")
    (tmp_path / "bad.txt").write_text("one two")
    (tmp_path / "wide.txt").write_text("1 2 3\n4 5 6\n")
    (tmp_path / "series.txt").write_text("0.5\n0.25\n")
    arguments = arguments.replace("MODEL", str(pixels[1]))
    code, stdout, stderr = run(*arguments.split())
    assert code == 1
    assert stdout == ""
    assert message in stderr
    assert stderr.count("\n") == 1
    assert stderr.startswith(f"hadamrnn {arguments.split()[0]}: ")


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "dance",
        "train",
        "train copy --epochs x",
        "train copy --resume --restart",
        "data cifar",
        "infer a.npy --text b",
    ],
)
def test_wrong_command_lines_exit_with_2(run, arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        run(*arguments.split())
    assert caught.value.code == 2
    assert "usage: hadamrnn" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "eval", "infer", "info", "models", "data"])
def test_help_shows_examples(run, command, capsys):
    with pytest.raises(SystemExit) as caught:
        run(command, "--help")
    assert caught.value.code == 0
    assert f"examples:\n  hadamrnn {command}" in capsys.readouterr().out


def test_infer_reads_npy_text_stdin_and_idx(run, pixels, rng, tmp_path, monkeypatch):
    model, path = pixels
    x = rng.random((2, 5, 1), dtype=np.float32)
    np.save(tmp_path / "x.npy", x)
    code, stdout, _ = run("infer", tmp_path / "x.npy", "--model", path, "--json", "--top", 3)
    labels, probabilities = model.classify(x, 3)
    assert code == 0
    results = json.loads(stdout)["results"]
    assert [result["labels"] for result in results] == labels.tolist()
    np.testing.assert_array_equal(np.float32([result["probabilities"] for result in results]), probabilities)

    text = "\n".join(f"{value:.9g}" for value in x[0, :, 0])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    code, stdout, _ = run("infer", "-", "--model", path, "--logits")
    assert code == 0
    np.testing.assert_array_equal(np.float32(stdout.split()), model.infer(x[0]))

    images = rng.integers(0, 256, (3, 2, 2), dtype=np.uint8)
    (tmp_path / "images").write_bytes(
        bytes([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2]) + images.tobytes()
    )
    code, stdout, _ = run("infer", tmp_path / "images", "--model", path)
    assert code == 0
    labels, probabilities = model.classify(images.reshape(3, 4, 1))
    assert stdout.splitlines() == [f"{labels[i, 0]} {probabilities[i, 0]:.4f}" for i in range(3)]


def test_infer_prints_a_line_a_step_for_models_with_all_outputs(run, make_model, rng, tmp_path):
    model = make_model(rng, input="tokens", output="all", input_size=6, output_size=4)
    model.save(tmp_path / "m.safetensors")
    (tmp_path / "tokens.txt").write_text("0, 5, 2")
    code, stdout, _ = run("infer", tmp_path / "tokens.txt", "--model", tmp_path / "m.safetensors")
    assert code == 0
    labels, _ = model.classify(np.array([0, 5, 2]))
    lines = [line for line in stdout.splitlines() if line]
    assert [line.split()[0] for line in lines] == [str(label) for label in labels[:, 0]]


def test_infer_takes_text_where_the_model_has_a_vocabulary(run, make_model, rng, tmp_path):
    preprocess = Preprocess(vocabulary=Vocabulary(("", "<unknown>", "good", "bad")))
    model = make_model(
        rng,
        input="tokens",
        input_size=4,
        output_size=1,
        labels=("negative", "positive"),
        preprocess=preprocess,
    )
    model.save(tmp_path / "m.safetensors")
    code, stdout, _ = run(
        "infer", "--text", "a good film", "--text", "bad", "--model", tmp_path / "m.safetensors"
    )
    assert code == 0
    labels, _ = model.classify(["a good film", "bad"])
    assert [line.split()[0] for line in stdout.splitlines()] == labels[:, 0].tolist()


def test_infer_without_a_file_shows_the_samples(run, pixels, rng, monkeypatch):
    model, path = pixels
    images, truth = rng.integers(0, 256, (2, 28, 28), dtype=np.uint8), np.array([3, 4])
    monkeypatch.setattr(zoo, "samples", lambda name: (images, truth))
    code, stdout, _ = run("infer", "--model", path)
    assert code == 0
    labels, _ = model.classify(images.reshape(2, 784, 1))
    answers = [line.split()[1] for line in stdout.splitlines() if line.startswith("answer")]
    assert answers == labels[:, 0].tolist()
    assert f"{model.describe().file_bytes:,} bytes" in stdout
    code, stdout, _ = run("infer", "--model", path, "--json")
    assert [result["truth"] for result in json.loads(stdout)["results"]] == [
        model.card.labels[3],
        model.card.labels[4],
    ]


def test_eval_scores_the_test_digits(run, pixels, digits_dir):
    model, path = pixels
    code, stdout, _ = run("eval", path, "--data", digits_dir, "--no-verify", "--json", "--threads", 1)
    assert code == 0
    images, labels = tasks.load("smnist", digits_dir, verify=False).test.raw(slice(None))
    assert json.loads(stdout)["accuracy"] == np.mean(model.infer(images).argmax(1) == labels)
    code, stdout, _ = run("eval", path, "--data", digits_dir, "--no-verify", "--split", "validation")
    assert code == 0
    assert "smnist validation: loss" in stdout
    assert "(10 sequences" in stdout


def test_info_and_models_print_what_the_model_says(run, pixels):
    _, path = pixels
    code, stdout, _ = run("info", path)
    assert code == 0
    assert sorted(stdout.splitlines()) == sorted(str(zoo.load(path).describe()).splitlines())
    code, stdout, _ = run("models", "--json")
    assert code == 0
    assert [row["name"] for row in json.loads(stdout)] == zoo.models()
    code, stdout, _ = run("models")
    assert [line.split()[0] for line in stdout.splitlines()] == zoo.models()


def test_data_says_what_is_found(run, digits_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("HADAMRNN_DATA", str(digits_dir))
    code, stdout, _ = run("data")
    assert (code, stdout.splitlines()[0]) == (0, f"mnist: {digits_dir / 'mnist'}")
    monkeypatch.setenv("HADAMRNN_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code, stdout, _ = run("data")
    assert code == 0
    assert "hadamrnn data mnist" in stdout


def test_a_wrong_number_of_threads_in_the_environment_is_an_error(run, pixels, tmp_path, monkeypatch):
    monkeypatch.setenv("HADAMRNN_NUM_THREADS", "many")
    code, _, stderr = run(*SMALL, "--out", tmp_path)
    assert code == 1
    assert "HADAMRNN_NUM_THREADS is 'many'" in stderr


def test_inference_commands_do_not_import_torch(pixels, tmp_path):
    script = (
        "import sys; from hadamrnn_ext.cli import main;"
        f"code = main(['info', {str(pixels[1])!r}]); assert 'torch' not in sys.modules; sys.exit(code)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL, timeout=60)


def test_train_without_torch_says_what_to_install(tmp_path):
    script = "import sys; sys.modules['torch'] = None; from hadamrnn_ext.cli import main; sys.exit(main(['train', 'copy']))"
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "pip install '.[train]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_reader_that_stops_is_no_error(pixels):
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "hadamrnn_ext", "info", str(pixels[1])]
    done = subprocess.run(command, check=False, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(write)
    assert done.stderr == ""


def test_what_nobody_has_foreseen_is_one_line_too_and_says_where(run, monkeypatch):
    monkeypatch.setattr(zoo, "models", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):  # as tests/conftest.py has it
        run("models")
    monkeypatch.delenv("HADAMRNN_TRACEBACK")
    code, stdout, stderr = run("models")
    assert (code, stdout, stderr.count("\n")) == (1, "", 1)
    assert re.match(r"hadamrnn models: unexpected ZeroDivisionError in models\.py:\d+: ", stderr)
    assert "HADAMRNN_TRACEBACK=1" in stderr


def test_memory_that_ends_is_told(run, monkeypatch):
    def full() -> None:
        raise MemoryError("Unable to allocate 8.00 EiB")

    monkeypatch.setattr(zoo, "models", full)
    assert run("models") == (1, "", "hadamrnn models: out of memory (Unable to allocate 8.00 EiB)\n")


def test_a_gpu_that_is_not_there_is_told_before_anything_is_trained(run, monkeypatch, tmp_path):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code, stdout, stderr = run(*SMALL, "--device", "cuda", "--out", tmp_path / "run")
    assert (code, stdout, stderr.count("\n")) == (1, "", 1)
    assert "device is 'cuda', but torch finds no GPU here" in stderr
    assert not (tmp_path / "run").exists()


def test_batches_larger_than_memory_are_told(run, tmp_path):
    pytest.importorskip("torch")
    code, _, stderr = run(
        *SMALL, "--out", tmp_path, "--length", 1 << 24, "--batch-size", 1 << 16, "--limit-train", 1 << 16
    )
    assert code == 1
    assert stderr.splitlines()[-1].startswith("hadamrnn train: out of memory (")


@pytest.mark.parametrize(
    "call",
    [
        "quantize copy --data copy --out {}.safetensors",
        "plot spectrum copy --out {}.png",
        "bench --plot {}.png",
        "infer x.npy --out {}.csv",
    ],
)
def test_a_file_that_cannot_be_written_is_told_before_the_work(run, monkeypatch, tmp_path, call):
    def work(*_, **__):
        raise AssertionError("this takes minutes")

    monkeypatch.setattr(tasks, "load", work)
    monkeypatch.setattr(plots, "spectrum", work)
    monkeypatch.setattr(bench, "cases", work)
    monkeypatch.setattr(infer, "load", work)
    target = tmp_path / "missing" / "file"
    code, stdout, stderr = run(*call.format(target).split())
    assert (code, stdout, stderr.count("\n")) == (1, "", 1)
    assert f"{target}." in stderr
    assert "No such file or directory" in stderr
