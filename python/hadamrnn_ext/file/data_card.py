"""How the files of a model's training data were read, so that later files need no options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ..errors import ModelFormatError
from .record import Record

__all__ = ["DataCard"]


@dataclass(frozen=True)
class DataCard(Record):
    """The form of the training data; `infer` and `eval` read other files in the same way.

    form: whether a row is a time step ("steps"), a whole series ("series") or a text ("texts"); None for arrays.
    features: the names of the channels, by which a file's columns are found; None if they have no names.
    label, id, time, group: the names of columns, or their numbers if the file has no header.
    impute: how missing values are filled in: by the mean of the channel, or by the last value before them.
    means: the mean of each channel, where missing values need it and no normalization holds it.
    """

    optional: ClassVar[tuple[str, ...]] = (
        *("form", "features", "label", "id", "time", "group"),
        *("impute", "means"),
    )

    form: Literal["steps", "series", "texts"] | None = None
    features: tuple[str, ...] | None = None
    label: str | None = None
    id: str | None = None
    time: str | None = None
    group: str | None = None
    impute: Literal["mean", "last"] | None = None
    means: tuple[float, ...] | None = None

    def check(self) -> None:
        if self.features is not None and len(set(self.features)) != len(self.features):
            raise ModelFormatError("DataCard.features lists a name twice")
        if self.means is not None and self.impute is None:
            raise ModelFormatError("DataCard.means is given without impute")

    def check_width(self, channels: int) -> None:
        """Raises ModelFormatError if the card describes another number of channels."""
        for name in ("features", "means"):
            if (given := getattr(self, name)) is not None and len(given) != channels:
                raise ModelFormatError(f"DataCard.{name} has {len(given)} entries; expected {channels}")

    def __str__(self) -> str:
        row = {"steps": "rows are steps", "series": "rows are series", "texts": "rows are texts"}
        named = {"id": self.id, "time": self.time, "label": self.label, "group": self.group}
        facts = [
            *([row[self.form]] if self.form is not None else []),
            *([f"features {', '.join(self.features)}"] if self.features is not None else []),
            *(f"{role} {column}" for role, column in named.items() if column is not None),
            *([f"missing {self.impute}"] if self.impute is not None else []),
        ]
        return "; ".join(facts)
