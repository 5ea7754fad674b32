"""Fine-tuning: from a model file, with the state of an integer model."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

import hadamrnn_ext as hr
from hadamrnn_ext import Model, cli, nn, train
from hadamrnn_ext.data import custom, tasks
from hadamrnn_ext.recipe import suited
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


FORGETTING = {
    "decays": True,
    "input_activation": "clip",
    "differences": True,
    "thresholds": 2,
    "time_constant": 3,
}


def pitches(rng, count=60):
    """Waves of two pitches and any phase, in noise, and which pitch each has."""
    pitch, phase = np.arange(count) % 2, rng.uniform(0, 6, count)
    waves = np.sin(np.arange(40) * (0.3 + 0.25 * pitch)[:, None] + phase[:, None])
    return (waves + 0.3 * rng.normal(size=waves.shape))[..., None], pitch


def test_a_recipe_makes_a_network_that_forgets(rng):
    x, y = pitches(rng)
    task = custom.task((x, y), None, custom.Options())
    preset = dataclasses.replace(suited(task), hidden_size=32, block_size=4, longest=7.0, **FORGETTING)
    model = build(train.Config(preset), task)
    assert model.card.pool == nn.Pool(2, time_constant=3)
    assert (model.card.decays, model.card.differences, model.card.input_activation) == (True, True, "clip")
    constants = -1 / torch.log(torch.sigmoid(model.rnn.decays))
    assert 1.0 <= constants.min() < constants.max() <= 7.0
    for pooled, features in {"excess": 1, "share": 1, "both": 2}.items():
        each = dataclasses.replace(preset, pooled=pooled)
        assert each.card(task).output_width == 2 * features * 32
        assert train.sized_as(train.get_preset("har6"), build(train.Config(each), task).to_native()) == (
            dataclasses.replace(
                train.get_preset("har6"),
                **{**FORGETTING, "pooled": pooled, "hidden_size": 32, "block_size": 4, "output": "last"},
            )
        )
    with pytest.raises(PresetError, match="thresholds is 65, expected a whole number from 1 to 64"):
        dataclasses.replace(preset, thresholds=65)
    with pytest.raises(PresetError, match=r"cannot have this network: .*pool is given with output 'mean'"):
        dataclasses.replace(preset, output="mean").card(task)


def test_training_goes_on_from_a_closed_form_with_its_bits(rng):
    x, y = pitches(rng)
    native = hr.fit(x, y, hidden_size=32).model
    task = custom.task((x, y), None, custom.Options())
    net = nn.from_native(native).eval()
    prepared = native.card.preprocess.normalization.apply(x)
    with torch.no_grad():
        np.testing.assert_array_equal(net(torch.from_numpy(prepared)).numpy(), native.infer(x))
    before = {name: tensor.clone() for name, tensor in net.named_parameters()}
    net.train().loss(torch.from_numpy(prepared), torch.from_numpy(y)).backward()
    assert all(bool(tensor.grad.any()) for tensor in net.parameters())
    model, summary = train.fit(x, y, start=native, epochs=3, lr=0.02, threads=1)
    assert train.sized_as(suited(task), model) == train.sized_as(suited(task), native)
    assert model.card.training.settings["start"] == "a model"
    assert model.card.trained_steps == 40
    after = nn.from_native(model).named_parameters()
    assert all(not torch.equal(before[name], tensor) for name, tensor in after if name != "rnn.signs")
    assert summary["val_accuracy"] > 0.9


@pytest.mark.parametrize("kind", ["classes", "values"])
def test_a_closed_form_is_fitted_to_the_training_examples(rng, tmp_path, kind):
    x, y = pitches(rng, 120)
    y = np.array(["low", "high"])[y] if kind == "classes" else 40 + 3 * x[:, -1, 0]
    fitted = train.fit(x, y, start="closed_form", hidden_size=64, epochs=4, out=tmp_path, threads=1)
    assert fitted.model.card.decays
    assert fitted.model.card.labels == (("high", "low") if kind == "classes" else None)
    assert fitted.summary["val_accuracy" if kind == "classes" else "val_r2"] > 0.8
    again = train.fit(x, y, start="closed_form", hidden_size=64, epochs=4, out=tmp_path, threads=1)
    assert again.model == fitted.model


def test_starts_that_do_not_fit_are_refused(rng):
    x, y = pitches(rng)
    with pytest.raises(PresetError, match='output is "auto", and start says'):
        train.fit(x, y, start="closed_form", output="auto")
    with pytest.raises(PresetError, match="is for features; the sequences are tokens"):
        train.fit(np.arange(200).reshape(20, 10) % 7, np.arange(20) % 2, start="closed_form")
    with pytest.raises(PresetError, match="other sizes, bits or output"):
        train.fit(x, y, start=hr.fit(x, y, hidden_size=32).model, hidden_size=16)
    with pytest.raises(hr.UnknownModelError, match="'nobody'"):
        train.fit(x, y, start="nobody")


def test_the_command_goes_on_from_a_model_that_forgets(rng, tmp_path, capsys):
    x, y = pitches(rng)
    np.savez(tmp_path / "own.npz", X=x, y=y)
    hr.fit(x, y, hidden_size=32).model.save(tmp_path / "fitted.safetensors")
    command = (
        f"train custom --train {tmp_path / 'own.npz'} --from {tmp_path / 'fitted.safetensors'} --epochs 1"
    )
    assert cli.main([*command.split(), "--threads", "1", "--out", str(tmp_path / "out")]) == 0
    model = Model.load(tmp_path / "out" / "model.safetensors")
    assert model.card.decays
    assert model.card.pool is not None


def test_the_command(floats, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--length", "24", "--limit-train", "80", "--epochs", "1", "--threads", "1", "--json"]
    command = ["train", "copy", "--from", str(floats), "--state-bits", "8", "--out", str(out), *options]
    assert cli.main(command) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (summary["state_bits"], summary["hidden_size"]) == (8, 16)
    assert Model.load(out / "model.safetensors").card.kind == "integer"
