"""The training loop, deterministic and resumable. After its steps, each epoch is validated, logged and saved."""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..data.task import EVALUATION_BATCH, Task, means
from ..errors import HadamRNNError
from ..nn.engines import threads
from ..recipe.config import Config
from ..recipe.setting import PresetError
from . import checkpoint
from .augment import Augmentation
from .baselines import Network
from .log import Log
from .objective import Objective
from .optimization import Average, clip_weights, hysteresis, learning_rates, optimizer, set_learning_rates
from .parallel import Workers, device_of
from .progress import Reporter
from .signals import Interrupted, Stop, stop_signals

__all__ = ["DivergedError", "Trainer"]


class DivergedError(HadamRNNError):
    """The loss is no longer finite.

    Examples:
        >>> from hadamrnn_ext import train
        >>> x, y = np.random.default_rng(0).normal(size=(32, 10, 1)), np.arange(32) % 2
        >>> train.fit(x, y, hidden_size=8, epochs=2, lr=1e30, weight_bits=None)
        Traceback (most recent call last):
            ...
        hadamrnn_ext.train.trainer.DivergedError: the loss became nan at epoch 1 after 1 of 4 steps (lr 1.00e+30; ...
    """


class Trainer:
    """Trains `model` on `task` as `config` says, and keeps its state in the folder `out`.

    The same configuration, data and number of threads give the same bits. So does a run that was stopped or killed and
    then continued with `restore`. A checkpoint holds the model, the optimizer, the random state, the best model so far
    and the place in the epoch. It is written after every epoch and every `checkpoint_seconds`.

    Each of several `workers` has a Trainer of its own. They hold the same state at every step and make the same
    decisions, so the main one can write the state for all.
    """

    def __init__(
        self,
        config: Config,
        task: Task,
        model: Network,
        out: Path,
        reporter: Reporter,
        workers: Workers,
        *,
        checkpoint_seconds: float = 60.0,
    ) -> None:
        if config.preset.batch_size < workers.size:
            raise PresetError(
                f"batch_size is {config.preset.batch_size}, fewer than the {workers.size} processes"
            )
        self.config, self.preset, self.reporter, self.workers = config, config.preset, reporter, workers
        self.device = device_of(config.device)
        self.task, self.model = task, model.to(self.device)
        self.checkpoint_path = out / "checkpoint.pt"
        self.log_path = out / "log.jsonl"
        self.checkpoint_seconds = checkpoint_seconds
        self.objective = workers.parallel(
            Objective(
                model,
                self.preset.label_smoothing,
                Augmentation.of(self.preset, task),
                task.class_weights,
                task.answers,
            )
        )
        self.optimizer = optimizer(model, self.preset)
        self._updated = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
        self.average = None if self.preset.average is None else Average(model, self.preset.average)
        self.progress = checkpoint.Progress()
        self.best = _copy(model.state_dict())
        self.steps = math.ceil(len(task.train) / self.preset.batch_size)
        share, self._validated = workers.share(np.arange(len(task.validation)))
        self._validation = task.validation if workers.size == 1 else task.validation.take(share)
        self._signs = self._current_signs()
        self._epoch_signs = self._signs
        self._saved_at = time.monotonic()

    @property
    def result(self) -> Network:
        """The model that is validated and kept: the trained model itself, or its average."""
        return self.model if self.average is None else self.average.model

    @property
    def finished(self) -> bool:
        return self.progress.epoch >= self.preset.epochs

    def restore(self) -> None:
        """Continues the run that the checkpoint describes. Raises `CheckpointError` if that is a different run."""
        # Only the main process needs to see the file.
        stored, self.progress, state = self.workers.from_main(lambda: checkpoint.load(self.checkpoint_path))
        if differences := self.config.obstacles(stored):
            raise checkpoint.CheckpointError(
                f"{self.checkpoint_path} is of another run: {'; '.join(differences)}. "
                "Choose another --out, or --restart to begin anew"
            )
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            torch.set_rng_state(state["rng"])
            self.best, self._epoch_signs = state["best"], state["epoch_signs"].numpy()
            if self.average is not None:
                self.average.model.load_state_dict(state["average"])
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise checkpoint.CheckpointError(
                f"{self.checkpoint_path} does not fit this model: {error}"
            ) from None
        self._signs = self._current_signs()

    def fit(self) -> None:
        """Trains up to the last epoch. Raises `DivergedError`, or `Interrupted` after the state has been saved."""
        log = Log(self.log_path, keep=self.progress.log_size) if self.workers.main else None
        self.reporter.start(self.preset.name, self.steps, self.preset.epochs)
        try:
            with stop_signals() as stop, self._threads():
                if log is not None and not self.checkpoint_path.exists():
                    self._save()
                while not self.finished:
                    self._train_epoch(stop)
                    self._end_epoch(log)
                    if signum := int(max(row[0] for row in self.workers.gather(stop.received or 0))):
                        raise self._interrupted(signum)
        finally:
            if log is not None:
                log.close()

    def _threads(self) -> AbstractContextManager[None]:
        """Leaves threads to the C++ core where that does the work of a step, and to torch where torch does it."""
        engine = self.model.engine_for(self.preset.batch_size // self.workers.size)
        return threads.torch_on_one_thread() if engine in ("native", "krylov") else nullcontext()

    def _train_epoch(self, stop: Stop) -> None:
        progress, size = self.progress, self.preset.batch_size
        set_learning_rates(self.optimizer, self.preset, progress.epoch)
        order = epoch_order(len(self.task.train), self.config.seed, progress.epoch)
        self.model.train()
        clock = time.monotonic()
        while progress.step < self.steps:
            chosen = order[progress.step * size : (progress.step + 1) * size]
            loss, signum = self._step(chosen, stop)
            progress.step += 1
            progress.examples += len(chosen)
            progress.loss_sum += loss * len(chosen)
            now = time.monotonic()
            progress.seconds += now - clock
            clock = now
            self.reporter.step(progress.epoch, progress.step, loss)
            if signum:
                self._save()
                raise self._interrupted(signum)
            if now - self._saved_at >= self.checkpoint_seconds and progress.step < self.steps:
                self._save()

    def _step(self, chosen: NDArray[np.int64], stop: Stop) -> tuple[float, int]:
        """Takes a step on the examples `chosen`. Returns their mean loss, and the signal that any process received, or 0."""
        part, counted = self.workers.share(chosen)
        batch = (torch.from_numpy(array).to(self.device) for array in self.task.train.batch(part))
        loss = self.objective(*batch)
        rows = self.workers.gather(loss.item() * counted / len(chosen), stop.received or 0)
        value, signum = sum(row[0] for row in rows), int(max(row[1] for row in rows))
        if not math.isfinite(value):
            raise DivergedError(self._diagnosis(value))
        self.optimizer.zero_grad(set_to_none=True)
        # The gradients are averaged over the processes. This factor makes that the average over the examples.
        (loss * (counted * self.workers.size / len(chosen))).backward()
        if self.preset.grad_clip is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.preset.grad_clip)
        with (
            hysteresis(self.model.sign_parameters(), self.preset.sign_margin),
            threads.all_for(self._updated, threads.LARGE_UPDATE),
        ):
            self.optimizer.step()
        clip_weights(self.model.quantized_parameters(), self.preset.weight_clip)
        if self.average is not None:
            self.average.update(self.model, self.progress.epoch * self.steps + self.progress.step)
        before, self._signs = self._signs, self._current_signs()
        self.progress.flips += int(np.count_nonzero(before != self._signs))
        return value, signum

    def _end_epoch(self, log: Log | None) -> None:
        progress = self.progress
        start = time.monotonic()
        scores = self.validate()
        if not all(map(math.isfinite, scores.values())):
            raise DivergedError(self._diagnosis(scores["loss"]))
        best = progress.best_epoch == 0 or self.task.better(scores, progress.best_scores)
        lr, sign_lr = learning_rates(self.preset, progress.epoch)
        progress.epoch += 1
        if best:
            progress.best_epoch, progress.best_scores = progress.epoch, scores
            self.best = _copy(self.result.state_dict())
        progress.seconds += time.monotonic() - start
        record = {
            "event": "epoch",
            "epoch": progress.epoch,
            "loss": progress.loss_sum / progress.examples,
            **{f"val_{name}": value for name, value in scores.items()},
            "best": best,
            "flips": progress.flips,
            "flipped": int(np.count_nonzero(self._epoch_signs != self._signs)),
            "lr": lr,
            "sign_lr": 0.0 if self.preset.freeze_signs else sign_lr,
            "seconds": round(progress.seconds, 3),
        }
        if log is not None:
            log.append(record)
            progress.log_size = log.size
        self.reporter.epoch(record)
        progress.total_seconds += progress.seconds
        progress.step = progress.examples = progress.flips = 0
        progress.loss_sum = progress.seconds = 0.0
        self._epoch_signs = self._signs
        self._save()

    def validate(self) -> dict[str, float]:
        """Scores on the validation split.

        The native kernels compute them, as they do in eval mode without gradients. The exception is a model that trains
        on the krylov engine: that shares the powers of W among all sequences and scores a split several times faster.
        Nothing in the model depends on the mode otherwise.
        """
        model = self.result
        model.train(model.engine_for(EVALUATION_BATCH) == "krylov")
        with torch.no_grad():
            found = means(self.answers, self.task, self._validation, raw=False)
        return self.task.conclude(self.workers.mean(found, self._validated))

    def answers(self, inputs: NDArray[Any], *lengths: NDArray[np.int64]) -> NDArray[np.float32]:
        """What `result` answers to prepared input, in its current mode. Values are in the units of the task."""
        given = (torch.from_numpy(array).to(self.device) for array in (inputs, *lengths))
        answers: NDArray[np.float32] = self.result(*given).cpu().numpy()
        units = self.task.answers
        return answers if units is None else units.invert(answers)

    def _current_signs(self) -> NDArray[np.bool_]:
        """The signs of all layers as booleans. True is +1, as it is for a latent of zero.

        It is done in NumPy, which has a third of torch's overhead.
        """
        latent = [parameter.detach().cpu().numpy().ravel() for parameter in self.model.sign_parameters()]
        return np.concatenate([np.empty(0, np.bool_), *(values >= 0 for values in latent)])

    def _save(self) -> None:
        """Writes the checkpoint, if this is the main process."""
        if not self.workers.main:
            return
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": torch.get_rng_state(),
            "best": self.best,
            "epoch_signs": torch.from_numpy(self._epoch_signs),
            **({} if self.average is None else {"average": self.average.model.state_dict()}),
        }
        checkpoint.save(
            self.checkpoint_path, config=self.config.to_dict(), progress=self.progress, state=state
        )
        self._saved_at = time.monotonic()

    def _interrupted(self, signum: int) -> Interrupted:
        place = f"epoch {self.progress.epoch + 1}, step {self.progress.step}"
        return Interrupted(signum, place, self.checkpoint_path)

    def _diagnosis(self, loss: float) -> str:
        bad = [name for name, value in self.model.named_parameters() if not bool(value.isfinite().all())]
        sizes = {name: float(value.detach().abs().max()) for name, value in self.model.named_parameters()}
        largest = max(sizes, key=lambda name: sizes[name])
        cause = f"not finite: {', '.join(bad)}" if bad else f"largest: {largest}, {sizes[largest]:.3g}"
        rate = self.optimizer.param_groups[0]["lr"]
        return (
            f"the loss became {loss} at epoch {self.progress.epoch + 1} after {self.progress.step} of {self.steps} steps "
            f"(lr {rate:.2e}; {cause}). Try a lower --lr, or --grad-clip 1"
        )


def epoch_order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of the examples in an epoch, a function of the seed and the epoch alone."""
    return np.random.RandomState([seed, epoch]).permutation(count)


def _copy(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value.clone() for name, value in state.items()}
