"""`hadamrnn train PRESET` trains a model and writes it to one small file."""

from __future__ import annotations

import argparse
import os
from importlib.util import find_spec
from pathlib import Path

from .. import disk, isa
from ..data import custom, tasks
from ..data.task import Task
from ..errors import DataError, InputError
from ..recipe import PRESETS, Config, Preset, get_preset, suited, suited_threads
from ..recipe.preset import RATES, SHORT
from ..recipe.setting import settings
from .counter import waiting
from .custom import add_custom, train_on
from .effect import Idle
from .fit import fit_file
from .options import add_data, add_json, add_threads, describe, print_json, threads
from .recipe_options import add_settings, configuration, refuse_idle_recipe

EXAMPLES = """\
  hadamrnn train pmnist-frozen                       the recipe of the bundled model; the result is in runs/pmnist-frozen-0
  hadamrnn train pmnist --seed 1 --out runs/p1       the published recipe; after a stop, the same command continues the run
  hadamrnn train pmnist --from pmnist --state-bits 8 --epochs 3 --freeze-signs --out runs/pmnist-8
  hadamrnn train copy --length 200 --limit-train 12800 --epochs 1
  hadamrnn train har2 --model gru --hidden-size 64   the same data and trainer for a float32 GRU
  hadamrnn train har2 --model gru --search-lr        the same, with the learning rate that is best in validation
  hadamrnn train custom --train train.npz --test test.npz     your own data: arrays X and y
  hadamrnn train custom --train walks.csv --id walk --label who --impute last --out runs/walks
  hadamrnn train custom --train walks.csv --method closed_form    in seconds, as `hadamrnn fit`
  torchrun --nproc-per-node=2 -m hadamrnn_ext train smnist    the same batches, shared by two processes
"""


#: Options that a fit in closed form has as well.
ANY_METHOD = ("--hidden-size", "--state-bits", "--seed")


def add(parser: argparse.ArgumentParser) -> None:
    describe(parser, run, EXAMPLES)
    parser.add_argument(
        "preset",
        help="name of a recipe, which says everything about the network and its training: "
        f"{', '.join(PRESETS)}; or custom for your own data",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="folder of the run (default: runs/PRESET-SEED, or runs/PRESET-MODEL-SEED)",
    )
    add_settings(parser, Config)
    rates, share = ", ".join(f"{rate:g}" for rate in RATES), f"1/{SHORT}"
    parser.add_argument(
        "--search-lr",
        action="store_true",
        help=f"first tries the learning rates {rates} for {share} of the epochs, and takes the best in validation",
    )
    add_data(parser)
    add_threads(
        parser,
        "; where the C++ core does the work of a step, torch's own small operations take one of them",
    )
    again = parser.add_mutually_exclusive_group()
    again.add_argument(
        "--resume",
        action="store_true",
        help="fail if the folder has no checkpoint (if it has one, it is always used)",
    )
    again.add_argument(
        "--restart", action="store_true", help="start from the beginning, whatever the folder holds"
    )
    parser.add_argument(
        "--checkpoint-seconds",
        type=float,
        default=60,
        metavar="S",
        help="longest time between checkpoints, which is what a killed run loses at most (default: 60)",
    )
    add_json(parser)
    own = add_custom(parser)
    add_settings(
        parser.add_argument_group("recipe", "an option that is not given has the value of the preset"), Preset
    )
    parser.set_defaults(
        idle=(
            Idle(("--lr",), lambda given: given.search_lr, "--search-lr finds the learning rate"),
            Idle(
                own,
                lambda given: given.preset != custom.NAME,
                "options of own data such as --train and --test are for the preset custom, not {preset}",
            ),
            Idle(
                _of_gradients(),
                lambda given: given.method == "closed_form",
                "--method closed_form solves for the readout, and nothing is trained by gradients",
            ),
            Idle(
                ("--data", "--no-verify"),
                lambda given: given.preset == custom.NAME,
                "it is for the data sets of the presets; own data is what --train and --test name",
            ),
            Idle(
                ("--data", "--no-verify"),
                lambda given: given.preset in tasks.GENERATED,
                "{preset} makes its own data",
            ),
            Idle(
                ("--length",),
                lambda given: given.preset == custom.NAME,
                "it is for sequences that are generated, and own data have lengths of their own",
            ),
        )
    )


