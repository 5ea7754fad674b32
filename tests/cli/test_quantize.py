"""`hadamrnn quantize` and `hadamrnn export`, from a float model to C."""

from __future__ import annotations

import json
import re

import pytest

from hadamrnn_ext import zoo
from hadamrnn_ext.file.card import Training
from hadamrnn_ext.file.preprocess import Preprocess


@pytest.fixture
def options(make_model, rng, tmp_path, digits_dir):
    """A model file of pixels, and the options that say where its data lies."""
    preprocess, training = Preprocess(uint8_scale=1 / 255), Training(task="smnist")
    sizes = {"sizes": ((16, 8),), "input_size": 1, "output_size": 10}
    make_model(rng, **sizes, preprocess=preprocess, training=training).save(tmp_path / "pixels.safetensors")
    out = ["--out", tmp_path / "integer.safetensors", "--readout", "integer", "--calibrate", "7"]
    return [tmp_path / "pixels.safetensors", *out, "--directory", digits_dir, "--no-verify"]


def test_quantize_reports_what_it_costs(run, options, tmp_path):
    code, stdout, _ = run("quantize", *options, "--data", "smnist", "--bits", "10", "--json")
    assert code == 0
    result = json.loads(stdout)
    out = tmp_path / "integer.safetensors"
    assert (result["task"], result["examples"], result["model"]) == ("smnist", 20, str(out))
    assert set(result["before"]) == set(result["after"]) == {"loss", "accuracy"}
    assert result["after"]["loss"] == pytest.approx(result["before"]["loss"], rel=0.2)
    model = zoo.load(out)
    assert model.card.integer.layers[0].state_bits == 10
    assert result["payload_after"] == model.describe().payload_bytes
    assert result["snr"] == [model.card.integer.layers[0].snr]
    assert model.card.training == Training(
        task="smnist", metrics={f"test_{score}": value for score, value in result["after"].items()}
    )


def test_quantize_prints_and_export_writes_the_library(run, options, tmp_path):
    code, stdout, _ = run("quantize", *options)  # the task is that of the card
    assert code == 0
    assert re.search(r"smnist test accuracy: 0\.\d{4} -> 0\.\d{4}\n", stdout)
    assert re.search(r"12-bit state, [\d.]+% saturated, signal to noise [\d.]+ dB", stdout)
    out, library = tmp_path / "integer.safetensors", tmp_path / "library"
    code, stdout, _ = run("export", out, "--c", library, "--name", "digits")
    assert code == 0
    assert stdout.splitlines()[:2] == [str(library / "digits.h"), str(library / "digits.c")]
    code, _, stderr = run("export", out, "--c", library, "--name", "1")
    assert (code, stderr.startswith("hadamrnn export: name is '1'")) == (1, True)


def test_export_gives_a_file_a_name_in_c_and_says_so(run, make_model, rng, tmp_path):
    for stem, name in (("1st model", "model_1st_model"), ("features", "model_features"), ("net", "net")):
        path = tmp_path / f"{stem}.safetensors"
        make_model(rng).save(path)
        code, stdout, stderr = run("export", path, "--c", tmp_path / name, "--json")
        assert (code, json.loads(stdout)["name"]) == (0, name)
        assert (tmp_path / name / f"{name}.h").is_file()
        said = f"hadamrnn export: '{stem}' cannot be a name in C; the library is called {name} (--name gives it another)\n"
        assert stderr == ("" if name == stem else said)
    code, _, stderr = run("export", path, "--c", tmp_path / "time", "--name", "time")
    assert (code, "name is 'time', which is a word or a header" in stderr) == (1, True)


def test_export_with_a_resolution(run, tmp_path, capsys):
    code, _, _ = run("export", "har2-int12", "--c", tmp_path, "--name", "har2", "--resolution", "0.25")
    assert code == 0
    assert "#define HAR2_RESOLUTION {0.25, 0.25," in " ".join(
        (tmp_path / "har2.h").read_text().split()
    ).replace("{ \\ ", "{")
    code, _, stderr = run("export", "har2-int12", "--c", tmp_path, "--name", "har2", "--resolution", "1,2")
    assert (code, stderr) == (
        1,
        "hadamrnn export: resolution has 2 numbers; expected one, or 9, one for each feature\n",
    )
    with pytest.raises(SystemExit) as caught:
        run("export", "har2-int12", "--c", tmp_path, "--resolution", "fine")
    assert caught.value.code == 2
    assert "argument --resolution: invalid number" in capsys.readouterr().err


def test_export_of_windows_and_of_the_longest_sequence(run, tmp_path, capsys):
    given = ("export", "har6-int12", "--c", tmp_path, "--name", "har6", "--windows", "128,32")
    assert run(*given)[0] == 0
    assert "#define HAR6_WINDOW_STATES 4\n" in (tmp_path / "har6.h").read_text()
    code, _, stderr = run(*given, "--longest", "100")
    assert (code, stderr) == (
        1,
        "hadamrnn export: longest is 100; expected at least 128, the length of a window\n",
    )
    with pytest.raises(SystemExit) as caught:
        run("export", "har6-int12", "--c", tmp_path, "--windows", "128 32")
    assert caught.value.code == 2
    assert "argument --windows: invalid two numbers of steps" in capsys.readouterr().err
