"""`hadamrnn quantize MODEL` calibrates an integer model on training examples, and reports its loss of accuracy."""

from __future__ import annotations

import argparse
import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import disk, zoo
from ..data import custom, tasks
from ..data.task import CALIBRATION, Split, Task, calibration, evaluate
from ..errors import InputError
from ..file import format
from ..file.card import Training
from ..model import Model
from .counter import counter
from .custom import add_columns
from .effect import Idle, refuse
from .evaluate import of_own, task_of
from .options import add_json, add_threads, beside, describe, positive, print_json, threads

EXAMPLES = """\
  hadamrnn quantize pmnist --bits 12                 a bundled model; writes pmnist-12.safetensors
  hadamrnn quantize runs/sst2-0/model.safetensors --embedding --out sst2.safetensors
  hadamrnn quantize runs/copy-0/model.safetensors --data copy --bits 10 --readout integer --out copy.safetensors
  hadamrnn quantize runs/walks/model.safetensors --train walks.csv --test new.csv     a model of your own data
"""
#: Your own data may be sorted by class, so the examples for calibration are drawn at random, with this seed.
SEED = 0


def add(parser: argparse.ArgumentParser) -> None:
    describe(parser, run, EXAMPLES)
    parser.add_argument("model", help="name of a bundled model, or a model file")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--data",
        "--task",
        dest="task",
        choices=tasks.NAMES,
        metavar="TASK",
        help="task whose data the model is calibrated and scored on (default: the one that the model's card names)",
    )
    own_data = parser.add_argument_group("own data", "for models that were trained on your own data")
    what.add_argument(
        "--train",
        metavar="FILE",
        help="calibrate on this: .npz with X and y, CSV, or a folder of sounds",
    )
    own_data.add_argument(
        "--test", metavar="FILE", help="score on this, which has the same form (default: that of --train)"
    )
    reading = add_columns(own_data)
    parser.add_argument(
        "--bits", type=int, default=12, metavar="K", help="bits of the state, 8 to 16 (default: 12)"
    )
    parser.add_argument(
        "--embedding",
        action="store_true",
        help="quantize only the float embedding of tokens, to 8 bits with a scale for each row",
    )
    parser.add_argument(
        "--input-bits",
        type=int,
        metavar="K",
        help="bits of the features (default: 8, or 12 if the state has more than 12 bits)",
    )
    parser.add_argument(
        "--readout",
        choices=("float", "integer"),
        default="float",
        help="arithmetic of the readout (default: float)",
    )
    parser.add_argument(
        "--power-of-two",
        action="store_true",
        help="choose scales that turn every input multiplier into a shift",
    )
    parser.add_argument(
        "--percentile",
        type=percentile,
        metavar="P",
        help="set scales by this percentile of the magnitudes instead of the largest; best takes the one with the least noise",
    )
    parser.add_argument(
        "--calibrate",
        type=positive,
        default=CALIBRATION,
        metavar="N",
        help=f"number of training examples to calibrate on (default: {CALIBRATION})",
    )
    parser.add_argument(
        "--length", type=int, metavar="T", help="steps per sequence, for a task that generates its data"
    )
    parser.add_argument("--out", metavar="FILE", help="model file to write (default: NAME-BITS.safetensors)")
    parser.add_argument(
        "--directory",
        metavar="DIR",
        help="folder of the data sets (default: $HADAMRNN_DATA, then the user's cache)",
    )
    parser.add_argument("--no-verify", action="store_true", help="do not compare checksums of the data set")
    add_threads(parser)
    add_json(parser)
    parser.set_defaults(
        idle=(
            Idle(
                ("--bits", "--input-bits", "--readout", "--power-of-two", "--percentile", "--calibrate"),
                lambda given: given.embedding,
                "--embedding leaves all else as it is",
            ),
            Idle(
                ("--train",),
                lambda given: given.embedding and given.test is not None,
                "--embedding calibrates nothing, and --test names the data to score on",
            ),
            Idle(reading, lambda given: not _own(given), "it is for the files that --train and --test name"),
            Idle(
                ("--data", "--length", "--directory", "--no-verify"),
                _own,
                "the data are those of --train and --test",
            ),
        )
    )


def _own(given: argparse.Namespace) -> bool:
    return given.train is not None or given.test is not None


