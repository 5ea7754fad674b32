"""Fine-tuning: a run that starts from a model file, with the sizes of its model."""

from __future__ import annotations

import dataclasses

from .. import nn, zoo
from ..data.task import Task
from ..model import Model
from .config import Config
from .presets import Preset, PresetError

__all__ = ["sized_as", "start"]


def sized_as(preset: Preset, model: Model) -> Preset:
    """The preset with the sizes, recurrence, bits and output of a model."""
    card, layer = model.card, model.card.layers[0]
    same = card.output_weight_bits == card.weight_bits
    return dataclasses.replace(
        preset,
        hidden_size=layer.hidden_size,
        block_size=None if layer.block_size == layer.hidden_size else layer.block_size,
        embedding_size=card.embedding_size,
        num_layers=len(card.layers),
        recurrence=layer.recurrence,
        weight_bits=card.weight_bits,
        output_weight_bits="same" if same else card.output_weight_bits,
        bias_bits=card.bias_bits,
        embedding_bits=card.embedding_bits,
        output="mean" if card.output == "mean" else None if preset.output is None else "last",
    )


def start(config: Config, task: Task) -> nn.SequenceModel:
    """The model of the file that a run starts from.

    Raises PresetError if the preset has other sizes, or the task other inputs and outputs.
    """
    assert config.start is not None
    model = zoo.load(config.start)
    if sized_as(config.preset, model) != config.preset:
        raise PresetError(
            f"{config.start} has other sizes, bits or output than the preset; see train.sized_as"
        )
    card = model.card
    if card.bidirectional:
        raise PresetError(
            f"{config.start} reads in both directions; expected a model that reads forwards alone"
        )
    met = (card.input, card.input_size, card.output, card.output_size)
    expected = (task.input, task.input_size, config.preset.output_on(task), task.output_size)
    if met != expected:
        raise PresetError(f"{config.start} has inputs and outputs {met}; task {task.name} has {expected}")
    module = nn.from_native(model, engine=config.engine, freeze_signs=config.preset.freeze_signs)
    module.preprocess, module.labels = task.preprocess, task.labels
    return module