def _of_gradients() -> tuple[str, ...]:
    """The options that a fit in closed form has no use for."""
    recipe = [setting.option for kind in (Preset, Config) for _, setting in settings(kind)]
    others = ("--validation", "--resume", "--restart", "--checkpoint-seconds")
    return (*(option for option in recipe if option and option not in ANY_METHOD), *others)


def run(arguments: argparse.Namespace) -> int:
    if arguments.method == "closed_form":
        return _fit(arguments)
    config, task = prepare(arguments)
    from .. import train  # imports torch, so only after the command line has been checked

    baseline = config.preset.model != "hadamrnn"
    try:
        summary = train.run(
            config,
            arguments.out,
            threads=threads(arguments) or (suited_threads(task, config.preset) if config.data else None),
            resume=True if arguments.resume else False if arguments.restart else None,
            checkpoint_seconds=arguments.checkpoint_seconds,
            reporter=train.reporter(),
            task=task,
            search_lr=arguments.search_lr,
        )
    except (train.Interrupted, train.DivergedError) as error:
        if train.is_main():
            raise
        return 128 + getattr(error, "signum", 1 - 128)  # every process meets the error, and one reports it
    if not train.is_main():
        return 0
    if arguments.json:
        print_json(summary)
    else:
        scores = "  ".join(
            f"{name[5:]} {value:.4f}" for name, value in summary.items() if name.startswith("test_")
        )
        print(f"test: {scores}  (a file of {summary['file_bytes']:,} bytes, {summary['seconds']:.0f} s)")
        print(f"model: {arguments.out}/{'model.pt' if baseline else 'model.safetensors'}")
    return 0


def _fit(arguments: argparse.Namespace) -> int:
    """The preset custom in closed form."""
    folder = _folder(arguments)
    folder.mkdir(parents=True, exist_ok=True)
    return fit_file(arguments, arguments.train, folder / "model.safetensors")


def prepare(arguments: argparse.Namespace) -> tuple[Config, Task]:
    """What to train, and the data to train on. Sets `arguments.out` to the folder of the run.

    Finds all errors of the command line, those that are quickest to find first.
    """
    threads(arguments)
    isa.active()
    own = arguments.preset == custom.NAME
    config = None if own else configuration(arguments, get_preset(arguments.preset))
    _folder(arguments)
    disk.apart(Path(arguments.out) / "model.safetensors", arguments.start, arguments.train, arguments.test)
    if find_spec("torch") is None:
        from .. import nn  # noqa: F401  raises an error that says what to install
    if config is None:
        with waiting(f"reading {arguments.train}"):
            task, options = train_on(arguments)
        config = configuration(arguments, suited(task), custom.digest(task, options))
    else:
        preset = config.preset
        with waiting(f"reading the data of {preset.task}"):
            task = tasks.load(
                preset.task,
                arguments.data,
                verify=not arguments.no_verify,
                length=preset.length,
                tokenizer=preset.tokenizer,
            )
    refuse_idle_recipe(arguments, config.preset, task)
    return config, task


def _folder(arguments: argparse.Namespace) -> Path:
    """The folder of the run, which becomes `arguments.out` where the command line names none.

    Raises DataError if it cannot be one, and InputError if the preset custom has no data.
    """
    if arguments.preset == custom.NAME and arguments.train is None:
        raise InputError("the preset custom needs --train FILE, .npz with X and y or CSV")
    if arguments.out is None:
        kind = "" if getattr(arguments, "model", "hadamrnn") == "hadamrnn" else f"-{arguments.model}"
        arguments.out = f"runs/{arguments.preset}{kind}-{arguments.seed}"
    _check_folder(Path(arguments.out), arguments.resume)
    return Path(arguments.out)


def _check_folder(folder: Path, resume: bool) -> None:
    """Raises DataError if `folder` cannot be the folder of a run."""
    if resume and not (folder / "checkpoint.pt").exists():
        raise DataError(f"nothing to resume: {folder / 'checkpoint.pt'} does not exist")
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise DataError(f"--out is {folder}, but {there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise DataError(f"--out is {folder}, but nothing can be written in {there}")
