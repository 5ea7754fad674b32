"""Fine-tuning: a run that starts from a model file, with the sizes of its model."""

from __future__ import annotations

from .. import nn, zoo
from ..data.task import Task
from ..recipe.config import Config
from ..recipe.setting import PresetError
from ..recipe.suited import sized_as

__all__ = ["start"]


def start(config: Config, task: Task) -> nn.SequenceModel:
    """The model of the file that a run starts from.

    Raises PresetError if the preset has other sizes, or the task other inputs and outputs.
    """
    assert config.start is not None
    model = zoo.load(config.start)
    if sized_as(config.preset, model) != config.preset:
        raise PresetError(
            f"{config.start} has other sizes, bits or output than the preset; see recipe.sized_as"
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
