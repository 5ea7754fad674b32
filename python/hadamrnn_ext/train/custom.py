"""Training on own data: sensible sizes for it, and `fit`, which does all in one call."""

from __future__ import annotations

import dataclasses
import math
import tempfile
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from ..data import custom
from ..data.examples import Examples
from ..data.task import Task
from ..model import Model
from ..scalars import plain
from .config import Config
from .presets import Preset, PresetError
from .progress import Reporter
from .run import run
from .signals import Interrupted

__all__ = ["Fitted", "fit", "suited"]

STEPS = 3000  # of training that small data get, in as many epochs as it takes
MOST_EPOCHS = 200
SMALL_STEP = 1 << 20  # numbers of all states of a batch


class Fitted(NamedTuple):
    """A trained model, ready to `infer`, `stream` and `save`, and the summary of its run (see `train.run`)."""

    model: Model
    summary: dict[str, Any]


def fit(
    X: Any,
    y: Any,
    test: tuple[Any, Any] | None = None,
    *,
    out: str | Path | None = None,
    seed: int = 0,
    tokens: bool | None = None,
    kind: Literal["classes", "values"] | None = None,
    impute: Literal["mean", "last"] | None = None,
    normalize: bool = True,
    balanced: bool = False,
    validation: float = custom.VALIDATION_SHARE,
    groups: Any = None,
    engine: str = "auto",
    device: str = "cpu",
    threads: int | None = None,
    resume: bool | None = None,
    reporter: Reporter | None = None,
    **recipe: Any,
) -> Fitted:
    """A model of own sequences, trained by a recipe that suits their number and kind.

    The model takes sequences as they are given here: means and scales, vocabulary and names of classes travel in it.
    Of two classes it has one logit, that of the second; values it answers in their own units.

    Args:
        X: N sequences: features (N, T, d) or (N, T); integer tokens (N, T); a list or object array of N arrays (T_i, d)
            or (T_i,) of any lengths, or data frames, whose columns are found by name; or N texts.
        y: (N,) integers, booleans or strings are classes; floats (N,) or (N, o) are values (regression).
        test: another (X, y), to score the finished model on; training never reads it.
        out: folder of the run (log, checkpoint, model); None: a temporary one. A run there goes on where it was.
        seed: of validation examples, initialization and order.
        tokens: whether integers without a feature axis are tokens or numbers; None: tokens, if of a signed type of 32
            bits or more, none negative and none above 65,535.
        kind: of y, where its type says otherwise: "classes" or "values".
        impute: missing values (NaN) become the channel's "mean" or the "last" value; None refuses them.
        normalize: subtract each channel's mean and divide by its standard deviation, those of the training examples.
        balanced: weigh the loss of a class by the inverse of its frequency.
        validation: share of the examples, of each class, that chooses the epoch that is kept.
        groups: (N,) of each sequence the person, device or the like that it is of: validation is then by whole groups.
        engine, device: as of `Config`. resume, reporter: as of `run`. threads: None for as many as suit the work.
        recipe: fields of `Preset` that are to be other than `suited` has them: hidden_size=64, epochs=20, lr=1e-3, ...;
            output="mean" reads the mean of all states instead of the last one.

    Raises:
        ShapeError, InputError: X or y are not such data; a position is named. PresetError: an unknown recipe field.
        Interrupted, a KeyboardInterrupt: Ctrl-C, or SIGTERM; a run with `out` goes on from there.
    """
    seed, threads = plain(seed), plain(threads)
    options = custom.Options(*map(plain, (tokens, kind, impute, normalize, balanced, validation)))
    task = custom.task(Examples(X, y, groups=groups), test, options, seed)
    preset = suited(task)
    if unknown := recipe.keys() - {field.name for field in dataclasses.fields(Preset)}:
        raise PresetError(f"no recipe has {', '.join(sorted(unknown))}; see Preset for what it may say")
    preset = dataclasses.replace(preset, **recipe)
    if task.answers is not None and task.output_size > 1 and preset.output_weight_bits is not None:
        raise PresetError("several values have scales of their own: output_weight_bits must be None (float)")
    digest = custom.digest(task, options)
    config = Config(preset, seed=seed, engine=engine, device=device, data=digest)
    before = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(out or temporary)
        try:
            summary = run(
                config,
                folder,
                task=task,
                threads=threads or suited_threads(task, preset),
                resume=resume,
                reporter=reporter,
                picture=out is not None,
            )
        except Interrupted as stop:
            if out is None:  # the folder goes, and the checkpoint with it
                raise Interrupted(stop.signum, stop.place, None) from None
            raise
        finally:
            torch.set_num_threads(before)
        return Fitted(Model.load(folder / "model.safetensors"), summary)


def suited_threads(task: Task, preset: Preset) -> int | None:
    """One thread where a step is small: as fast as two on an idle machine, and ten times as fast as two that wait for
    each other on a busy one (measured). None leaves torch's number as it is."""
    return 1 if preset.batch_size * task.length * preset.hidden_size < SMALL_STEP else None


def suited(task: Task) -> Preset:
    """The recipe for a task of own data: more units where there are more examples, and enough steps where there are few.

    Signs stay as they are drawn, which suits few examples and settles soon; a cosine schedule and a moving average of
    the weights. Tokens of a large vocabulary are embedded, as the recipes for texts have it.
    """
    count = len(task.train)
    batch_size = min(100, max(8, 1 << max(0, math.ceil(math.log2(max(count, 1) / 16)))))
    steps = math.ceil(count / batch_size)
    texts = task.input == "tokens" and task.input_size > 64
    preset = Preset(
        custom.NAME,
        task.name,
        hidden_size=64 if count < 300 else 128 if count < 3000 else 256 if count < 30_000 else 512,
        batch_size=batch_size,
        epochs=min(MOST_EPOCHS, max(10, STEPS // steps)),
        lr=3e-3,
        schedule="cosine",
        freeze_signs=True,
        average=0.99,
        bias_bits=8 if task.answers is None else None,
        output_weight_bits="same" if task.answers is None else None,
        label_smoothing=0.0 if task.answers is not None else 0.1,
    )
    if texts:
        preset = dataclasses.replace(
            preset,
            bias_bits=None,
            embedding_size=32,
            embedding_scale=0.05,
            positive_signs=0.5,
            token_dropout=0.5,
            lr=2e-3,
        )
    return preset
