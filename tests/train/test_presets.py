from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

import recipe_tables
from hadamrnn_ext.data import tasks
from hadamrnn_ext.recipe.setting import settings
from hadamrnn_ext.train import PRESETS, Config, Preset, PresetError, as_baseline, get_preset
from hadamrnn_ext.train.initial import build


@pytest.mark.parametrize(
    ("name", "hidden", "batch", "epochs", "lr", "length"),
    [
        ("copy", 128, 128, 10, 1e-4, 1000),
        ("pmnist", 512, 100, 100, 1e-3, None),
        ("smnist", 512, 64, 100, 1e-3, None),
    ],
)
def test_presets_are_the_published_recipes(name, hidden, batch, epochs, lr, length):
    preset = get_preset(name)
    assert (preset.hidden_size, preset.batch_size, preset.epochs, preset.lr) == (hidden, batch, epochs, lr)
    assert (preset.decay, preset.schedule, preset.weight_bits, preset.length) == (0.98, "step", 4, length)
    assert (preset.block_size, preset.sign_lr, preset.grad_clip, preset.freeze_signs) == (
        None,
        None,
        None,
        False,
    )
    assert (preset.warmup, preset.sign_schedule, preset.sign_decay) == (0, None, None)
    assert (preset.label_smoothing, preset.average) == (0.0, None)
    assert preset.recurrence == "linear"


@pytest.mark.parametrize(
    ("name", "hidden", "block", "batch", "epochs", "embedding"),
    [
        ("imdb", 128, None, 100, 30, 512),
        ("sst2", 128, None, 100, 30, 256),
        ("qqp", 512, 128, 20, 50, 256),
    ],
)
def test_presets_of_texts_are_the_published_recipes(name, hidden, block, batch, epochs, embedding):
    preset = get_preset(name)
    assert (preset.hidden_size, preset.block_size, preset.embedding_size) == (hidden, block, embedding)
    assert (preset.batch_size, preset.epochs, preset.lr, preset.decay) == (batch, epochs, 5e-4, 0.99)
    assert (preset.weight_bits, preset.num_layers, preset.freeze_signs) == (4, 1, False)


def test_every_task_has_a_preset_of_its_name():
    assert (
        {name.removesuffix("-stream").removesuffix("-frozen") for name in PRESETS}
        <= set(tasks.NAMES)
        <= set(PRESETS)
    )
    assert {preset.task for preset in PRESETS.values()} == set(tasks.NAMES)


@pytest.mark.parametrize("task", ["smnist", "pmnist"])
def test_a_preset_with_frozen_signs_is_what_made_the_bundled_model(task):
    log = Path(__file__).parents[2] / "docs" / "runs" / f"{task}-0" / "log.jsonl"
    trained = Config.from_dict(json.loads(log.read_text().splitlines()[-1])).preset
    assert dataclasses.replace(PRESETS[f"{task}-frozen"], name=task) == trained


def test_the_tables_of_the_page_are_those_of_the_presets():
    text = recipe_tables.PAGE.read_text(encoding="utf-8")
    assert text == recipe_tables.page(text), "run python tools/recipe_tables.py"


def test_each_setting_says_what_it_is_and_its_default_makes_sense():
    for kind in (Preset, Config):
        told = dict(settings(kind))
        silent = set(dataclasses.fields(kind)) - told.keys()
        assert [item.name for item in silent] == (["preset"] if kind is Config else [])
        for item, setting in told.items():
            assert f"    {item.name}: {setting.help} (" in kind.__doc__
            if item.default is not dataclasses.MISSING:
                assert setting.none if item.default is None else setting.holds(item.default), item.name


def test_what_a_preset_means_on_a_task_is_a_card():
    task = tasks.load("copy", length=24)
    preset = dataclasses.replace(PRESETS["copy"], num_layers=2, block_size=32, weight_bits=3, bias_bits=8)
    card = preset.card(task)
    assert (card.input, card.output, card.input_size, card.output_size) == ("tokens", "all", 10, 9)
    assert [(layer.hidden_size, layer.block_size) for layer in card.layers] == [(128, 32)] * 2
    assert (card.weight_bits, card.output_weight_bits, card.bias_bits) == (3, 3, 8)
    assert card == build(Config(preset), task).to_native().card
    wide = dataclasses.replace(preset, hidden_size=1 << 20, output="mean")
    with pytest.raises(PresetError, match="copy cannot have this network: number of elements of U "):
        wide.card(dataclasses.replace(task, output="last", input_size=1 << 20))


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(PresetError, match="no preset 'mnist'; there are smnist, pmnist"):
        get_preset("mnist")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden_size", 0),
        ("epochs", -1),
        ("lr", 0.0),
        ("lr", float("nan")),
        ("sign_lr", float("inf")),
        ("grad_clip", -1.0),
        ("schedule", "linear"),
        ("sign_schedule", "linear"),
        ("sign_decay", 0.0),
        ("warmup", -1),
        ("label_smoothing", 1.0),
        ("token_dropout", 0.5),  # of tokens without an embedding
        ("input_noise", -0.1),
        ("time_shift", -1),
        ("positive_signs", 1.5),
        ("embedding_scale", 0.0),
        ("num_layers", 0),
        ("average", 1.0),
        ("output", "all"),
        ("epochs", 2.5),
        ("epochs", True),
        ("epochs", None),
        ("lr", "fast"),
        ("freeze_signs", 1),
        ("state_bits", 17),
        ("weight_bits", 9),
        ("output_weight_bits", "all"),
        ("embedding_bits", 8),  # of no embedding
    ],
)
def test_values_that_make_no_sense_are_refused(field, value):
    with pytest.raises(PresetError, match=field):
        dataclasses.replace(PRESETS["pmnist"], **{field: value})


