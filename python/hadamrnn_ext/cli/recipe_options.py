"""Options of `hadamrnn train` that replace a field of the preset, and the configuration that they make."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from .. import zoo
from ..data.task import Task
from ..recipe import SCHEDULES, Config, Preset, as_baseline, sized_as
from .effect import refuse

__all__ = ["add_recipe", "configuration", "refuse_idle_recipe"]


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Options that replace a field of the preset; without one, the namespace has no such name."""
    recipe = parser.add_argument_group(
        "recipe", "what the preset says, unless given", argument_default=argparse.SUPPRESS
    )
    recipe.add_argument("--epochs", type=int, help="passes over the training examples")
    recipe.add_argument("--batch-size", type=int, help="sequences a step")
    recipe.add_argument("--hidden-size", type=int, help="n")
    recipe.add_argument("--block-size", type=int, help="m, the order of the Hadamard blocks (default: n)")
    recipe.add_argument("--embedding-size", type=int, metavar="E", help="columns of the embedding of tokens")
    recipe.add_argument(
        "--tokenizer",
        metavar="NAME",
        help="of transformers, in its cache or a folder, makes tokens of texts (default: words of the training texts)",
    )
    recipe.add_argument("--num-layers", type=int, metavar="L", help="recurrent layers")
    recipe.add_argument("--recurrence", help="linear, relu, modrelu or sign")
    recipe.add_argument("--weight-bits", type=bits, metavar="P", help="of U: 1 (ternary) to 8, or float")
    recipe.add_argument("--output-weight-bits", type=bits, metavar="P", help="of V (default: --weight-bits)")
    recipe.add_argument("--bias-bits", type=bits, metavar="P", help="of b: 1 to 8, or float")
    recipe.add_argument("--embedding-bits", type=bits, metavar="P", help="of the embedding: 8 or float")
    recipe.add_argument(
        "--output",
        choices=("last", "mean"),
        help="what a model that answers once reads: the last state, or the mean of all: what occurs, at any time",
    )
    recipe.add_argument(
        "--length", type=int, metavar="T", help="steps of a sequence, where they are generated"
    )
    recipe.add_argument(
        "--state-bits",
        type=int,
        metavar="K",
        help="train with the state of an integer model of K bits, 8 to 16; the result is that model",
    )
    recipe.add_argument("--lr", type=float, help="learning rate")
    recipe.add_argument("--schedule", choices=SCHEDULES, help="of the learning rate, by epoch")
    recipe.add_argument("--decay", type=float, help="factor an epoch of the schedule step")
    recipe.add_argument("--warmup", type=int, metavar="N", help="epochs in which the rate rises (default: 0)")
    recipe.add_argument(
        "--sign-lr", type=float, metavar="LR", help="that of the latent signs (default: --lr)"
    )
    recipe.add_argument(
        "--sign-schedule", choices=SCHEDULES, help="that of the latent signs (default: --schedule)"
    )
    recipe.add_argument(
        "--sign-decay", type=float, metavar="DECAY", help="that of the latent signs (default: --decay)"
    )
    recipe.add_argument(
        "--sign-margin",
        type=float,
        metavar="S",
        help="a latent sign that crosses zero goes on to +-S, so that it does not flip back at once (default: 0)",
    )
    recipe.add_argument(
        "--weight-clip",
        type=float,
        metavar="C",
        help="clamp U, V and b to +-C times their root mean square: finer grids of few bits (2.5 is good for 3 and 4)",
    )
    recipe.add_argument(
        "--positive-signs", type=float, metavar="S", help="share of the top layer's signs that start at +1"
    )
    recipe.add_argument(
        "--embedding-scale",
        type=float,
        metavar="S",
        help="standard deviation of the initial embedding (default: 1)",
    )
    recipe.add_argument(
        "--token-dropout",
        type=float,
        metavar="P",
        help="probability that a token is read as padding (default: 0)",
    )
    recipe.add_argument(
        "--input-noise", type=float, metavar="S", help="standard deviation of noise on features (default: 0)"
    )
    recipe.add_argument(
        "--time-shift", type=int, metavar="N", help="most steps that features are turned in time (default: 0)"
    )
    recipe.add_argument(
        "--image-jitter",
        type=float,
        metavar="N",
        help="most pixels by which a random affine map moves the edges of an image (default: 0)",
    )
    recipe.add_argument(
        "--freeze-signs", action=argparse.BooleanOptionalAction, help="leave the signs as they are drawn"
    )
    recipe.add_argument("--grad-clip", type=float, metavar="NORM", help="most norm of the gradient")
    recipe.add_argument(
        "--label-smoothing", type=float, metavar="S", help="probability shared by all classes (default: 0)"
    )
    recipe.add_argument(
        "--average",
        type=float,
        metavar="DECAY",
        help="keep a moving average of weights and latents (0.999: over about 1000 steps) instead of the last ones",
    )
    recipe.add_argument(
        "--patience", type=int, metavar="N", help="end after N epochs without a better validation score"
    )


