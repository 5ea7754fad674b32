"""A whole run: data, model, training, and what it leaves (finish.py)."""

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
from .trainer import Trainer

__all__ = ["run"]

ENDS = (
    "can't allocate memory",
    "not enough memory",
    "bad alloc",
)  # what torch's allocators of main memory say
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


@contextmanager
def memory_errors() -> Iterator[None]:
    """While entered, what torch raises where memory ends, on the CPU or a GPU, becomes MemoryError."""
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
    """Whether a run goes on from the checkpoint `path`; what `run` says of `resume`."""
    if resume is False:
        path.unlink(missing_ok=True)
    elif resume is True and not path.exists():
        raise CheckpointError(f"nothing to resume: {path} does not exist")
    return path.exists()
