"""A model of your own data in a second: random networks that forget, and a readout in closed form."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..data import custom, holdout, sounds
from ..data.examples import Examples
from ..data.missing import Impute
from ..data.targets import Kind, targets
from ..errors import InputError
from ..file.card import TRAINED_STEPS
from ..model import inputs
from ..progress import Progress, silent
from .batch import CHUNK, Data
from .choice import sample
from .fitter import Fitter, sums_of
from .goal import Goal
from .large import fit_array
from .options import Options
from .reading import read
from .report import Fitted
from .running import fit_chunks
from .steps import fit_steps, of_every_step

__all__ = ["fit", "fit_examples"]


def fit(
    X: Any,
    y: ArrayLike | None = None,
    *,
    groups: ArrayLike | None = None,
    max_bytes: int | None = None,
    hidden_size: int | None = None,
    seed: int = 0,
    kind: Kind | None = None,
    tokens: bool | None = None,
    impute: Impute | None = None,
    normalize: bool = True,
    balanced: bool = False,
    num_threads: int | None = None,
    every_step: bool | None = None,
    state_bits: int | None = None,
    sound_rate: int | None = None,
    progress: Progress = silent,
) -> Fitted:
    """A model of sequences and their classes or values, without torch: seconds, where gradients take minutes.

    A network is drawn by the seed: signs, input weights, decays and thresholds. Only its readout is learned, by ridge
    regression on how far and how often each unit is above its thresholds. How the network is drawn, and the strength of
    the regression, are chosen by exact leave-one-out errors, which the report holds.

    Args:
        X: (N, T, d) or (N, T), or a list of N arrays or data frames (T_i, d) or (T_i,), or of texts. Integers of 32 bits
            and more without a feature axis are tokens. Of a memmap, and of an iterator of pairs (X, y) in place of both, one
            part is in memory at a time: see `Running` for what the first chunk of an iterator chooses.
        y: (N,) classes (integers, booleans, strings), or floats (N,) or (N, o), which are values. Or a target for every step:
            a list of arrays as long as the sequences, classes (N, T), or values (N, T, o). The model then answers at every
            step, whatever came last weighing most.
        groups: (N,) of each sequence the person, device or the like that it is of: all choices are then by the errors on
            groups that a model has not seen. Windows of the same person are no strangers to each other.
        max_bytes: of the model file; the network is the largest that fits. None: 16,384, and of texts 262,144. Of their words
            the most frequent are kept, as many as take half of it.
        hidden_size: units n, a power of two, instead: of both, one may be given.
        seed: of the draw.
        kind: "classes" or "values", where the type of y does not say so.
        tokens: whether integers (N, T) are tokens; None: as said above.
        impute: what missing values (NaN) become, "mean" or "last"; None refuses them. The model remembers it.
        normalize: subtract each channel's mean and divide by its standard deviation.
        balanced: weigh classes by the inverse of their frequency.
        num_threads: as of ``Model.infer``.
        state_bits: 8 to 16 for an integer model with a state of so many bits, whose readout is fitted to what the integers
            give; None: a float model.
        progress: a function that is told what is counted ("designs", "sequences" or "steps"), how many of them are done, and
            of how many; `print` shows it.
        every_step: whether y has a target for every step, where its shape does not say so.
        sound_rate: X are frames of ``audio.log_mel``, of so many samples per second. The model remembers it: from then on it
            takes sound files, and its exported C takes samples.

    Returns:
        ``Fitted(model, report)``.

    Raises:
        ShapeError, InputError: X or y are not such data, with the place; one class; or a limit that no model meets.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> phase, pitch = rng.uniform(0, 6, 60), np.arange(60) % 2
        >>> waves = np.sin(np.arange(80) * (0.2 + 0.1 * pitch)[:, None] + phase[:, None])
        >>> model, report = hr.fit(waves[:40], pitch[:40])
        >>> labels, probabilities = model.classify(waves[40:, :, None])
        >>> float((labels[:, 0] == pitch[40:].astype(str)).mean())
        1.0
    """
    options = Options(
        max_bytes,
        hidden_size,
        seed,
        kind,
        tokens,
        impute,
        normalize,
        balanced,
        num_threads,
        every_step,
        state_bits,
        progress,
    )
    if sound_rate is not None:
        model, report = fit(X, y, groups=groups, **options._asdict())
        return Fitted(model.with_card(sounds.remembered(model.card, sound_rate)), report)
    if hasattr(X, "__next__"):
        if y is not None:
            raise InputError(
                "X is an iterator, which yields pairs (X, y), and y is given too; expected it alone"
            )
        return fit_chunks(X, groups, options)
    if y is None:
        raise InputError(
            "y is None; expected a class or a value for each sequence, or X an iterator of pairs (X, y)"
        )
    if isinstance(X, np.memmap):
        return fit_array(X, y, groups, options, time.perf_counter())
    return fit_examples(Examples(X, y, groups=groups), options)


def fit_examples(
    given: Examples, options: Options, settings: Mapping[str, bool | int | float | str] = MappingProxyType({})
) -> Fitted:
    """`fit` of what a file holds. The card of the model gets `settings`, see `Training`."""
    begin = time.perf_counter()
    options = options.checked()
    reader, found, warnings = reading = read(given, options)
    if of_every_step(given.y, found.lengths, options.every_step):
        return fit_steps(given, reading, options, begin, settings)
    count = len(found.lengths)
    answers = targets(given.y, count, options.kind, places=given.y_places)
    groups = None if given.groups is None else holdout.groups_of(given.groups, count)
    rows = sample(count, CHUNK, options.seed)
    reader = reader.learned(found, rows, options.normalize, given.places)
    series = reader.series(found, answers.values, given.places)
    data = Data(series, reader, inputs.threads(options.num_threads, count))
    goal = Goal.of(answers, options.balanced, given.y_places.name)
    many, of_some = count > len(rows), None if groups is None else groups[rows]
    about = custom.data_card(given, reader)
    settings = {TRAINED_STEPS: int(found.lengths.max()), **settings}
    fitter = Fitter(data.take(rows), goal.take(rows), of_some, options, many, about, settings, warnings)
    if many:
        fitter.add(sums_of(fitter.drawn, fitter.standard, data, goal, options.progress), count)
    return fitter.fitted(begin)
