"""Fine-tuning: from a model file, with the state of an integer model."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from hadamrnn_ext import Model, cli, nn, train
from hadamrnn_ext.data import tasks
from hadamrnn_ext.train import PresetError
from hadamrnn_ext.train.initial import build


@pytest.fixture
def floats(small, tmp_path):
    """The file of a float model, trained for a moment."""
    train.run(small(epochs=2), tmp_path / "float")
    return tmp_path / "float" / "model.safetensors"


def tuned(small, floats, **recipe):
    config = small(epochs=2, lr=1e-3, state_bits=8, freeze_signs=True, **recipe)
    return dataclasses.replace(config, start=str(floats))


def test_the_result_is_an_integer_model_with_the_simulated_scores(small, floats, tmp_path):
    summary = train.run(tuned(small, floats), tmp_path / "tuned")
    model = Model.load(tmp_path / "tuned" / "model.safetensors")
    assert model.card.integer.layers[0].state_bits == 8
    assert model.card.training.settings["state_bits"] == 8
    assert model.card.training.settings["start"] == str(floats)
    before = Model.load(floats)
    np.testing.assert_array_equal(model.parameters()["layers.0.signs"], before.parameters()["layers.0.signs"])
    # Validation runs the simulation, the test split the integer model; both have 200 sequences of one kind.
    assert summary["test_loss"] == pytest.approx(summary["val_loss"], rel=0.1)


def test_a_stopped_run_goes_on_to_the_same_bits(small, floats, tmp_path):
    whole = tuned(small, floats)
    train.run(whole, tmp_path / "whole")
    first = dataclasses.replace(whole, preset=dataclasses.replace(whole.preset, epochs=1))
    train.run(first, tmp_path / "parts")
    train.run(whole, tmp_path / "parts", resume=True)
    assert Model.load(tmp_path / "whole" / "model.safetensors") == Model.load(
        tmp_path / "parts" / "model.safetensors"
    )


def test_other_sizes_and_tasks_are_refused(small, floats, tmp_path):
    with pytest.raises(PresetError, match="has other sizes, bits or output"):
        train.run(tuned(small, floats, hidden_size=32), tmp_path / "x")
    both = nn.SequenceModel(10, 16, 9, tokens=True, output="all", bidirectional=True)
    both.to_native().save(tmp_path / "both.safetensors")
    with pytest.raises(PresetError, match="bidirectional is True, expected None"):
        train.run(dataclasses.replace(small(), start=str(tmp_path / "both.safetensors")), tmp_path / "x")
    with pytest.raises(PresetError, match="input_size is 10, expected 11"):
        build(tuned(small, floats), dataclasses.replace(tasks.load("copy", length=24), input_size=11))
    with pytest.raises(PresetError, match="state_bits is 7, expected 8 to 16"):
        small(state_bits=7)
    native = Model.load(floats)
    preset = train.sized_as(dataclasses.replace(small().preset, hidden_size=64, block_size=4), native)
    assert (preset.hidden_size, preset.block_size, preset.output) == (16, None, None)


def test_the_output_is_that_of_the_model():
    presets = {
        output: dataclasses.replace(train.get_preset("har6"), output=output)
        for output in (None, "last", "mean")
    }
    for output in ("last", "mean"):
        native = nn.SequenceModel(9, 512, 6, bias_bits=8, output=output).to_native()
        sized = {name: train.sized_as(preset, native).output for name, preset in presets.items()}
        assert sized == ({None: None} if output == "last" else {None: "mean"}) | dict.fromkeys(
            ("last", "mean"), output
        )


def test_the_command(floats, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--length", "24", "--limit-train", "80", "--epochs", "1", "--threads", "1", "--json"]
    command = ["train", "copy", "--from", str(floats), "--state-bits", "8", "--out", str(out), *options]
    assert cli.main(command) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (summary["state_bits"], summary["hidden_size"]) == (8, 16)
    assert Model.load(out / "model.safetensors").card.kind == "integer"
