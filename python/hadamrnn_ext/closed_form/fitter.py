"""A fit in two parts: some examples choose the network and the penalty, then sums over any number give the readout."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import custom
from ..file.card import TRAINED_STEPS, Card, Training
from ..file.data_card import DataCard
from ..model import Model
from ..progress import Progress, silent
from . import certainty
from .batch import CHUNK, Data, Source
from .choice import candidates
from .drawing import card_of, draw
from .goal import Goal
from .integers import integer_network
from .options import Options
from .readout import Solved, finished
from .report import Fitted, Report
from .ridge import Standard, ridge
from .sizes import file_bytes, largest, limit
from .sums import Known, Sums
from .temperature import temperature

__all__ = ["Fitter", "sums_of"]

#: Metrics that take at least as many characters in a file as any.
UNKNOWN = dict.fromkeys(("loo_accuracy", "log_loss", "log_loss_before"), -1.2345678901234567e-100)


class Fitter:
    """What some examples, all there are or at most `CHUNK`, have chosen; and sums over those that were added.

    many: whether there are more, or will be. folds: (N,) numbers, of which whole ones are left out; they are those of
    groups unless `fitted` is told otherwise. data, settings: of the card. warnings: what the report is to say of the data.
    """

    def __init__(
        self,
        some: Source,
        goal: Goal,
        folds: NDArray[np.int64] | None,
        options: Options,
        many: bool,
        data: DataCard | None,
        settings: Mapping[str, Any] = MappingProxyType({}),
        warnings: tuple[str, ...] = (),
    ) -> None:
        self.warnings, self.data, self.goal = warnings, data, goal
        batch = some.batch()
        self.settings = {TRAINED_STEPS: int(batch.lengths.max()), **settings, "method": "closed form"}
        self.options, self.reader, self.folds, seed = options, some.reader, folds, options.seed
        best, self.tried = candidates(some, goal, folds, options.hidden_size, seed, options.progress)
        self.design = best.trial.design

        def bytes_of(units: int, bits: int) -> int:
            card = card_of(self.design, units, batch, seed, some.tokens)
            card = dataclasses.replace(card, output_weight_bits=bits)
            return file_bytes(self._described(card, UNKNOWN), options.state_bits)

        most = limit(options.max_bytes, some.reader)
        self.units, self.bits = largest(bytes_of, options.hidden_size, most, len(goal), many)
        known = self.units == best.card.layers[0].hidden_size and options.state_bits is None
        if known:
            card, parameters = best.card, best.parameters
        else:
            card, parameters = draw(self.design, self.units, batch, seed, tokens=some.tokens)
        self.card = dataclasses.replace(card, output_weight_bits=self.bits)
        if options.state_bits is None:
            self.drawn = Model.from_parameters(self.card, parameters)
        else:
            self.drawn = integer_network(self.card, parameters, batch, options.state_bits, seed=seed)
            self.card, parameters = self.drawn.card, self.drawn.parameters()
        self.parameters = parameters
        features = best.features if known else some.features(self.drawn)
        self.known = Known(features, goal.targets, goal.weights)
        self.chosen = (
            best.solution if known else ridge(features, goal.targets, goal.cost, goal.weights, folds)
        )
        self.sums = Sums.empty(features.shape[1], goal.outputs)
        self.count = 0

    @property
    def standard(self) -> Standard:
        """How features are shifted and scaled in the sums."""
        return self.chosen.standard

    def add(self, sums: Sums, count: int) -> None:
        """Of `count` more examples; those that have chosen are to be among them, if there are any."""
        self.sums, self.count = self.sums + sums, self.count + count

    def fitted(self, begin: float, unit: str = "sequences", fold: str = "group") -> Fitted:
        """The model of all examples so far. `begin`: when the fit began. unit, fold: what the examples are, and what of them
        is left out together, if anything."""
        folds = None if self.folds is None else len(np.unique(self.folds))
        solved, goal = self._solved(), self.goal
        left_out = solved.solution.left_out
        factor = temperature(goal, left_out)
        metrics = certainty.metrics(goal, left_out, factor)
        model = finished(self._described(self.card, metrics), self.parameters, solved, factor)
        return Fitted(
            model,
            Report(
                trials=tuple(self.tried),
                design=self.design,
                hidden_size=self.units,
                output_weight_bits=self.bits,
                metrics=metrics,
                interval=certainty.accuracy_interval(goal, left_out, self.folds),
                examples=len(goal),
                sequences=max(self.count, len(goal)),
                unit=unit,
                groups=folds if fold == "group" else None,
                left_out="example" if folds is None else fold,
                folds=folds,
                warnings=(*certainty.warnings(goal), *self.warnings),
                file_bytes=len(model.to_bytes()),
                seconds=time.perf_counter() - begin,
            ),
        )

    def _described(self, card: Card, metrics: dict[str, float]) -> Card:
        """The card of a drawn network as that of the model."""
        training = Training(task=custom.NAME, seed=self.options.seed, metrics=metrics, settings=self.settings)
        return dataclasses.replace(
            card,
            output_size=self.goal.outputs,
            labels=self.goal.labels,
            preprocess=self.reader.preprocess,
            training=training,
            data=self.data,
        )

    def _solved(self) -> Solved:
        """By the chosen penalty. It stands against the noise of the examples, which does not grow with their number.

        Where whole groups are left out, it stands against the differences of groups instead, each of which weighs as many
        examples as it has: so it grows with them.
        """
        some = len(self.goal)
        if self.count <= some:
            return Solved(self.chosen, self.goal, self.known.features)
        growth = 1.0 if self.folds is None else self.count / some
        solution = self.sums.solve(self.chosen.penalty * growth, self.standard, self.known)
        if self.folds is not None:
            solution = solution._replace(left_out=self.chosen.left_out)
        return Solved(solution, self.goal, self.known.features)


def sums_of(drawn: Model, standard: Standard, data: Data, goal: Goal, progress: Progress = silent) -> Sums:
    """What examples add to a fit whose network and units these are."""
    total = Sums.empty(drawn.card.output_width, goal.outputs)
    for start in range(0, len(data), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(data)))
        part = goal.take(rows)
        total += Sums.of(data.take(rows).features(drawn), part.targets, part.weights, standard)
        progress("sequences", start + len(rows), len(data))
    return total
