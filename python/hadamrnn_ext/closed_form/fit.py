"""A model of your own data in a second: random networks that forget, and a readout in closed form."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data import custom
from ..data.examples import Examples
from ..data.missing import Impute
from ..data.places import Places
from ..data.reader import Reader
from ..data.series import Series
from ..data.targets import Kind, Targets, targets
from ..errors import InputError
from ..file.card import Training
from ..file.tensors import pack_parameters
from ..model import Model, inputs
from .design import DESIGNS, Batch, Design, draw, pooled
from .report import Fitted, Report, Trial
from .ridge import Solution, ridge
from .rounding import round_readout

__all__ = ["fit"]

#: Units on which designs are compared, and sequences that they are compared on at most.
TRIAL_UNITS, TRIAL_SEQUENCES = 256, 1000
#: Sizes and bits of the readout, the first of which fits the file is taken. Few examples say too little of the errors
#: of rounding for few bits.
SIZES, BITS, FEW, BITS_OF_FEW = (1024, 512, 256, 128, 64), (4, 3), 100, (6, 4, 3)
#: Sequences that are padded to one array at a time.
CHUNK = 1024
#: What a file holds beside its tensors, about.
OVERHEAD = 2500
#: Factors of the predictions of which that with the best probabilities is taken.
TEMPERATURES = np.logspace(-1, 2, 31)

F64 = NDArray[np.float64]


def fit(
    X: Any,
    y: ArrayLike,
    *,
    max_bytes: int = 16384,
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
    begin = time.perf_counter()
    given = Examples(X, y, places=Places("X"), y_places=Places("y"))
    reader, found = Reader.of_data(given.x, given.places, tokens, impute)
    answers = targets(given.y, len(found.lengths), kind, places=given.y_places)
    everything = np.arange(len(found.lengths))
    reader = reader.learned(found, everything, normalize, given.places)
    series = reader.series(found, answers.values, given.places)
    problem = _Problem(series, answers, reader, balanced, inputs.threads(num_threads, len(series)))
    if hidden_size is not None and (hidden_size < 16 or hidden_size & (hidden_size - 1)):
        raise InputError(f"hidden_size is {hidden_size}; expected a power of two of at least 16")
    trials = problem.trials(seed, min(TRIAL_UNITS, hidden_size or TRIAL_UNITS))
    design = min(trials, key=lambda trial: trial.cost).design
    size, bits = problem.size(design, hidden_size, max_bytes)
    model, solution = problem.solve(design, size, bits, seed)
    metrics = problem.metrics(solution)
    card = dataclasses.replace(
        model.card,
        training=Training(task=custom.NAME, seed=seed, metrics=metrics, settings={"method": "closed form"}),
        data=custom.data_card(given, reader),
    )
    model = model.with_card(card)
    report = Report(
        trials=tuple(trials),
        design=design,
        hidden_size=size,
        output_weight_bits=bits,
        metrics=metrics,
        examples=len(series),
        file_bytes=len(model.to_bytes()),
        seconds=time.perf_counter() - begin,
    )
    return Fitted(model, report)


class _Problem:
    """The data, and what is asked of a network on it."""

    def __init__(
        self, series: Series, answers: Targets, reader: Reader, balanced: bool, threads: int
    ) -> None:
        self.series, self.answers, self.reader, self.threads = series, answers, reader, threads
        self.tokens = None if reader.kind == "features" else reader.width
        self.classes = answers.labels is not None
        self.weights = np.array(custom.class_weights(answers))[answers.values] if balanced else None
        if self.classes:
            signs = 2.0 * (answers.values[:, None] == np.arange(len(answers.labels or ()))) - 1
            self.targets: F64 = signs[:, 1:] if answers.outputs == 1 else signs
            self.offset, self.scale = np.zeros(answers.outputs), np.ones(answers.outputs)
        else:
            units = answers.normalization()
            assert units is not None
            self.offset, self.scale = np.array(units.offset), np.array(units.scale)
            self.targets = (answers.values.astype(np.float64) - self.offset) / self.scale

    def trials(self, seed: int, units: int) -> list[Trial]:
        """Each design on some of the sequences, by its leave-one-out errors."""
        chosen = np.sort(np.random.default_rng(seed).permutation(len(self.series))[:TRIAL_SEQUENCES])
        data = self.batch(chosen)
        found = []
        for design in DESIGNS:
            card, parameters = draw(design, units, data, seed, tokens=self.tokens)
            features = pooled(Model.from_parameters(card, parameters), data, self.threads)
            weights = None if self.weights is None else self.weights[chosen] / self.weights[chosen].mean()
            solution = ridge(features, self.targets[chosen], self.score(chosen), weights)
            wrong, square = self.score(chosen)(solution.left_out)
            found.append(Trial(design, wrong, square))
        return found

    def size(self, design: Design, units: int | None, most: int) -> tuple[int, int]:
        """Units and bits of the readout. Raises InputError where none fits."""
        width = self.tokens or self.series.values.shape[1] * (2 if design.differences else 1)
        groups = 2 * len(design.thresholds)
        words = sum(len(word.encode()) + 3 for word in _words(self.reader))
        for n in SIZES if units is None else (units,):
            for bits in BITS_OF_FEW if len(self.series) < FEW else BITS:
                tensors = (
                    n * (width * design.weight_bits / 8 + 0.5 + 1 + len(design.thresholds))
                    + n * groups * self.targets.shape[1] * bits / 8
                )
                if units is not None or tensors + OVERHEAD + words <= most:
                    return n, bits
        raise InputError(f"max_bytes is {most}; no network of {self.targets.shape[1]} outputs is as small")

    def solve(self, design: Design, units: int, bits: int, seed: int) -> tuple[Model, Solution]:
        """The model, and what its readout was made of."""
        sample = self.batch(np.sort(np.random.default_rng(seed).permutation(len(self.series))[:CHUNK]))
        card, parameters = draw(design, units, sample, seed, tokens=self.tokens)
        card = dataclasses.replace(
            card, weight_bits=design.weight_bits, bias_bits=1 if design.bias == 0 else 8
        )
        drawn = Model.from_parameters(card, parameters)
        starts = range(0, len(self.series), CHUNK)
        features = np.concatenate(
            [
                pooled(drawn, self.batch(np.arange(i, min(i + CHUNK, len(self.series)))), self.threads)
                for i in starts
            ]
        )
        everything = np.arange(len(self.series))
        solution = ridge(features, self.targets, self.score(everything), self.weights)
        factor = self.scale * self.temperature(solution.left_out)
        weight = solution.weight * factor[:, None]
        rounded = round_readout(weight, features, bits)
        card = dataclasses.replace(
            card,
            output_size=self.answers.outputs,
            output_weight_bits=bits,
            labels=self.answers.labels,
            preprocess=self.reader.preprocess,
        )
        # Rounding moves the predictions of the mean, which the bias takes back.
        moved = (weight - rounded.values(bits)) @ solution.mean
        bias = solution.bias * factor + self.offset + moved
        parameters = {**parameters, "output.weight": rounded, "output.bias": bias.astype(np.float32)}  # type: ignore[dict-item]
        return Model(card, pack_parameters(card, parameters)), solution

    def batch(self, index: NDArray[np.int64]) -> Batch:
        x, _, *ends = self.series.batch(index)
        lengths = ends[0] if ends else np.full(len(x), x.shape[1], np.int64)
        return Batch(np.ascontiguousarray(x), np.ascontiguousarray(lengths))

    def score(self, index: NDArray[np.int64]) -> Callable[[F64], tuple[float, float]]:
        """The share of wrong classes (0 of values), then the mean squared error: what is to be small, in this order."""
        wanted = self.targets[index]
        share = None if self.weights is None else self.weights[index] / self.weights[index].sum()

        def cost(predictions: F64) -> tuple[float, float]:
            squares = np.square(predictions - wanted).mean(axis=1)
            wrong = self.wrong(predictions, index) if self.classes else np.zeros(len(index))
            return float(np.average(wrong, weights=share)), float(np.average(squares, weights=share))

        return cost

    def wrong(self, predictions: F64, index: NDArray[np.int64]) -> NDArray[np.bool_]:
        if predictions.shape[1] == 1:
            said = (predictions[:, 0] > 0).astype(np.int64)
        else:
            said = predictions.argmax(axis=1)
        return np.asarray(said != self.answers.values[index])

    def temperature(self, left_out: F64) -> float:
        """What predictions are multiplied by so that their softmax says how often they are right: of values 1."""
        if not self.classes:
            return 1.0
        logits = (
            np.concatenate([np.zeros_like(left_out), left_out], axis=1)
            if left_out.shape[1] == 1
            else left_out
        )
        rows, classes = np.arange(len(logits)), self.answers.values

        def surprise(factor: float) -> float:
            shifted = (logits - logits.max(axis=1, keepdims=True)) * factor
            return float((np.log(np.exp(shifted).sum(axis=1)) - shifted[rows, classes]).mean())

        return float(min(TEMPERATURES, key=surprise))

    def metrics(self, solution: Solution) -> dict[str, float]:
        """Leave-one-out scores of the float readout."""
        everything = np.arange(len(self.series))
        wrong, square = self.score(everything)(solution.left_out)
        return {"loo_accuracy": 1 - wrong} if self.classes else {"loo_r2": 1 - square}


def _words(reader: Reader) -> tuple[str, ...]:
    vocabulary = reader.preprocess.vocabulary
    return () if vocabulary is None else vocabulary.words
