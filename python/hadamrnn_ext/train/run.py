"""A whole run: data, model, training, and what it leaves (finish.py)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import torch

from .. import nn
from ..data import tasks
from ..data.task import Task, calibration
from ..recipe.config import Config
from ..recipe.preset import BASELINES
from .baselines import Network, baseline
from .checkpoint import CheckpointError
from .finetune import start
from .finish import finish
from .memory import memory_errors
from .parallel import Workers, connected, device_of, fair_threads
from .progress import Reporter, Silent
from .trainer import Trainer

__all__ = ["run"]

LONG = 1_000_000  # steps of all sequences of a test that takes long enough to be announced


def run(
    config: Config,
    out: str | Path,
    *,
    data: str | Path | None = None,
    verify: bool = True,
    threads: int | None = None,
    resume: bool | None = None,
    checkpoint_seconds: float = 60.0,
    reporter: Reporter | None = None,
    task: Task | None = None,
    picture: bool = True,
) -> dict[str, Any]:
    """Trains, then writes `model.safetensors` (the weights of the best validation epoch) and returns the summary.
    (A baseline's file is `model.pt`, torch's.) The folder `out` also holds `log.jsonl`, `checkpoint.pt`, `curves.png`
    where matplotlib is installed. `resume` None goes on from a checkpoint there if there is one, True
    insists on one, False begins anew. `data` and `verify` are those of `data.tasks.load`, `threads` None leaves
    torch's number as it is. The summary is the last line of the log: validation and test scores, bytes, seconds.

    `task` is trained on instead of the one that the preset names; `config.data` says which data it is made of. Without
    `picture` there is no `curves.png`.

    Under torchrun every process calls this with the same arguments; the first alone writes and reports, `threads`
    is that of each (None: its share of the cores), and all return the summary.

    torch's global random state is afterwards what it was before.

    Raises errors of the HadamRNNError family, `Interrupted`, a KeyboardInterrupt, after SIGINT or SIGTERM.
    """
    out = Path(out)
    device_of(config.device)  # says now that there is none
    with connected(config.device) as workers, _random_state_of_others(config.device), memory_errors():
        threads = threads or fair_threads()
        if threads is not None:
            torch.set_num_threads(threads)
        told = reporter if workers.main and reporter is not None else Silent()
        with closing(told):
            if task is None:
                preset = config.preset
                task = tasks.load(
                    preset.task, data, verify=verify, length=preset.length, tokenizer=preset.tokenizer
                )
            if config.limit_train is not None:
                task = dataclasses.replace(task, train=task.train.take(slice(config.limit_train)))
            return _train(config, task, out, told, workers, resume, checkpoint_seconds, picture)


@contextmanager
def _random_state_of_others(device: str) -> Iterator[None]:
    """Leaves torch's generators as they were, those of GPUs too where there are any in use."""
    used = device == "cuda" or torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(range(torch.cuda.device_count() if used else 0)):
        yield


def _train(
    config: Config,
    task: Task,
    out: Path,
    reporter: Reporter,
    workers: Workers,
    resume: bool | None,
    checkpoint_seconds: float,
    picture: bool,
) -> dict[str, Any]:
    torch.manual_seed(config.seed)
    model = build(config, task)
    trainer = Trainer(config, task, model, out, reporter, workers, checkpoint_seconds=checkpoint_seconds)
    if workers.from_main(lambda: _goes_on(trainer.checkpoint_path, resume)):
        trainer.restore()
        reporter.note(f"going on from {trainer.checkpoint_path}, {trainer.progress.epoch} epochs done")
    trainer.fit()
    if len(task.test) * task.length > LONG:
        reporter.note(f"scoring {len(task.test):,} test sequences")
    return workers.from_main(lambda: finish(trainer, out, picture))


def _goes_on(path: Path, resume: bool | None) -> bool:
    """Whether a run goes on from the checkpoint `path`; what `run` says of `resume`."""
    if resume is False:
        path.unlink(missing_ok=True)
    elif resume is True and not path.exists():
        raise CheckpointError(f"nothing to resume: {path} does not exist")
    return path.exists()


def build(config: Config, task: Task) -> Network:
    """The model that a configuration starts with: that of a file, or an untrained one.

    Its initialization is the published one, but for what the preset says of it.
    """
    if config.preset.model in BASELINES:
        return baseline(config.preset, task)
    model = _initial(config, task) if config.start is None else start(config, task)
    if (bits := config.preset.state_bits) is not None:
        model.simulate_integers(calibration(task), bits, percentile="best")
    return model


def _initial(config: Config, task: Task) -> nn.SequenceModel:
    preset = config.preset
    model = nn.SequenceModel(
        task.input_size,
        preset.hidden_size,
        task.output_size,
        preset.block_size,
        output=preset.output_on(task),
        tokens=task.input == "tokens",
        embedding_size=preset.embedding_size,
        num_layers=preset.num_layers,
        recurrence=preset.recurrence,
        weight_bits=preset.weight_bits,
        output_weight_bits=preset.output_weight_bits,
        bias_bits=preset.bias_bits,
        embedding_bits=preset.embedding_bits,
        engine=config.engine,
        freeze_signs=preset.freeze_signs,
        preprocess=task.preprocess,
        labels=task.labels,
    )
    with torch.no_grad():
        top = model.rnn.layers()[-1].signs
        top[: round(preset.positive_signs * len(top))].abs_()
        if model.embedding is not None:
            model.embedding.weight *= preset.embedding_scale
    return model