def test_a_configuration_tells_what_it_changes_of_the_preset():
    preset = dataclasses.replace(PRESETS["pmnist"], lr=2e-3, freeze_signs=True)
    assert Config(preset, seed=5, limit_train=100).changes() == {
        "lr": 2e-3,
        "freeze_signs": True,
        "limit_train": 100,
    }
    assert Config(PRESETS["pmnist"], seed=5).changes() == {}


@pytest.mark.parametrize(
    ("preset", "recipe", "options"),
    [
        ("pmnist", {"weight_bits": None, "bias_bits": 8}, " --weight-bits float --bias-bits 8"),
        ("har2", {"freeze_signs": False, "sign_lr": 1e-5}, " --sign-lr 1e-05 --no-freeze-signs"),
        ("copy", {"freeze_signs": True, "length": 50}, " --length 50 --freeze-signs"),
        ("har6", {"output": "last"}, " --output last"),
        ("har6", {"output": None}, " --output last"),
        ("copy", {"embedding_size": 8, "embedding_bits": 8}, " --embedding-size 8 --embedding-bits 8"),
        ("digits", {"block_size": None, "lr": 0.5}, " --lr 0.5 --block-size 512"),
    ],
)
def test_a_configuration_tells_its_command(preset, recipe, options):
    config = Config(dataclasses.replace(PRESETS[preset], **recipe), seed=3)
    assert config.command() == f"hadamrnn train {preset}{options}"
    stored = {name: value for name, value in config.to_dict().items() if name != "model"}
    assert Config.from_dict({**stored, "event": "summary"}) == config


def test_only_the_end_of_a_run_may_move_when_it_is_taken_up_again():
    config = Config(PRESETS["pmnist"])
    longer = dataclasses.replace(config, preset=dataclasses.replace(config.preset, epochs=200))
    assert longer.obstacles(config.to_dict()) == []
    assert dataclasses.replace(config, seed=1).obstacles(config.to_dict()) == ["seed was 0 and is now 1"]
    cosine = dataclasses.replace(config, preset=dataclasses.replace(config.preset, schedule="cosine"))
    longer = dataclasses.replace(cosine, preset=dataclasses.replace(cosine.preset, epochs=200))
    assert longer.obstacles(cosine.to_dict()) == ["epochs was 100 and is now 200"]
    signs = dataclasses.replace(config, preset=dataclasses.replace(config.preset, sign_schedule="cosine"))
    longer = dataclasses.replace(signs, preset=dataclasses.replace(signs.preset, epochs=200))
    assert longer.obstacles(signs.to_dict()) == ["epochs was 100 and is now 200"]


def test_a_run_begun_by_an_earlier_version_knows_no_younger_settings():
    config = Config(PRESETS["pmnist"])
    stored = {name: value for name, value in config.to_dict().items() if name not in ("average", "device")}
    assert config.obstacles(stored) == []
    averaged = dataclasses.replace(config, preset=dataclasses.replace(config.preset, average=0.9))
    assert averaged.obstacles(stored) == ["average was None and is now 0.9"]


def test_a_run_that_reads_the_last_state_does_not_go_on_with_the_mean():
    config = Config(PRESETS["digits"])
    stored = {name: value for name, value in config.to_dict().items() if name != "output"}
    assert config.obstacles(stored) == []
    pooled = dataclasses.replace(config, preset=dataclasses.replace(config.preset, output="mean"))
    assert pooled.obstacles(stored) == ["output was None and is now mean"]


@pytest.mark.parametrize("model", ["hadamrnn", "gru"])
def test_the_mean_is_for_tasks_that_want_one_answer(model):
    preset = dataclasses.replace(PRESETS["copy"], length=24, output="mean")
    if model != "hadamrnn":
        preset = as_baseline(preset, model)
    with pytest.raises(PresetError, match="output is 'mean', but copy wants an answer at every step"):
        build(Config(preset), tasks.load("copy", length=24))


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"seed": 1 << 32}, {"limit_train": 0}, {"device": "tpu"}])
def test_a_configuration_refuses_seeds_and_limits_out_of_range(wrong):
    with pytest.raises(PresetError, match=next(iter(wrong))):
        Config(PRESETS["copy"], **wrong)
