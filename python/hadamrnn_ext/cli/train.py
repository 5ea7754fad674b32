"""`hadamrnn train PRESET`: trains a model and writes it to one small file."""

from __future__ import annotations

import argparse
import dataclasses

from .. import zoo
from ..data import custom
from ..errors import InputError
from .custom import add_custom, train_on
from .options import Commands, add_command, add_data, add_json, add_threads, positive, print_json, threads

EXAMPLES = """\
  hadamrnn train smnist                              the published recipe; the result is in runs/smnist-0
  hadamrnn train pmnist --seed 1 --out runs/p1       another seed; the same command again goes on after a stop
  hadamrnn train pmnist --freeze-signs --epochs 10   learn the weights only
  hadamrnn train pmnist --from pmnist --state-bits 8 --epochs 3 --freeze-signs --out runs/pmnist-8
  hadamrnn train copy --length 200 --limit-train 12800 --epochs 1
  hadamrnn train har2 --model gru --hidden-size 64   the same data and trainer for a float32 GRU
  hadamrnn train custom --train train.npz --test test.npz     own data: arrays X and y
  hadamrnn train custom --train walks.csv --id walk --label who --impute last --out runs/walks
  torchrun --nproc-per-node=2 -m hadamrnn_ext train smnist    the same batches, shared by two processes
"""


def add(commands: Commands) -> None:
    parser = add_command(commands, "train", run, "train a model by a preset", EXAMPLES)
    parser.add_argument(
        "preset",
        help="copy, pmnist, smnist, fashion, imdb, sst2, qqp, har2, har6, dsa19, digits, or custom: own data",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="folder of the run (default: runs/PRESET-SEED, or runs/PRESET-MODEL-SEED)",
    )
    parser.add_argument(
        "--model",
        help="train a float32 network to compare with instead: lstm, gru or orthogonal (default: hadamrnn)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of initialization and order of examples (default: 0)"
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="MODEL",
        help="go on from the weights and sizes of a float model: a bundled name, or a model file",
    )
    add_data(parser)
    add_threads(parser)
    parser.add_argument(
        "--limit-train", type=positive, metavar="N", help="use the first N training examples only"
    )
    parser.add_argument(
        "--engine",
        default="auto",
        help="how the recurrence runs: auto, loop, native, krylov, scan (default: auto)",
    )
    parser.add_argument(
        "--device", default="cpu", help="cpu or cuda; with torchrun one GPU a process (default: cpu)"
    )
    again = parser.add_mutually_exclusive_group()
    again.add_argument(
        "--resume", action="store_true", help="insist on a checkpoint (one that is there is always used)"
    )
    again.add_argument("--restart", action="store_true", help="begin anew, whatever the folder holds")
    parser.add_argument(
        "--checkpoint-seconds",
        type=float,
        default=60,
        metavar="S",
        help="most time that a kill loses (default: 60)",
    )
    parser.add_argument(
        "--tensorboard", action="store_true", help="also write the log for TensorBoard, if it is installed"
    )
    add_json(parser)
    add_custom(parser)
    _add_recipe(parser)


def _add_recipe(parser: argparse.ArgumentParser) -> None:
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


SCHEDULES = ("step", "cosine", "constant")  # those of train.presets, which would import torch


def bits(text: str) -> int | None:
    return None if text == "float" else int(text)


def run(arguments: argparse.Namespace) -> int:
    from .. import train  # torch: only where it is needed

    task = data = None
    if arguments.preset == custom.NAME:
        task, options = train_on(arguments)
        preset, data = train.suited(task), custom.digest(task, options)
    else:
        preset = train.get_preset(arguments.preset)
        if arguments.train is not None or arguments.test is not None:
            raise InputError(f"--train and --test are for the preset custom, not {arguments.preset}")
    baseline = arguments.model not in (None, "hadamrnn")
    if baseline:
        preset = train.as_baseline(preset, arguments.model)
    if arguments.start is not None:
        preset = train.sized_as(preset, zoo.load(arguments.start))
    recipe = {
        field.name: getattr(arguments, field.name)
        for field in dataclasses.fields(preset)
        if field.name not in ("name", "task", "model") and hasattr(arguments, field.name)
    }
    config = train.Config(
        dataclasses.replace(preset, **recipe),
        seed=arguments.seed,
        engine=arguments.engine,
        limit_train=arguments.limit_train,
        device=arguments.device,
        start=arguments.start,
        data=data,
    )
    name = f"{preset.name}-{preset.model}" if baseline else preset.name
    out = arguments.out or f"runs/{name}-{arguments.seed}"
    fitting = None if task is None else train.suited_threads(task, config.preset)
    try:
        summary = train.run(
            config,
            out,
            data=arguments.data,
            verify=not arguments.no_verify,
            threads=threads(arguments) or fitting,
            resume=True if arguments.resume else False if arguments.restart else None,
            checkpoint_seconds=arguments.checkpoint_seconds,
            reporter=train.reporter(),
            tensorboard=arguments.tensorboard,
            task=task,
        )
    except (train.Interrupted, train.DivergedError) as error:
        if train.is_main():
            raise
        return 128 + getattr(error, "signum", 1 - 128)  # every process meets it; one tells
    if not train.is_main():
        return 0
    if arguments.json:
        print_json(summary)
    else:
        scores = "  ".join(
            f"{name[5:]} {value:.4f}" for name, value in summary.items() if name.startswith("test_")
        )
        print(f"test: {scores}  ({summary['payload_bytes']:,} bytes, {summary['seconds']:.0f} s)")
        print(f"model: {out}/{'model.pt' if baseline else 'model.safetensors'}")
    return 0
