"""`hadamrnn doctor` and `hadamrnn bench`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from hadamrnn_ext import _core, cli, machine, zoo
from hadamrnn_ext.cli import cases, doctor
from hadamrnn_ext.model import Model


def test_doctor_finds_this_installation_well(run):
    code, stdout, _ = run("doctor", "--json")
    found = json.loads(stdout)
    assert (code, found["problems"]) == (0, [])
    assert found["extension"] == _core.__file__
    assert found["versions"]["torch"] in found["extras"]["train"]
    assert found["data"].keys() >= {"mnist", "imdb"}
    code, stdout, _ = run("doctor")
    assert code == 0
    assert stdout.splitlines()[-1].startswith("result")


def test_doctor_tells_an_extension_of_another_version_and_wrong_bits(run, monkeypatch):
    class Old:
        __file__ = _core.__file__
        Model, Stream = _core.Model, object

        def __getattr__(self, name):
            if name == "isa_use":
                raise AttributeError(name)
            return getattr(_core, name)

    monkeypatch.setattr(doctor, "_core", Old())
    infer = Model.infer
    monkeypatch.setattr(Model, "infer", lambda self, x: np.nextafter(infer(self, x), np.float32(9)))
    code, stdout, _ = run("doctor")
    assert code == 1
    assert "the extension has no isa_use" in stdout
    assert "the extension's Stream has no step, run" in stdout
    assert "the kernels of scalar give other bits" in stdout


def test_the_extras_are_those_of_the_project():
    pytest.importorskip("tomllib")

    import tomllib

    path = Path(__file__).parents[2] / "pyproject.toml"
    extras = tomllib.loads(path.read_text())["project"]["optional-dependencies"]
    for extra, packages in machine.EXTRAS.items():
        assert [re.split(r"[>[]", entry)[0] for entry in extras[extra]] == list(packages)


def test_bench_measures_both_paths_and_draws_them(run, tmp_path, monkeypatch):
    whole = cases._digits
    monkeypatch.setattr(cases, "_digits", lambda count: whole(count)[:, :20])
    threads = torch.get_num_threads()
    try:
        code, stdout, _ = run("bench", "--seconds", 0, "--threads", 1, "--plot", tmp_path / "b.svg", "--json")
    finally:
        torch.set_num_threads(threads)
    assert code == 0
    found = json.loads(stdout)
    paths = [(result["work"], result["path"]) for result in found["results"]]
    assert len(set(paths)) == 10
    assert all(result["seconds"] > 0 and result["calls"] >= 2 for result in found["results"])
    assert (tmp_path / "b.svg").read_text().startswith("<?xml")


def test_bench_without_torch_measures_the_kernels_alone(run, monkeypatch):
    monkeypatch.setattr(cases, "find_spec", lambda name: None)
    monkeypatch.setattr(machine, "package_version", lambda name: None)
    code, stdout, _ = run("bench", "--seconds", 0, "--threads", 1)
    assert code == 0
    assert "torch is not installed" in stdout


def test_data_and_export_answer_in_json(run, tmp_path):
    code, stdout, _ = run("data", "--json")
    assert (code, json.loads(stdout)) == (0, {name: doctor.place(name) for name in doctor.DATASETS})
    code, stdout, _ = run("export", "copy", "--c", tmp_path / "copy", "--json")
    files = json.loads(stdout)["files"]
    assert code == 0
    assert all(Path(file).is_file() for file in files)
    assert {Path(file).name for file in files} >= {"copy.c", "copy.h"}


def test_both_paths_of_a_case_compute_the_same():
    model = zoo.load("smnist")
    expected = model.infer(cases._digits(2))
    np.testing.assert_allclose(cases._loop(2, 1)().numpy(), expected, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_shows_examples_in_its_help(name, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main([name, "--help"])
    assert caught.value.code == 0
    assert f"hadamrnn {name}" in capsys.readouterr().out.split("examples:")[1]
