"""Training on your own data: `fit` does it all in one call."""

from __future__ import annotations

import dataclasses
import functools
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any, Literal, NamedTuple

from .. import closed_form, zoo
from ..data import custom, sounds
from ..data.examples import Examples
from ..data.measured import warning_of_tokens
from ..data.series import sequences
from ..data.task import Task
from ..model import Model
from ..recipe.config import Config
from ..recipe.preset import Preset
from ..recipe.setting import PresetError
from ..recipe.suited import sized_as, suited, suited_threads
from ..scalars import plain
from .progress import QUIET, Reporter
from .progress import reporter as suited_reporter
from .run import run
from .signals import Interrupted

__all__ = ["Fitted", "fit"]

#: What suits a model that has already been fitted: everything is learned, at a lower rate, and signs flip seldom.
GENTLY: dict[str, Any] = {"lr": 1e-3, "freeze_signs": False, "sign_lr": 1e-4, "sign_margin": 0.01}


class Fitted(NamedTuple):
    """A trained model, ready to `infer`, `stream` and `save`, and the summary of its run (see `train.run`).

    Examples:
        >>> from hadamrnn_ext import train
        >>> x, y = np.random.default_rng(0).normal(size=(32, 10, 1)), np.arange(32) % 2
        >>> model, summary = train.fit(x, y, hidden_size=8, epochs=1)
        >>> model.card.layers[0].hidden_size, summary["epochs"]
        (8, 1)
    """

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
    every_step: bool = False,
    sound_rate: int | None = None,
    start: Model | str | Path | None = None,
    engine: str = "auto",
    device: str = "cpu",
    threads: int | None = None,
    resume: bool | None = None,
    progress: bool | None = None,
    reporter: Reporter | None = None,
    **recipe: Any,
) -> Fitted:
    """Trains a model on your own sequences, by a recipe that suits their number and kind.

    The model takes sequences in the form in which they are given here, because means and scales, the vocabulary and the
    names of classes are stored in it. For two classes it has one logit, that of the second class. For values it answers
    in the units of y.

    Args:
        X: N sequences: features (N, T, d) or (N, T); integer tokens (N, T); a list or object array of N arrays (T_i, d)
            or (T_i,) of any lengths, or of N data frames, whose columns are found by name; or N texts.
        y: the answers: (N,) integers, booleans or strings are classes; floats (N,) or (N, o) are values (regression).
        test: another pair (X, y), on which the finished model is scored. Training never reads it.
        out: folder of the run (log, checkpoint, model). A run that was stopped in it continues. None takes a temporary
            folder.
        seed: seed of the choice of validation examples, of the initialization and of the order of examples.
        tokens: whether integers without a feature axis are tokens rather than numbers. None takes them for tokens if
            their type is signed and has 32 bits or more, and all are from 0 to 65,535.
        kind: what y holds, "classes" or "values", if its type suggests otherwise.
        impute: what replaces missing values (NaN): the "mean" of the channel or its "last" value. None refuses them.
        normalize: whether each channel's mean is subtracted and the result divided by its standard deviation, both taken
            from the training examples.
        balanced: whether the loss of each class is weighted by the inverse of its frequency.
        validation: share of the examples of each class that are held out to choose the epoch that is kept.
        groups: (N,) the person, device or other source of each sequence. A group is then either all in validation or
            all in training.
        every_step: whether y has a target for every step: a list of arrays as long as the sequences, classes (N, T), or values
            (N, T, o). The model then answers at every step.
        sound_rate: X are frames of ``audio.log_mel``, of so many samples per second, and the model remembers it, as of
            ``hadamrnn_ext.fit``.
        start: a float model to go on from, with its sizes, or "closed_form": one that `hadamrnn_ext.fit` makes of the
            training examples, of features alone. All of it is then learned: input weights, decays, thresholds, signs and
            readout. A name or a path is read as by `hadamrnn_ext.load`. None starts from random weights.
        progress: whether progress is shown on stderr, as a bar on a terminal and elsewhere as a line every ten seconds.
            None shows it only on a terminal. If a `reporter` is given, progress goes to it instead.
        engine, device: as in `Config`.
        resume, reporter: as in `run`.
        threads: number of threads; None takes as many as suit the work.
        recipe: fields of `Preset` that replace those of `suited`: hidden_size=64, epochs=20, lr=1e-3, ... output="mean"
            reads the mean of all states instead of the last one. output="auto" trains both ways, each in its own
            folder below `out`, and keeps the model that scores better on the validation examples.

    Raises:
        ShapeError, InputError: X or y are not such data; the message names the position.
        PresetError: there is no such field of a recipe, or its value makes no sense.
        Interrupted: (a KeyboardInterrupt) Ctrl-C or SIGTERM; the same call with `out` continues the run.

    Examples:
        >>> from hadamrnn_ext import train
        >>> y = np.repeat(["low", "high"], 40)
        >>> x = np.random.default_rng(0).normal(size=(80, 20)) + (y == "high")[:, None]
        >>> model, summary = train.fit(x, y, hidden_size=16, epochs=10)
        >>> bool((model.classify(x[..., None]).labels[:, 0] == y).mean() > 0.7)
        True
    """
    seed, threads = plain(seed), plain(threads)
    options = custom.Options(*map(plain, (tokens, kind, impute, normalize, balanced, validation)))
    options = options._replace(every_step=plain(every_step))
    task = custom.task(Examples(X, y, groups=groups), test, options, seed)
    if sound_rate is not None:
        settings = sounds.checked(task.input, task.input_size, plain(sound_rate))
        task = dataclasses.replace(task, settings=settings)
    preset = suited(task)
    if unknown := recipe.keys() - {field.name for field in dataclasses.fields(Preset)}:
        raise PresetError(f"no recipe has {', '.join(sorted(unknown))}; see Preset for what it may say")
    begun = None if start is None else _begun(start, task, recipe, balanced, seed)
    if begun is not None:
        preset = dataclasses.replace(sized_as(preset, begun), **GENTLY)
        if recipe.get("output") == "auto":
            raise PresetError('output is "auto", and start says what is read; expected one of them')
    outputs = ("last", "mean") if recipe.get("output") == "auto" else (recipe.get("output", preset.output),)
    presets = [dataclasses.replace(preset, **{**recipe, "output": output}) for output in outputs]
    preset = presets[0]
    if task.answers is not None and task.output_size > 1 and preset.output_weight_bits is not None:
        raise PresetError("several values have scales of their own: output_weight_bits must be None (float)")
    digest = custom.digest(task, options)
    configs = [Config(each, seed=seed, engine=engine, device=device, data=digest) for each in presets]
    guessed = task.input == "tokens" and task.preprocess.vocabulary is None
    suspicion = warning_of_tokens(sequences(X), tokens) if guessed else None
    if suspicion is not None:
        warnings.warn(suspicion, stacklevel=2)
    if reporter is None and (sys.stderr.isatty() if progress is None else progress):
        reporter = suited_reporter(every=QUIET)
    with tempfile.TemporaryDirectory() as temporary:
        folder, found = Path(out or temporary), list[Fitted]()
        if begun is not None:
            folder.mkdir(parents=True, exist_ok=True)
            begun.save(folder / "start.safetensors")
            configs = [dataclasses.replace(each, start=str(folder / "start.safetensors")) for each in configs]
        try:
            for config in configs:
                place = folder / str(config.preset.output) if len(configs) > 1 else folder
                summary = run(
                    config,
                    place,
                    task=task,
                    threads=threads or suited_threads(task, preset),
                    resume=resume,
                    reporter=reporter,
                    picture=out is not None,
                )
                model = Model.load(place / "model.safetensors")
                if begun is not None and out is None:  # the path of what it started from is gone
                    model = _started(model, "closed_form" if start == "closed_form" else "a model")
                found.append(Fitted(model, summary))
        except Interrupted as stop:
            if out is None:  # the temporary folder is deleted, and the checkpoint with it
                raise Interrupted(stop.signum, stop.place, None) from None
            raise
        return functools.reduce(lambda old, new: new if _better(task, new, old) else old, found)


