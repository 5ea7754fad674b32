"""A fit that new data go on: the first examples choose the network, all of them the readout."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from numpy.typing import ArrayLike

from ..data import custom, holdout
from ..data.examples import Examples
from ..data.places import Places
from ..data.targets import Kind, targets
from ..errors import InputError
from ..model import inputs
from .batch import CHUNK, Data
from .choice import sample
from .fitter import Fitter, sums_of
from .goal import Goal
from .options import Options
from .reading import read
from .report import Fitted
from .steps import refuse_steps

__all__ = ["Running", "fit_chunks"]


class Running:
    """A fit whose data come bit by bit, and are not kept: sums of them are.

    The first call chooses the network, the penalty, normalization, vocabulary and units of values by at most 1,024 of its
    sequences, which should be like those to come; later ones change the readout alone.

    Args:
        X, y, groups: the first examples, as of `fit`.
        classes: all that there will ever be, in the order of the model's labels; None: those of the first examples.
        options: as of `fit`.

    Examples:
        >>> from hadamrnn_ext.closed_form import Running
        >>> rng, y = np.random.default_rng(0), np.arange(60) % 2
        >>> x = rng.normal(size=(60, 8, 1)) + y[:, None, None]
        >>> running = Running(x[:20], y[:20], hidden_size=16)
        >>> running.add(x[20:], y[20:]).fitted().report.sequences
        60
    """

    def __init__(
        self,
        X: Any,
        y: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        classes: Iterable[Any] | None = None,
        **options: Any,
    ) -> None:
        self._begin = time.perf_counter()
        self._options = Options(**options).checked()
        self._labels = None if classes is None else tuple(map(str, classes))
        given = Examples(X, y)
        reader, found, warnings = read(given, self._options)
        refuse_steps(y, found.lengths, self._options.every_step)
        count = len(found.lengths)
        answers = targets(y, count, self._options.kind, self._labels)
        self._labels = answers.labels
        numbers = None if groups is None else holdout.groups_of(groups, count)
        rows = sample(count, CHUNK, self._options.seed)
        self._reader = reader.learned(found, rows, self._options.normalize, given.places)
        data = Data(
            self._reader.series(found, answers.values, given.places), self._reader, self._threads(count)
        )
        self._goal = Goal.of(answers, self._options.balanced)
        of_some = None if numbers is None else numbers[rows]
        about = custom.data_card(given, self._reader)
        self._fitter = Fitter(
            data.take(rows), self._goal.take(rows), of_some, self._options, True, about, warnings=warnings
        )
        self._add(data, self._goal)

    def add(self, X: Any, y: ArrayLike, *, name: str = "X") -> Running:
        """More examples of the same kind. Returns itself. Raises ShapeError or InputError; `name` is that of X there."""
        places = Places(name)
        found = self._reader.read(X, places)
        kind: Kind = "values" if self._labels is None else "classes"
        answers = targets(y, len(found.lengths), kind, self._labels, Places(f"{name[:-1]}y"))
        if answers.values.shape[1:] != self._goal.targets.shape[1:] and self._labels is None:
            raise InputError(f"y has shape {answers.values.shape}; expected (N, {self._goal.outputs})")
        series = self._reader.series(found, answers.values, places)
        self._add(Data(series, self._reader, self._threads(len(series))), self._goal.more(answers))
        return self

    def fitted(self) -> Fitted:
        """The model of all examples so far."""
        return self._fitter.fitted(self._begin)

    def _add(self, data: Data, goal: Goal) -> None:
        fitter = self._fitter
        fitter.add(sums_of(fitter.drawn, fitter.standard, data, goal, self._options.progress), len(data))

    def _threads(self, count: int) -> int:
        return inputs.threads(self._options.num_threads, count)


def fit_chunks(chunks: Iterable[tuple[Any, ArrayLike]], groups: ArrayLike | None, options: Options) -> Fitted:
    """`fit` of pairs (X, y), of which one is in memory at a time; the first chooses. Raises InputError without any."""
    if groups is not None:
        raise InputError("groups is given beside chunks, which say nothing of groups; expected arrays")
    running: Running | None = None
    for number, chunk in enumerate(chunks):
        if not isinstance(chunk, tuple) or len(chunk) != 2:
            raise InputError(f"chunk {number} is a {type(chunk).__name__}; expected a pair (X, y)")
        if running is None:
            running = Running(*chunk, **options._asdict())
        else:
            running.add(*chunk, name=f"chunk {number}: X")
    if running is None:
        raise InputError("X is an iterator without any chunk; expected pairs (X, y)")
    return running.fitted()