def bits(text: str) -> int | None:
    return None if text == "float" else int(text)


def configuration(arguments: argparse.Namespace, preset: Preset, data: str | None = None) -> Config:
    """The preset with all that the command line says otherwise, `data` being the digest of own data.

    Raises an error of the family for values that make no sense and for a model to start from that is none.
    """
    if arguments.model not in (None, "hadamrnn"):
        preset = as_baseline(preset, arguments.model)
    if arguments.start is not None:
        preset = sized_as(preset, zoo.load(arguments.start))
    fields = [
        field.name for field in dataclasses.fields(preset) if field.name not in ("name", "task", "model")
    ]
    given = {name: getattr(arguments, name) for name in fields if hasattr(arguments, name)}
    return Config(
        dataclasses.replace(preset, **given),
        seed=arguments.seed,
        engine=arguments.engine,
        limit_train=arguments.limit_train,
        device=arguments.device,
        start=arguments.start,
        data=data,
    )


class _Idle(NamedTuple):
    """As `effect.Idle`, where the recipe and the task decide it."""

    options: tuple[str, ...]
    where: Callable[[Preset, Task], object]
    because: str


def _one_schedule(preset: Preset) -> bool:
    """Whether the signs' learning rate falls as that of the weights does."""
    return preset.freeze_signs or (preset.sign_schedule is None and preset.sign_decay is None)


IDLE = (
    _Idle(
        ("--sign-lr", "--sign-schedule", "--sign-decay", "--sign-margin"),
        lambda preset, task: preset.freeze_signs,
        "the signs are frozen; --no-freeze-signs lets them learn",
    ),
    _Idle(
        ("--decay",),
        lambda preset, task: (
            preset.schedule != "step"
            and (_one_schedule(preset) or preset.sign_decay is not None or preset.sign_schedule != "step")
        ),
        "it is of the schedule step",
    ),
    _Idle(
        ("--sign-decay",),
        lambda preset, task: (preset.sign_schedule or preset.schedule) != "step",
        "it is of the schedule step",
    ),
    _Idle(
        ("--embedding-size", "--embedding-scale"),
        lambda preset, task: task.input == "features",
        "the sequences are features, and tokens alone have an embedding",
    ),
    _Idle(
        ("--embedding-scale",),
        lambda preset, task: preset.embedding_size is None,
        "there is no embedding; --embedding-size makes one",
    ),
    _Idle(
        ("--input-noise", "--time-shift", "--image-jitter", "--impute", "--no-normalize"),
        lambda preset, task: task.input == "tokens",
        "it is for features, and the sequences are tokens",
    ),
    _Idle(
        ("--tokens",),
        lambda preset, task: task.preprocess.vocabulary is not None,
        "the sequences are texts, whose words are the tokens",
    ),
    _Idle(
        ("--label-smoothing",),
        lambda preset, task: task.answers is not None,
        "it is for classes, and the targets are values",
    ),
    _Idle(
        ("--weight-clip",),
        lambda preset, task: (
            preset.weight_bits is preset.bias_bits is None and preset.output_weight_bits in (None, "same")
        ),
        "it is for weights of few bits, and none are",
    ),
)


def refuse_idle_recipe(arguments: argparse.Namespace, preset: Preset, task: Task) -> None:
    """Raises InputError for an option that has no effect on this recipe or this task."""
    if arguments.start is not None:
        refuse(
            arguments,
            ("--positive-signs", "--embedding-scale"),
            "the weights to begin with are those of --from",
        )
    for idle in IDLE:
        if idle.where(preset, task):
            refuse(arguments, idle.options, idle.because)
