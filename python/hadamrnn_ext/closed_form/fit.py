"""A model of your own data in a second: random networks that forget, and a readout in closed form."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..data import custom, holdout
from ..data.examples import Examples
from ..data.missing import Impute
from ..data.places import Places
from ..data.reader import Reader
from ..data.targets import Kind, targets
from ..file.card import Training
from ..model import Model, inputs
from . import certainty
from .batch import CHUNK, Data
from .choice import sample, trials
from .design import input_bits
from .drawing import draw
from .goal import Goal
from .readout import finished
from .report import Fitted, Report
from .sizes import MAX_BYTES, check_units, largest
from .solving import solve
from .temperature import temperature

__all__ = ["Options", "fit", "fit_examples"]


class Options(NamedTuple):
    """As the arguments of `fit`."""

    max_bytes: int = MAX_BYTES
    hidden_size: int | None = None
    seed: int = 0
    kind: Kind | None = None
    tokens: bool | None = None
    impute: Impute | None = None
    normalize: bool = True
    balanced: bool = False
    num_threads: int | None = None


def fit(
    X: Any,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    max_bytes: int = MAX_BYTES,
    hidden_size: int | None = None,
    seed: int = 0,
    kind: Kind | None = None,
    tokens: bool | None = None,
    impute: Impute | None = None,
    normalize: bool = True,
    balanced: bool = False,
    num_threads: int | None = None,
) -> Fitted:
    """A model of sequences and their classes or values, without torch: seconds, where gradients take minutes.

    A network is drawn by the seed: signs, input weights, decays and thresholds. Only its readout is learned, by ridge
    regression on how far and how often each unit is above its thresholds. How the network is drawn, and the strength of
    the regression, are chosen by exact leave-one-out errors, which the report holds.

    Args:
        X: (N, T, d) or (N, T), or a list of N arrays or data frames (T_i, d) or (T_i,), or of texts. Integers of 32 bits
            and more without a feature axis are tokens.
        y: (N,) classes (integers, booleans, strings), or floats (N,) or (N, o), which are values.
        groups: (N,) of each sequence the person, device or the like that it is of: all choices are then by the errors on
            groups that a model has not seen. Windows of the same person are no strangers to each other.
        max_bytes: of the model file; the network is the largest that fits.
        hidden_size: units n, a power of two, instead.
        seed: of the draw.
        kind: "classes" or "values", where the type of y does not say so.
        tokens: whether integers (N, T) are tokens; None: as said above.
        impute: what missing values (NaN) become, "mean" or "last"; None refuses them. The model remembers it.
        normalize: subtract each channel's mean and divide by its standard deviation.
        balanced: weigh classes by the inverse of their frequency.
        num_threads: as of ``Model.infer``.

    Returns:
        ``Fitted(model, report)``.

    Raises:
        ShapeError, InputError: X or y are not such data, with the place; one class; or a limit that no model meets.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> phase, pitch = rng.uniform(0, 6, 60), np.arange(60) % 2
        >>> waves = np.sin(np.arange(80) * (0.2 + 0.1 * pitch)[:, None] + phase[:, None])
        >>> model, report = fit(waves[:40], pitch[:40])
        >>> labels, probabilities = model.classify(waves[40:, :, None])
        >>> float((labels[:, 0] == pitch[40:].astype(str)).mean())
        1.0
    """
    given = Examples(X, y, groups=groups, places=Places("X"), y_places=Places("y"))
    plain = max_bytes, hidden_size, seed, kind, tokens, impute, normalize, balanced, num_threads
    return fit_examples(given, Options(*plain))


def fit_examples(
    given: Examples, options: Options, settings: Mapping[str, bool | int | float | str] = MappingProxyType({})
) -> Fitted:
    """`fit` of what a file holds. The card of the model gets `settings`, see `Training`."""
    begin = time.perf_counter()
    check_units(options.hidden_size)
    reader, found = Reader.of_data(given.x, given.places, options.tokens, options.impute)
    count = len(found.lengths)
    answers = targets(given.y, count, options.kind, places=given.y_places)
    groups = None if given.groups is None else holdout.groups_of(given.groups, count)
    reader = reader.learned(found, np.arange(count), options.normalize, given.places)
    series = reader.series(found, answers.values, given.places)
    data = Data(series, reader, inputs.threads(options.num_threads, count))
    goal = Goal.of(answers, options.balanced)
    seed = options.seed
    tried = trials(data, goal, groups, options.hidden_size, seed)
    design = min(tried, key=lambda trial: trial.cost).design
    units, bits = largest(design, data, goal, options.hidden_size, options.max_bytes)
    some = data.take(sample(len(data), CHUNK, seed)).batch()
    card, parameters = draw(design, units, some, seed, tokens=data.tokens)
    card = dataclasses.replace(
        card,
        weight_bits=input_bits(parameters["input.weight"].shape[1]),
        bias_bits=1 if design.bias == 0 else 8,
        output_weight_bits=bits,
    )
    solved = solve(Model.from_parameters(card, parameters), data, goal, groups, seed)
    left_out, known = solved.solution.left_out, solved.goal
    factor = temperature(known, left_out)
    metrics = certainty.metrics(known, left_out, factor)
    model = finished(card, parameters, solved, reader.preprocess, factor)
    training = Training(
        task=custom.NAME, seed=seed, metrics=metrics, settings={**settings, "method": "closed form"}
    )
    model = model.with_card(
        dataclasses.replace(model.card, training=training, data=custom.data_card(given, reader))
    )
    classes = goal.classes is not None
    report = Report(
        trials=tuple(tried),
        design=design,
        hidden_size=units,
        output_weight_bits=bits,
        metrics=metrics,
        interval=certainty.interval(known.wrong(left_out), solved.groups) if classes else None,
        examples=len(known),
        sequences=len(data),
        groups=None if groups is None else int(groups.max()) + 1,
        warnings=certainty.warnings(goal),
        file_bytes=len(model.to_bytes()),
        seconds=time.perf_counter() - begin,
    )
    return Fitted(model, report)