def run(arguments: argparse.Namespace) -> int:
    model = zoo.load(arguments.model)
    if model.card.input == "tokens":
        refuse(arguments, ("--input-bits", "--impute"), "it is for features, and the model reads tokens")
    if all(layer.recurrence == "sign" for layer in model.card.layers):
        refuse(arguments, ("--bits", "--percentile"), "the state of signs has one bit")
    suffix = "embedding" if arguments.embedding else arguments.bits
    out = Path(arguments.out or f"{_stem(arguments.model)}-{suffix}.safetensors")
    disk.check(out, arguments.model, arguments.train, arguments.test)
    task, split = _task(arguments, model)
    if task.name in tasks.GENERATED:
        refuse(arguments, ("--directory", "--no-verify"), f"{task.name} makes its own data")
    if arguments.embedding:
        quantized = model.quantize_embedding()
    else:
        quantized = model.quantize(
            calibration(task, arguments.calibrate),
            arguments.bits,
            arguments.input_bits,
            arguments.readout,
            power_of_two=arguments.power_of_two,
            percentile=arguments.percentile,
            progress=counter("calibrated", min(arguments.calibrate, len(task.train))),
        )
    examples = task.train if split == "train" else task.test
    before = _scores(model, task, examples, "model", threads(arguments))
    after = _scores(quantized, task, examples, "quantized", threads(arguments))
    quantized = _scored(quantized, {f"{split}_{name}": value for name, value in after.items()})
    quantized.save(out)
    layers = () if quantized.card.integer is None else quantized.card.integer.states
    result: dict[str, Any] = {
        "model": str(out),
        "task": task.name,
        "split": split,
        "examples": len(examples),
        "before": before,
        "after": after,
        "payload_before": model.describe().payload_bytes,
        "payload_after": quantized.describe().payload_bytes,
        "saturation": [layer.saturation for layer in layers],
        "snr": [layer.snr for layer in layers],
    }
    with beside(out):
        if arguments.json:
            print_json(result)
            return 0
        for score in before:
            print(f"{task.name} {split} {score}: {before[score]:.4f} -> {after[score]:.4f}")
        print(f"payload: {result['payload_before']:,} -> {result['payload_after']:,} bytes")
        for i, layer in enumerate(layers):
            snr = "equal" if layer.snr is None else f"{layer.snr:.1f} dB"
            print(
                f"layer {i}: {layer.state_bits}-bit state, {layer.saturation:.3%} saturated, signal to noise {snr}"
            )
        print(f"model: {out}")
    return 0


def _task(arguments: argparse.Namespace, model: Model) -> tuple[Task, str]:
    """The task to calibrate and score on, and the split that is scored.

    It is "test", or "train" if only one file of your own data is given.
    """
    if not _own(arguments):
        if (
            arguments.task is None
            and model.card.training is not None
            and model.card.training.task == custom.NAME
        ):
            raise InputError("this is a model of own data: say what to calibrate it on with --train FILE")
        loaded = task_of(
            model, arguments.task, arguments.length, arguments.directory, not arguments.no_verify
        )
        return loaded, "test"
    if arguments.train is None:
        if not arguments.embedding:
            raise InputError("own data to calibrate on is missing: say which with --train FILE")
        return of_own(model, arguments.test, arguments), "test"
    known = of_own(model, arguments.train, arguments)
    mixed = np.random.RandomState(SEED).permutation(len(known.test))
    train = known.test.take(mixed)
    if arguments.test is None:
        return dataclasses.replace(known, train=train), "train"
    return dataclasses.replace(of_own(model, arguments.test, arguments), train=train), "test"


def percentile(text: str) -> float | str:
    """argparse type: a number, or the word "best"."""
    return text if text == "best" else float(text)


def _scored(model: Model, metrics: dict[str, float]) -> Model:
    """The model with its own scores in its card, instead of those of the model that it was made from."""
    training = model.card.training or Training()
    return model.with_card(
        dataclasses.replace(model.card, training=dataclasses.replace(training, metrics=metrics))
    )


def _scores(model: Model, task: Task, split: Split, what: str, num_threads: int | None) -> dict[str, float]:
    show = counter(f"{what} model", len(split))
    return evaluate(partial(model.infer, num_threads=num_threads), task, split, raw=True, progress=show)


def _stem(model: str) -> str:
    stem = Path(model).name.removesuffix(format.SUFFIX)
    if not stem:
        raise InputError(f"{model!r} names no file to call the result after: give --out")
    return stem
