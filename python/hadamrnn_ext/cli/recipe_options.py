"""The options of `hadamrnn train` that set fields of the recipe. They are made from the fields' descriptions."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from .. import zoo
from ..data.task import Task
from ..recipe import Config, Preset, as_baseline, sized_as
from ..recipe.setting import settings, spelled
from .effect import refuse

__all__ = ["add_settings", "configuration", "refuse_idle_recipe"]


def add_settings(parser: Any, kind: type[Config | Preset]) -> None:
    """Adds an option for each field of `kind` that has one.

    The options of a `Preset` have no default here, since the value comes from the preset that is chosen.
    """
    for field, setting in settings(kind):
        if setting.option is None:
            continue
        text, default = setting.help, field.default if kind is Config else argparse.SUPPRESS
        if kind is Config or field.default is None:
            text += f" (default: {setting.none if field.default is None else default})"
        more: dict[str, Any] = {
            "dest": field.name,
            "default": default,
            "help": spelled(text).replace("%", "%%"),
        }
        if setting.parse is bool:
            parser.add_argument(setting.option, action=argparse.BooleanOptionalAction, **more)
        else:
            parser.add_argument(setting.option, type=setting.parse, metavar=setting.metavar, **more)


def configuration(arguments: argparse.Namespace, preset: Preset, data: str | None = None) -> Config:
    """The configuration of a preset as changed by the command line. `data` is the digest of your own data.

    Raises an error of the HadamRNNError family for values that make no sense, or if --from names no model.
    """
    if "model" in arguments and arguments.model != "hadamrnn":
        preset = as_baseline(preset, arguments.model)
    if arguments.start is not None:
        preset = sized_as(preset, zoo.load(arguments.start))
    given = {
        field.name: getattr(arguments, field.name) for field, _ in settings(Preset) if field.name in arguments
    }
    return Config(
        replace(preset, **given),
        data=data,
        **{
            field.name: getattr(arguments, field.name)
            for field, setting in settings(Config)
            if setting.option
        },
    )


def refuse_idle_recipe(arguments: argparse.Namespace, preset: Preset, task: Task) -> None:
    """Raises InputError for an option that has no effect on this recipe or this task."""
    for _, setting in settings(Preset):
        if setting.option is None:
            continue
        if setting.initial and arguments.start is not None:
            refuse(arguments, [setting.option], "the weights to begin with are those of --from")
        for idle in setting.idle:
            if idle.where(preset, task):
                refuse(arguments, [setting.option], spelled(idle.because))
    if task.input == "tokens":
        refuse(arguments, ("--impute", "--no-normalize"), "it is for features, and the sequences are tokens")
    if task.preprocess.vocabulary is not None:
        refuse(arguments, ("--tokens",), "the sequences are texts, whose words are the tokens")
