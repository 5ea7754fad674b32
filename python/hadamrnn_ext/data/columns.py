"""The columns of tables of own data: those that the user names, those that a reader knows, and the layout that is found."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from ..errors import DataError
from ..file.card import Card
from ..file.data_card import DataCard
from .examples import Examples
from .sounds import Hearing
from .targets import Kind

__all__ = ["BY_NAME", "Columns", "Form", "Known", "Layout", "Request", "refuse_columns"]

Form = Literal["steps", "series", "texts"]


class Columns(NamedTuple):
    """The columns of a table, by name or by number from 0; None finds a column by its usual name.

    delimiter, decimal: the marks between cells and before decimals; None detects them.

    Examples:
        >>> from hadamrnn_ext.data import files
        >>> with open("walks.csv", "w") as file:
        ...     _ = file.write("who,what,x\\n1,walk,0.1\\n1,walk,0.3\\n2,run,1.4\\n2,run,1.2\\n")
        >>> x, y = files.read("walks.csv", files.Columns(id="who", label="what"))
        >>> [one.ravel().tolist() for one in x], list(map(str, y))
        ([[0.1, 0.3], [1.4, 1.2]], ['walk', 'run'])
    """

    label: str | None = None
    id: str | None = None
    time: str | None = None
    group: str | None = None
    features: tuple[str, ...] | None = None
    delimiter: str | None = None
    decimal: str | None = None


BY_NAME = Columns()


def refuse_columns(name: str, asked: Columns) -> None:
    """Raises DataError if columns are given for a file that is not a table."""
    given = [f"--{field}" for field, column in asked._asdict().items() if column is not None]
    if given:
        raise DataError(
            f"{name}: {given[0]} has no effect here: it is for tables such as CSV, and this file is not one"
        )


class Known(NamedTuple):
    """What a model that reads a file expects of it, or what the training data say of test data.

    width: features per step, 1 for tokens. texts: whether texts are read.

    Examples:
        >>> from hadamrnn_ext.data import files
        >>> files.Known.of_model(hr.load("har6").card).width
        9
        >>> np.savez("train.npz", X=np.zeros((4, 10, 3)), y=[0, 1, 0, 1])
        >>> files.Known.of_training(files.examples("train.npz")).width
        3
    """

    data: DataCard
    width: int
    texts: bool = False
    labels: tuple[str, ...] | None = None

    @classmethod
    def of_model(cls, card: Card) -> Known:
        """What a model expects of the files that it reads."""
        texts = card.preprocess.vocabulary is not None
        width = card.input_size if card.input == "features" else 1
        return cls(card.data or DataCard(), width, texts, card.labels)

    @classmethod
    def of_training(cls, examples: Examples) -> Known:
        """What training data say of the files of test data."""
        first = examples.x[0]
        texts = isinstance(first, str)
        width = 1 if texts or np.ndim(first) < 2 else np.shape(first)[1]
        return cls(examples.card or DataCard(), width, texts)


class Request(NamedTuple):
    """How a file is to be read.

    known: what its reader expects; None for the data to train on. kind: of the targets. hearing: how the model hears
    sounds. labelled: whether targets are read. card: of the model that answers; None for data to train on or to score.
    every_step: whether there is a target for every step.
    """

    columns: Columns = BY_NAME
    known: Known | None = None
    kind: Kind | None = None
    hearing: Hearing | None = None
    labelled: bool = True
    card: Card | None = None
    every_step: bool = False

    def once(self, name: str, what: str) -> None:
        """Raises DataError if targets for every step are asked of a file that has one for each sequence."""
        if self.every_step and self.labelled:
            raise DataError(
                f"{name}: {what} has one target; a target for every step is read from a table with a time step per row, or from "
                ".npz"
            )


class Layout(NamedTuple):
    """The numbers of the columns. `features` are the channels of steps, the steps of a series, or the column of texts.

    padded: whether series end with missing values that fill them up to one length, as in the UCR archive. notes: what a
    user who did not name the columns should know.
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
