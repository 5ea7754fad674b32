"""What the columns of a table are: by the names that somebody gives, by those that a model knows, by usual names.

Nothing is guessed: where two columns may be meant, or none, the error names the option that says which it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ..errors import DataError
from ..file.data_card import DataCard
from .columns import (
    BY_NAME,
    GROUP,
    ID,
    LABEL,
    PERHAPS_LABEL,
    PERHAPS_TIME,
    TEXT,
    TIME,
    Columns,
    Form,
    Known,
    Layout,
)
from .csv_evidence import counts, is_like_id, rises, target_by_place, target_of_words
from .csv_table import Table

__all__ = ["layout"]


def layout(
    table: Table, asked: Columns = BY_NAME, known: Known | None = None, labelled: bool = True
) -> Layout:
    """What each column is. `labelled` asks for targets, without which DataError is raised too."""
    return _Finder(table, asked, known, labelled).layout()


class _Finder:
    """The search for one table; each method settles one role and takes its columns away from the others."""

    def __init__(self, table: Table, asked: Columns, known: Known | None, labelled: bool) -> None:
        self.table, self.asked, self.labelled = table, asked, labelled
        self.known = known
        self.data = DataCard() if known is None else known.data
        self.notes: list[str] = []
        self.ignored: list[int] = []
        self.free = list(range(table.width))
        self.named = self._named_features()

    def layout(self) -> Layout:
        identity = self._role("id", self.asked.id, self.data.id, ID)
        time = self._role("time", self.asked.time, self.data.time, TIME)
        group = self._role("group", self.asked.group, self.data.group, ())
        label = self._role("label", self.asked.label, self.data.label, LABEL)
        self._drop_row_numbers()
        self._drop_groups(group)
        text = self._text()
        if time is None and text is None:
            time = self._perhaps_time(identity)
        form = "texts" if text is not None else self._form(identity, time)
        if label is None:
            label = self._perhaps_label(form, identity)
        if self.labelled and label is None:
            titles = self.table.titles(self.free)
            raise DataError(f"{self.table.name}: no column of targets; name it with --label, of {titles}")
        features = [text] if text is not None else self._features(form, label)
        if form == "series" and self.known is None and self.named is None:
            self._check_no_id(features, label)
        rest = [place for place in self.free if place not in features]
        if time is not None and form != "steps":
            rest, time = [*rest, time], None
        return Layout(
            form,
            features,
            label,
            identity,
            time,
            group,
            tuple(sorted({*self.ignored, *rest})),
            self.table.header is None and (label == 0 or self.data.label == "0"),
            tuple(self.notes),
        )

    def _named_features(self) -> list[int] | None:
        """Those that the user or the model names, which are nothing else. Raises DataError where one is missing."""
        if self.asked.features is not None:
            return [self.table.place(name) for name in self.asked.features]
        header = self.table.header
        if self.data.features is None or self.data.form == "texts" or header is None:
            return None
        if missing := [name for name in self.data.features if name not in header]:
            raise DataError(
                f"{self.table.name}: no column {', '.join(map(repr, missing))} of the features that the model reads "
                f"({', '.join(self.data.features)}); the header has {self.table.titles(range(self.table.width))}"
            )
        return [self.table.place(name) for name in self.data.features]

    def _take(self, place: int | None) -> int | None:
        if place in self.free:
            self.free.remove(place)
        return place

    def _role(
        self, option: str, given: str | None, remembered: str | None, usual: Sequence[str]
    ) -> int | None:
        """The column of a role. Raises DataError where two have usual names, or the given one is taken."""
        if given is not None:
            place = self.table.place(given)
            if place not in self.free or place in (self.named or ()):
                raise DataError(
                    f"{self.table.name}: --{option} {given} is a column that is something else already"
                )
            return self._take(place)
        header = self.table.header
        if header is None:
            return None if remembered is None else self._numbered(option, remembered)
        if remembered in header and header.index(remembered) in self._nameless():
            return self._take(header.index(remembered))
        found = [place for place in self._nameless() if header[place].lower() in usual]
        if len(found) > 1:
            names = " and ".join(repr(header[place]) for place in found)
            raise DataError(
                f"{self.table.name}: has the columns {names}; say with --{option} which one it is"
            )
        return self._take(found[0]) if found else None

    def _numbered(self, option: str, remembered: str) -> int | None:
        """A column that the model knows by its number, of a file without header. A target that nobody asks for may be
        missing: it is there where all its cells are labels of the model."""
        if not re.fullmatch(r"-?\d+", remembered):
            return None
        place = int(remembered) % self.table.width
        if option == "label" and not self.labelled:
            labels = () if self.known is None or self.known.labels is None else self.known.labels
            whole = self.table.whole(place)
            cells = self.table.cells(place) if whole is None else list(map(str, whole))
            if not {*cells} <= {*labels}:
                return None
        return self._take(place)

    def _nameless(self) -> list[int]:
        """The columns that are free and that nobody calls a feature."""
        return [place for place in self.free if place not in (self.named or ())]

    def _drop_row_numbers(self) -> None:
        """A column without a name that counts rows, as pandas writes one, is not read; any other is an error."""
        header = self.table.header
        for place in [
            place for place in self._nameless() if header is not None and not _has_name(header[place])
        ]:
            if not counts(self.table.whole(place), restarts=True):
                raise DataError(
                    f"{self.table.name}: column {place} has no name; expected one, or what is read by --features"
                )
            self.ignored.append(place)
            self.free.remove(place)

    def _drop_groups(self, group: int | None) -> None:
        header = self.table.header or ()
        for place in [place for place in self._nameless() if header and header[place].lower() in GROUP]:
            self.ignored.append(place)
            self.free.remove(place)
            if self.labelled and group is None and self.known is None:
                self.notes.append(f"--group {header[place]} would split by {header[place]}")

    def _text(self) -> int | None:
        """The column of texts: of the only name of words that is asked for, of that of the model, or of the usual one."""
        if self.known is not None and not self.known.texts:
            return None
        if self.asked.features is not None:
            asked = self.named or []
            return self._take(asked[0]) if len(asked) == 1 and not self.table.is_numeric(asked[0]) else None
        if self.data.form == "texts" and self.table.header is None:
            return self._take(self.free[0]) if len(self.free) == 1 else None
        names = {*TEXT, *(self.data.features or ())} if self.data.form == "texts" else {*TEXT}
        header = self.table.header or ()
        found = [place for place in self._nameless() if header and header[place].lower() in names]
        if self.data.form == "texts" and len(found) != 1:
            raise DataError(
                f"{self.table.name}: no column of texts; name it with --features, of {', '.join(header)}"
            )
        return self._take(found[0]) if len(found) == 1 else None

    def _perhaps_time(self, identity: int | None) -> int | None:
        """A column step or t where it counts up within each sequence: it is then in order whatever it is called."""
        header = self.table.header
        if header is None or identity is None:
            return None
        keys = self.table.cells(identity)
        for place in self._nameless():
            if header[place].lower() in PERHAPS_TIME and rises(keys, self.table.whole(place)):
                return self._take(place)
        return None

    def _form(self, identity: int | None, time: int | None) -> Form:
        """Whether a row is a time step or a series."""
        known = self.data.form
        if identity is not None:
            return self._form_by_ids(identity, time)
        if time is not None and self.asked.features is None:
            if self.known is None:
                raise DataError(
                    f"{self.table.name}: has a column {self.table.title(time)!r} of times and none that says of which sequence "
                    "a row is a step; name it with --id"
                )
            return "series" if known == "series" else "steps"
        if known == "steps" or (self.data.features is not None and known is None):
            return "steps"
        if known == "series" or self.known is None:
            return "series"
        return "steps" if self._is_of_steps() else "series"

    def _form_by_ids(self, identity: int, time: int | None) -> Form:
        """Rows of the same id are steps; where every row has an id of its own, series, if nothing speaks against it."""
        if len({*self.table.cells(identity)}) < len(self.table.rows):
            return "steps"
        if self.known is not None:
            return "steps" if self.data.form == "steps" or self._is_of_steps() else "series"
        if time is not None and self.named is None:
            title = self.table.title(identity)
            raise DataError(
                f"{self.table.name}: every row has an id of its own in column {title!r}, and a time; name with --id the column "
                "of the sequences whose steps they are, or with --features the steps of a series per row"
            )
        return "series"

    def _is_of_steps(self) -> bool:
        """Whether a row is a step of a model that knows no form: of several features, or of one where there is one column."""
        return self.known is not None and (self.known.width > 1 or len(self.named or self.free) == 1)

    def _y(self) -> list[int]:
        """A free column y that may be the target, since it is no coordinate beside x and z."""
        header = self.table.header or ()
        found = [place for place in self._nameless() if header and header[place].lower() == PERHAPS_LABEL]
        return [] if {"x", "z"} <= {title.lower() for title in header} else found

    def _perhaps_label(self, form: Form, identity: int | None) -> int | None:
        """A target without a usual name: the only column of words, or y unless it is a coordinate; of a table without
        header the first or the last column."""
        if self.known is not None and not self.labelled:
            return None
        if self.table.header is None:
            if form != "series":
                return None
            at, why = target_by_place(self.table, self.free)
            self.notes.append(why)
            return self._take(at)
        if self.data.label is not None:
            return None  # it has a name, which is not there
        keys = self.table.cells(identity) if identity is not None and form == "steps" else None
        free = self._nameless()
        if (place := target_of_words(self.table, free, keys)) is not None:
            return self._take(place)
        found = self._y()
        one_each = len(found) == 1 and (
            keys is None or len({*zip(keys, self.table.cells(found[0]), strict=True)}) == len({*keys})
        )
        return self._take(found[0]) if one_each else None

    def _features(self, form: Form, label: int | None) -> list[int]:
        if self.named is not None:
            return self.named
        places = [place for place in self.free if place != label]
        if form == "steps" and self.known is not None and len(places) != self.known.width:
            without = [place for place in places if place not in self._y()]
            if len(without) != self.known.width:
                raise DataError(
                    f"{self.table.name}: {len(places)} columns of features ({self.table.titles(places)}); the model reads "
                    f"{self.known.width} per step; --features names them, --id and --time what is none"
                )
            places = without
        titles = [self.table.title(place) for place in places]
        if form == "steps" and len({*titles}) < len(titles):
            twice = next(title for title in titles if titles.count(title) > 1)
            raise DataError(f"{self.table.name}: the header has {twice!r} twice; expected names that differ")
        if not places:
            raise DataError(f"{self.table.name}: no columns of features; expected some beside the target")
        return places

    def _check_no_id(self, features: list[int], label: int | None) -> None:
        """A row is to be a series, and a column repeats its values as the id of a sequence does: somebody has to say so.

        Columns of a numbered family, as 0, 1, 2 or t0, t1, t2, are steps.
        """
        targets = self.table.cells(label) if label is not None else None
        stems = {place: re.sub(r"\d+$", "#", self.table.title(place)) for place in features}
        family = Counter(
            stem for stem in stems.values() if stem.endswith("#") and self.table.header is not None
        )
        for place in (place for place in features if family[stems[place]] < 2):
            if is_like_id(self.table.whole(place), targets):
                title = self.table.title(place)
                raise DataError(
                    f"{self.table.name}: column {title!r} repeats its values as an id does, {len({*self.table.cells(place)})} in "
                    f"{len(self.table.rows)} rows: --id {title} makes a row a time step, --features names the steps of a series"
                )


def _has_name(title: str) -> bool:
    return bool(title) and not title.lower().startswith("unnamed:")
