"""A whole run: its data, its model, the training and its results (finish.py)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import torch

from ..data import tasks
from ..data.task import Task
from ..recipe.config import Config
from .checkpoint import CheckpointError
from .finish import finish
from .initial import build
from .parallel import Workers, connected, device_of, fair_threads
from .progress import Reporter, Silent
from .rates import searched
from .trainer import Trainer

__all__ = ["run"]

ENDS = (
    "can't allocate memory",
    "not enough memory",
    "bad alloc",
)  # parts of the messages of torch's allocators of main memory
LONG = 1_000_000  # a test with more steps than this in all takes long enough to be announced


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
    search_lr: bool = False,
) -> dict[str, Any]:
    """Trains a model, writes it to the folder `out` and returns the summary of the run.

    The model file is `model.safetensors`, with the weights of the best validation epoch; a baseline's is `model.pt`, in
    torch's format. `out` also holds `log.jsonl`, `checkpoint.pt` and, where matplotlib is installed, `curves.png`. The
    summary is the last line of the log: validation and test scores, bytes and seconds.

    Under torchrun every process calls this with the same arguments. Only the first one writes and reports, and all
    return the summary. Afterwards torch's global random state and its number of threads are what they were before.

    Args:
        config: the recipe and the other settings of the run.
        out: the folder of the run, which is made if it is missing.
        data, verify: where the data lie and whether their checksums are compared, as in `data.tasks.load`.
        threads: number of threads of each process. None takes torch's number, and under torchrun this process's share of
            the cores. Where the C++ core does the work of a step, it takes them all, and torch's own operations take one,
            large ones excepted (see `nn.torch_on_one_thread`).
        resume: None continues from the checkpoint in `out` if there is one, True insists on one, False begins anew.
        checkpoint_seconds: the longest time between two checkpoints.
        reporter: what is told of the progress; None reports nothing.
        task: the task to train on instead of the one that the preset names; `config.data` says which data it holds.
        picture: whether `curves.png` is drawn.
        search_lr: whether the learning rate is not that of the recipe but the best one in validation (rates.py), which is
            searched first.

    Raises:
        HadamRNNError: one of its family.
        Interrupted: (a KeyboardInterrupt) after SIGINT or SIGTERM.

    Examples:
        >>> import dataclasses
        >>> from hadamrnn_ext import train
        >>> preset = dataclasses.replace(train.get_preset("copy"), length=20, hidden_size=16, epochs=1)
        >>> summary = train.run(train.Config(preset, limit_train=256), "runs/copy-0")
        >>> hr.load("runs/copy-0/model.safetensors").card.training.preset
        'copy'
    """
    out = Path(out)
    device_of(config.device)  # raises early if there is no such device
    with (
        connected(config.device) as workers,
        _random_state_of_others(config.device),
        _number_of_threads(threads or fair_threads()),
        memory_errors(),
    ):
        told = reporter if workers.main and reporter is not None else Silent()
        with closing(told):
            if task is None:
                preset = config.preset
                task = tasks.load(
                    preset.task, data, verify=verify, length=preset.length, tokenizer=preset.tokenizer
                )
            if config.limit_train is not None:
                task = dataclasses.replace(task, train=task.train.take(slice(config.limit_train)))
            if search_lr:
                config = searched(config, task, out, told, workers, again=resume is False)
            return _train(config, task, out, told, workers, resume, checkpoint_seconds, picture)


@contextmanager
def _random_state_of_others(device: str) -> Iterator[None]:
    """Restores torch's generators on exit, with those of the GPUs if any are in use."""
    used = device == "cuda" or torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(range(torch.cuda.device_count() if used else 0)):
        yield


@contextmanager
def _number_of_threads(threads: int | None) -> Iterator[None]:
    """Inside the block torch has this number of threads; None leaves it as it is."""
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Inside the block, torch's out-of-memory errors, on the CPU or a GPU, become MemoryError."""
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        if isinstance(error, torch.cuda.OutOfMemoryError) or any(end in text for end in ENDS):
            raise MemoryError(text.splitlines()[0]) from error
        raise


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
    """Whether a run continues from the checkpoint `path`. `resume` is that of `run`; False deletes the checkpoint."""
    if resume is False:
        path.unlink(missing_ok=True)
    elif resume is True and not path.exists():
        raise CheckpointError(f"nothing to resume: {path} does not exist")
    return path.exists()
