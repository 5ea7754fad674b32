"""The results of a finished run: the file of its best model, the scores that users will get from it, and its costs."""

from __future__ import annotations

import copy
import dataclasses
import io
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .. import machine, nn
from ..data.task import calibration, evaluate
from ..disk import write
from ..file.card import TRAINED_STEPS
from ..nn.export import training
from . import curves
from .baselines import Baseline
from .log import Log, records
from .trainer import Trainer

__all__ = ["finish"]

Answers = NDArray[np.float32]


class Product(NamedTuple):
    """A trained model that is ready for use: how to run it, what it costs and how to write it to a file.

    `raw` is true if `infer` takes raw input, and false if the task must prepare it.
    """

    infer: Callable[..., Answers]
    raw: bool
    payload_bytes: int
    operations: int  # per time step, without the readout
    name: str  # of the model's file
    content: Callable[[dict[str, Any]], bytes]  # of the file, given the provenance


def finish(trainer: Trainer, out: Path, picture: bool = True) -> dict[str, Any]:
    """Writes the best model, the summary and, with `picture`, the curves. Returns the summary.

    Test examples are scored from raw input if the model takes it. `inference_seconds` is the time per test sequence in
    the fastest batch, since other work on the machine can only make a batch slower. A task without test examples has no
    test scores, and its validation examples are used to measure the time.
    """
    config, task, progress = trainer.config, trainer.task, trainer.progress
    trainer.result.load_state_dict(trainer.best)
    product = _product(trainer)
    clock = _Clock(product.infer)
    with torch.no_grad():
        test = evaluate(clock, task, task.test, raw=product.raw)
        if not len(task.test):
            evaluate(clock, task, task.validation, raw=product.raw)
    scores = {
        **{f"val_{name}": value for name, value in progress.best_scores.items()},
        **{f"test_{name}": value for name, value in test.items() if math.isfinite(value)},
    }
    provenance = {
        **{name: value for name, value in config.changes().items() if value is not None},
        "task": task.name,
        "preset": config.preset.name,
        "seed": config.seed,
        "epochs": progress.epoch,
        "metrics": scores,
        "best_epoch": progress.best_epoch,
        TRAINED_STEPS: task.length + config.preset.joined,
        **task.settings,
    }
    content = product.content(provenance)
    write(out / product.name, content)
    choice = trainer.result.choose(config.preset.batch_size // trainer.workers.size)
    summary = {
        "event": "summary",
        **config.to_dict(),
        "processes": trainer.workers.size,
        "threads": torch.get_num_threads(),
        "cpu": machine.cpu(),
        "engine_used": choice.engine,
        "engine_reason": choice.reason,
        "last_epoch": progress.epoch,
        "best_epoch": progress.best_epoch,
        **scores,
        "payload_bytes": product.payload_bytes,
        "file_bytes": len(content),
        "operations": product.operations,
        "seconds": round(progress.total_seconds, 3),
        "inference_seconds": float(f"{clock.seconds:.3g}"),
    }
    log = Log(trainer.log_path, keep=progress.log_size)
    log.append(summary)
    log.close()
    if picture and curves.available():
        curves.draw(records(trainer.log_path), out / "curves.png")
    return summary


def _product(trainer: Trainer) -> Product:
    result = trainer.result
    return _baseline(trainer, result) if isinstance(result, Baseline) else _native(trainer, result)


def _native(trainer: Trainer, result: nn.SequenceModel) -> Product:
    """The native model, which is an integer model if it was trained with an integer state.

    It answers in the units of the task.
    """
    if (units := trainer.task.answers) is not None:
        result = copy.deepcopy(result)
        with torch.no_grad():
            scale = result.output_weight.new_tensor(units.scale)
            result.output_weight.mul_(scale[:, None])
            result.output_bias.mul_(scale).add_(scale.new_tensor(units.offset))
    if trainer.preset.state_bits is None:
        model = result.to_native()
    else:
        model = result.to_integer(calibration(trainer.task))

    def content(provenance: dict[str, Any]) -> bytes:
        card = dataclasses.replace(model.card, training=training(provenance), data=trainer.task.data)
        return model.with_card(card).to_bytes()

    description, threads = model.describe(), torch.get_num_threads()
    return Product(
        infer=partial(model.infer, num_threads=threads),
        raw=True,
        payload_bytes=description.payload_bytes,
        operations=description.step.count,
        name="model.safetensors",
        content=content,
    )


def _baseline(trainer: Trainer, result: Baseline) -> Product:
    """A network of torch, whose file holds its state_dict and the provenance."""

    def content(provenance: dict[str, Any]) -> bytes:
        buffer = io.BytesIO()
        torch.save({"state": result.state_dict(), "training": provenance}, buffer)
        return buffer.getvalue()

    result.eval()
    return Product(
        infer=trainer.answers,
        raw=False,
        payload_bytes=result.payload_bytes,
        operations=result.step.count,
        name="model.pt",
        content=content,
    )


class _Clock:
    """`infer` with a clock: `seconds` is the time per sequence in the fastest batch so far."""

    def __init__(self, infer: Callable[..., Answers]) -> None:
        self._infer, self.seconds = infer, math.inf

    def __call__(self, inputs: NDArray[Any], *lengths: NDArray[np.int64]) -> Answers:
        start = time.perf_counter()
        answers = self._infer(inputs, *lengths)
        self.seconds = min(self.seconds, (time.perf_counter() - start) / len(inputs))
        return answers
