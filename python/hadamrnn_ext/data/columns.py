"""Columns of tables of own data: the names that they usually have, those that somebody gives, and what is found of them."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from ..errors import DataError
from ..file.card import Card
from ..file.data_card import DataCard
from .examples import Examples

__all__ = [
    "BY_NAME",
    "GROUP",
    "ID",
    "LABEL",
    "PERHAPS_LABEL",
    "PERHAPS_TIME",
    "TEXT",
    "TIME",
    "USUAL",
    "Columns",
    "Form",
    "Known",
    "Layout",
    "refuse_columns",
]

Form = Literal["steps", "series", "texts"]

#: Names of columns that are found by themselves, in any case.
ID = ("id", "series", "series_id", "sequence", "sequence_id")
TIME = ("time", "timestamp", "datetime", "date")
LABEL = ("label", "class", "target")
TEXT = ("text",)
USUAL = (*ID, *TIME, *LABEL, *TEXT)
#: Names that mean it where nothing speaks against it: y beside x and z is a coordinate, t may be a temperature.
PERHAPS_LABEL, PERHAPS_TIME = "y", ("step", "t")
#: What a file can be split by; never a feature unless somebody says so.
GROUP = tuple(
    name + end
    for name in ("group", "subject", "person", "participant", "patient", "user", "device")
    for end in ("", "_id")
)


class Columns(NamedTuple):
    """Names of columns, or their numbers from 0; None finds them by their usual names. And the marks between cells and
    before decimals, None: as the file has them."""

    label: str | None = None
    id: str | None = None
    time: str | None = None
    group: str | None = None
    features: tuple[str, ...] | None = None
    delimiter: str | None = None
    decimal: str | None = None


BY_NAME = Columns()


def refuse_columns(name: str, asked: Columns) -> None:
    """Raises DataError where a file that is no table is asked for its columns."""
    given = [f"--{field}" for field, column in asked._asdict().items() if column is not None]
    if given:
        raise DataError(
            f"{name}: {given[0]} has no effect here: it is for tables such as CSV, and this is none"
        )


class Known(NamedTuple):
    """Who reads the file, where that is known: a model, or the training data beside which it is test data.

    width: features per step, 1 for tokens. texts: whether it reads texts.
    """

    data: DataCard
    width: int
    texts: bool = False
    labels: tuple[str, ...] | None = None

    @classmethod
    def of_model(cls, card: Card) -> Known:
        """What a model knows of the files that it reads."""
        texts = card.preprocess.vocabulary is not None
        width = card.input_size if card.input == "features" else 1
        return cls(card.data or DataCard(), width, texts, card.labels)

    @classmethod
    def of_training(cls, examples: Examples) -> Known:
        """What training data say of the files of test data beside them."""
        first = examples.x[0]
        texts = isinstance(first, str)
        width = 1 if texts or np.ndim(first) < 2 else np.shape(first)[1]
        return cls(examples.card or DataCard(), width, texts)


class Layout(NamedTuple):
    """Numbers of columns; `features` are the channels of steps, the steps of series, or the column of texts.

    padded: whether series of one length are filled up with missing values, as in the UCR archive. notes: what somebody
    should know who did not say it.
    """

    form: Form
    features: list[int]
    label: int | None = None
    id: int | None = None
    time: int | None = None
    group: int | None = None
    ignored: tuple[int, ...] = ()
    padded: bool = False
    notes: tuple[str, ...] = ()
