"""`hadamrnn infer - --follow`: an answer after every line of stdin, as it arrives."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from ..errors import DataError, InputError, ShapeError
from ..model import Model
from ..model.classify import classify, finite
from ..model.stream import Stream
from ..model.windows import Windows
from .answers import Answer

__all__ = ["follow"]


def follow(
    model: Model, *, top: int, logits: bool, window: int | None = None, hop: int | None = None
) -> Iterator[Answer]:
    """The answer so far after each line, which is a time step; an empty line begins a new sequence.

    With a `window` the answers for windows of so many lines, which begin `hop` lines apart. Errors name the line.
    """

    def begin() -> Stream | Windows:
        return model.stream() if window is None else model.windows(window, hop)

    stream = begin()
    features = model.card.input == "features"
    for number, line in enumerate(sys.stdin, 1):
        cells = line.replace(",", " ").split()
        if not cells:
            stream = begin()
            continue
        if not features and len(cells) > 1:
            raise DataError(
                f"line {number}: {line.strip()[:60]!r} has {len(cells)} values; expected one token"
            )
        try:
            step = np.array(cells, np.float64) if features else int(cells[0])
        except ValueError:
            raise DataError(
                f"line {number}: {line.strip()[:60]!r} is no time step; expected numbers"
            ) from None
        try:
            y = stream.step(step)
        except (InputError, ShapeError) as error:
            raise type(error)(f"line {number}: {error}") from None
        if y is None:
            continue
        if logits:
            yield Answer({"logits": finite(y, every_step=False)})
        else:
            yield Answer(classify(y, model.card, top, every_step=False)._asdict())