def _begun(start: Model | str | Path, task: Task, recipe: dict[str, Any], balanced: bool, seed: int) -> Model:
    """The model that training goes on from. That of a closed form is fitted to the training examples of the task."""
    if start != "closed_form":
        return start if isinstance(start, Model) else zoo.load(start)
    if task.input != "features":
        raise PresetError("start is 'closed_form', which is for features; the sequences are tokens")
    x, y, *ends = task.train.batch(slice(None))
    stepwise = task.output == "all"
    series = x if not ends else [one[:length] for one, length in zip(x, ends[0], strict=True)]
    targets = y if not (ends and stepwise) else [one[:length] for one, length in zip(y, ends[0], strict=True)]
    return closed_form.fit(
        series,
        targets,
        kind="classes" if task.answers is None else "values",
        hidden_size=recipe.get("hidden_size"),
        normalize=False,  # the batch is already
        balanced=balanced,
        every_step=stepwise,
        seed=seed,
    ).model


def _started(model: Model, what: str) -> Model:
    """The model, whose card says what it started from."""
    training = model.card.training
    assert training is not None
    training = dataclasses.replace(training, settings={**training.settings, "start": what})
    return model.with_card(dataclasses.replace(model.card, training=training))


def _better(task: Task, new: Fitted, old: Fitted) -> bool:
    """Whether `new` scores better than `old` on the validation examples."""
    a, b = (
        {name.removeprefix("val_"): value for name, value in each.summary.items() if name.startswith("val_")}
        for each in (new, old)
    )
    return task.better(a, b)
