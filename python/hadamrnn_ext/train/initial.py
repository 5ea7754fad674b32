"""The model that a run starts with: an untrained one, or one from a model file (fine-tuning)."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch

from .. import nn, zoo
from ..data.task import Task, calibration
from ..file.card import Card
from ..file.preprocess import Normalization
from ..recipe.config import Config
from ..recipe.preset import BASELINES, Preset
from ..recipe.setting import PresetError
from .baselines import Network, baseline

__all__ = ["build"]

#: The parts of a card that do not describe the network that is trained.
FREE = ("preprocess", "labels", "training", "data", "drawn", "integer")


def build(config: Config, task: Task) -> Network:
    """The model that a configuration starts with. The initialization is the published one, as modified by the preset.

    Raises PresetError if the model of `config.start` is not the network that the recipe describes for this task.
    """
    preset = config.preset
    if preset.model in BASELINES:
        return baseline(preset, task)
    card = preset.card(task)
    options: dict[str, Any] = {"engine": config.engine, "freeze_signs": preset.freeze_signs}
    if preset.decays:
        options["time_constants"] = (1.0, preset.longest)
    if config.start is None:
        model = nn.SequenceModel.from_card(card, **options)
        _initialize(model, preset)
    else:
        native = zoo.load(config.start)
        if differences := _differences(native.card, card):
            raise PresetError(
                f"{config.start} has other sizes, bits or output than the recipe on {task.name}: "
                f"{'; '.join(differences)}; see recipe.sized_as"
            )
        model = nn.from_native(native, **options)
        model.preprocess, model.labels = task.preprocess, task.labels
        if task.answers is not None:
            _in_units(model, task.answers)
    if preset.state_bits is not None:
        model.simulate_integers(calibration(task), preset.state_bits, percentile="best")
    return model


def _initialize(model: nn.SequenceModel, preset: Preset) -> None:
    with torch.no_grad():
        top = model.rnn.layers()[-1].signs
        top[: round(preset.positive_signs * len(top))].abs_()
        if model.embedding is not None:
            model.embedding.weight *= preset.embedding_scale


@torch.no_grad()
def _in_units(model: nn.SequenceModel, units: Normalization) -> None:
    """From a readout that gives values to one that gives them in `units`, in which they are learned."""
    scale = model.output_weight.new_tensor(units.scale)
    model.output_weight.div_(scale[:, None])
    model.output_bias.sub_(scale.new_tensor(units.offset)).div_(scale)


def _differences(met: Card, expected: Card) -> list[str]:
    pairs = [(field.name, getattr(met, field.name), getattr(expected, field.name)) for field in fields(Card)]
    return [f"{name} is {a}, expected {b}" for name, a, b in pairs if a != b and name not in FREE]
