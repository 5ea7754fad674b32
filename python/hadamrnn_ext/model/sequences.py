"""What ``Stream`` and ``Streams`` share: sequences at places, the logits of the steps they take, and saved states."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import InputError
from ..file.card import Card
from . import outlive, states
from .classify import Classes
from .reader import Reader

__all__ = ["MAX_COUNT", "Places", "Sequences", "Source"]

MAX_COUNT = 1 << 24
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Places = NDArray[np.int64]


class Source(Protocol):
    """The parts of a ``Model`` that a stream needs."""

    @property
    def card(self) -> Card: ...
    @property
    def core(self) -> _core.Model: ...
    @property
    def classes(self) -> Classes: ...


class Sequences:
    """Sequences of one model at places 0 .. ``capacity`` - 1 of the core; the default None of ``at`` means all places."""

    __slots__ = ("_check_finite", "_core", "_core_step", "_model", "_most", "_raw", "_reader")

    def __init__(self, model: Source, capacity: int | None, raw: bool, check_finite: bool) -> None:
        """Fills all places with sequences at h_0 = 0. A capacity of None is one sequence whose steps have no batch axis."""
        _check_order(model.card, raw)
        self._model, self._raw, self._check_finite = model, raw, check_finite
        self._reader = Reader(model.card, raw)
        self._most = outlive.limit(model.card)  # steps of a sequence; None: no need to count them
        self._core = _core.Stream(model.core, capacity, check_finite, self._reader.features)
        self._core_step = self._core.step  # bound once, because a step costs no more than a few Python calls

    def _run(
        self,
        values: NDArray[Any],
        at: Places | None = None,
        starts: NDArray[np.int64] | None = None,
        lengths: NDArray[np.int64] | None = None,
        skip: bool = False,
    ) -> tuple[F32, list[tuple[int, int]]]:
        """Takes chunks as the network reads them: (k, T, ..), or (1, S, ..) with the start and length of each chunk.

        Returns:
            The logits: of all steps for output "all", (k, T, o) or (1, S, o), otherwise of the sequences so far, (k, o).
            Then the pairs (sequence, step) at which a sequence overflowed. With ``skip`` only these sequences keep their
            old states; otherwise, if there is any, all sequences do.
        """
        count = len(values) if lengths is None else len(lengths)
        rows = values.shape[:2] if self._model.card.output == "all" else (count,)
        logits = np.full((*rows, self._model.card.output_size), np.nan, np.float32)
        return logits, self._core.run(values, logits, at, starts, lengths, skip)

    def _save(self, at: Places | None = None) -> bytes:
        return states.dumps(self._model.card, self._core.get_state(at))

    def _set_state(self, value: Any, batch: tuple[int, ...], at: Places | None = None) -> None:
        """Sets a state of any form with these leading axes; see ``states.read``."""
        self._core.set_state(states.read(value, self._model.card, batch), at)


def _check_order(card: Card, raw: bool) -> None:
    """Raises InputError for a model that reads time steps in an order in which they cannot be streamed."""
    if card.bidirectional:
        raise InputError(
            "this model reads each sequence from its end as well, and cannot stream steps as they come; infer takes the "
            "whole sequence"
        )
    if card.preprocess.permutation is not None and not raw:
        raise InputError(
            f"this model reads its {card.preprocess.permutation.size} time steps in a permuted order and cannot "
            "stream them as they come; raw=True takes steps that are already permuted, scaled and normalized"
        )
